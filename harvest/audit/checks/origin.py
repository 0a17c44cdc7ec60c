"""Every image comes from somewhere that the ledger can name."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from harvest.audit.check import Check
from harvest.config.policy import Severity

__all__ = ["ORIGIN"]

_MET = "outcome IN ('stored', 'known', 'unchanged')"

ORIGIN = (
    Check(
        id="not-empty",
        severity=Severity.VIOLATION,
        title="There is something to audit",
        fault="Nothing to audit",
        explanation="An audit of nothing would pass. Run the recipe first, or look at `harvest status`.",
        sql="""
            SELECT NULL AS sha256, NULL AS part, NULL AS path, 'no exported, selected or stored image' AS detail
            WHERE (SELECT count(*) FROM audited) = 0""",
    ),
    Check(
        id="sighted",
        severity=Severity.VIOLATION,
        title="Every image was met by a crawl",
        fault="Images that no crawl has met",
        explanation="An image without a sighting has no source at all: nobody can say where its bytes are from.",
        sql=f"""
            SELECT sha256, part, path, 'no sighting of these bytes' AS detail
            FROM audited ANTI JOIN (SELECT DISTINCT sha256 FROM sightings WHERE {_MET}) USING (sha256)""",
    ),
    Check(
        id="page-url",
        severity=Severity.VIOLATION,
        title="Every image names the page it was on",
        fault="Images without a page",
        explanation="The page is where title, creator and licence can be checked again, and where a creator is found.",
        sql="""
            SELECT a.sha256, a.part, a.path, 'page: ' || coalesce(o.page_url, 'none') AS detail
            FROM audited a JOIN origins o USING (sha256)
            WHERE NOT coalesce(regexp_matches(o.page_url, '^https?://[^/]'), false)""",
    ),
    Check(
        id="image-url",
        severity=Severity.VIOLATION,
        title="Every image names the address it was fetched from",
        fault="Images without an address",
        explanation="Without the address of the file the fetch cannot be repeated.",
        sql="""
            SELECT a.sha256, a.part, a.path, 'image: ' || coalesce(nullif(o.image_url, ''), 'none') AS detail
            FROM audited a JOIN origins o USING (sha256)
            WHERE NOT coalesce(regexp_matches(o.image_url, '^https?://[^/]'), false)""",
    ),
    Check(
        id="run-known",
        severity=Severity.VIOLATION,
        title="Every sighting belongs to a recorded run",
        fault="Sightings without a run",
        explanation="The run says which program, in which version, under which source config met the image.",
        sql=f"""
            WITH loose AS (
                SELECT s.sha256, string_agg(DISTINCT s.run_id, ', ') AS runs
                FROM sightings s LEFT JOIN runs r USING (run_id)
                WHERE s.{_MET} AND coalesce(r.code_version, '') = ''
                GROUP BY s.sha256
            )
            SELECT sha256, part, path, 'no run with a code version: ' || runs AS detail
            FROM audited JOIN loose USING (sha256)""",
    ),
    Check(
        id="run-finished",
        severity=Severity.WARNING,
        title="Every image was met by a run that finished",
        fault="Images that only unfinished runs have met",
        explanation="A run that was killed or that fell short has a journal that is not closed by a final digest yet. "
        "Running the same crawl again finishes it.",
        sql=f"""
            WITH finished AS (
                SELECT DISTINCT s.sha256 FROM sightings s JOIN runs r USING (run_id)
                WHERE s.{_MET} AND r.outcome IN ('finished', 'limited') AND r.journal_digest IS NOT NULL
            )
            SELECT a.sha256, a.part, a.path, 'run ' || o.run_id || ' did not finish' AS detail
            FROM audited a JOIN origins o USING (sha256) ANTI JOIN finished f ON f.sha256 = a.sha256
            SEMI JOIN runs r ON r.run_id = o.run_id""",
    ),
    Check(
        id="creator-named",
        severity=Severity.NOTE,
        title="Every image names its creator",
        fault="Images without a named creator",
        explanation="Where no source names one, the paper trail says “unknown”. Attribution licences need a name.",
        sql="""
            SELECT a.sha256, a.part, a.path, 'creator unknown' AS detail
            FROM audited a JOIN origins o USING (sha256) WHERE coalesce(trim(o.creator), '') = ''""",
    ),
)
