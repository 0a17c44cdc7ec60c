"""Nobody said no, nobody took it back, and no machine made it."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from harvest.audit.check import Check
from harvest.config.policy import Severity

__all__ = ["REFUSALS"]

_SIGNALS = """
    SELECT sha256, image_url, signal.kind AS kind,
           signal.kind || ': ' || signal.value || ' (' || signal."where" || ')' AS said
    FROM (
        SELECT sha256, image_url, unnest(json_transform(
            opt_out, '[{"kind": "VARCHAR", "value": "VARCHAR", "where": "VARCHAR"}]')) AS signal
        FROM sightings WHERE json_array_length(opt_out) > 0
    )"""

# Host and port of an address, as the ledger names hosts.
_HOST = "lower(regexp_extract(image_url, '^[A-Za-z]+://(?:[^/?#@]*@)?([^/?#]+)', 1))"

REFUSALS = (
    Check(
        id="opt-out",
        severity=Severity.VIOLATION,
        title="No image is kept against a refusal",
        fault="Images kept against a refusal",
        explanation="robots.txt, noai and noimageai, TDMRep reservations, Content-Usage, Content-Signal, IPTC, C2PA: "
        "whenever one of these that the policy honours was met with these bytes or at their address, the image has to "
        "go, also when the refusal came later.",
        sql=f"""
            WITH signals AS ({_SIGNALS}),
            refused AS (
                SELECT sha256, said FROM signals WHERE kind IN (SELECT unnest($honoured)) AND sha256 IS NOT NULL
                UNION
                SELECT s.sha256, r.said FROM sightings s JOIN signals r USING (image_url)
                WHERE r.kind IN (SELECT unnest($honoured)) AND s.sha256 IS NOT NULL
                UNION
                SELECT sha256, 'iptc: ' || data_mining || ' (embedded)' FROM images
                WHERE starts_with(data_mining, 'DMI-PROHIBITED') AND 'iptc' IN (SELECT unnest($honoured))
            )
            SELECT a.sha256, a.part, a.path, string_agg(DISTINCT said, '; ' ORDER BY said) AS detail
            FROM audited a JOIN refused USING (sha256) GROUP BY a.sha256, a.part, a.path""",
    ),
    Check(
        id="credentials-read",
        severity=Severity.NOTE,
        title="Every C2PA manifest was read",
        fault="Images with a C2PA manifest that was not read",
        explanation="The file carries signed statements on its making and use that the crawl could not read: the "
        "package is missing (pip install 'herbarium-harvester[c2pa]'), or the manifest is broken. It may hold a "
        "refusal.",
        sql=f"""
            SELECT a.sha256, a.part, a.path, min(s.said) AS detail
            FROM audited a JOIN ({_SIGNALS}) s USING (sha256) WHERE s.kind = 'c2pa-unread'
            GROUP BY a.sha256, a.part, a.path""",
    ),
    Check(
        id="robots-asked",
        severity=Severity.NOTE,
        title="Every host was asked for its robots.txt",
        fault="Images of hosts whose robots.txt nobody has seen",
        explanation="For every host that an image was fetched from, the ledger holds what its robots.txt came to: "
        "read, absent, or not to be had. There is none from crawls that are told to ignore it, or that ran before this "
        "was noted.",
        sql=f"""
            WITH asked AS (SELECT DISTINCT {_HOST} AS host, sha256 FROM origins WHERE starts_with(image_url, 'http'))
            SELECT a.sha256, a.part, a.path, 'robots.txt of ' || host || ' not seen' AS detail
            FROM audited a JOIN asked USING (sha256) ANTI JOIN host_robots USING (host)""",
    ),
    Check(
        id="synthetic",
        severity=Severity.VIOLATION,
        title="No image declares itself made by a model",
        fault="Images made by a model",
        explanation="The IPTC digital source type that the file states, in XMP or in a C2PA manifest, is one that the "
        "policy keeps out.",
        sql="""
            WITH stated AS (
                SELECT sha256, digital_source_type AS said FROM images
                UNION SELECT sha256, digital_source_type FROM embedded WHERE version = $reader
            )
            SELECT a.sha256, a.part, a.path, said AS detail
            FROM audited a JOIN stated USING (sha256) WHERE said IN (SELECT unnest($synthetic))""",
    ),
    Check(
        id="synthetic-traces",
        severity=Severity.VIOLATION,
        title="No image bears the traces of a generator",
        fault="Images with traces of a generator",
        explanation="A program that generates pictures left its settings or its name in the file: PNG text, EXIF, XMP "
        "or a C2PA claim. Where the policy keeps out trainedAlgorithmicMedia, these go as well, whatever they declare.",
        needs=frozenset({"embedded"}),
        sql="""
            SELECT a.sha256, a.part, a.path, e.generator || ' (' || e.generator_where || ')' AS detail
            FROM audited a JOIN embedded e ON e.sha256 = a.sha256 AND e.version = $reader
            WHERE e.generator IS NOT NULL AND list_contains($synthetic, 'trainedAlgorithmicMedia')""",
    ),
    Check(
        id="takedown",
        severity=Severity.VIOLATION,
        title="Nothing that was taken down is here",
        fault="Images that were taken down",
        explanation="Somebody asked for this image to be removed, and the request was granted.",
        hides=True,
        sql="""
            SELECT a.sha256, a.part, a.path, string_agg(DISTINCT t.reason, '; ' ORDER BY t.reason) AS detail
            FROM audited a JOIN takedowns t USING (sha256) GROUP BY a.sha256, a.part, a.path""",
    ),
    Check(
        id="takedown-remains",
        severity=Severity.VIOLATION,
        title="Nothing is left of what was taken down",
        fault="Files left of images that were taken down",
        explanation="Something that shows an image that was taken down is still in the workspace: its original, a "
        "sized copy, a mosaic, a contact sheet, an export, or a raw answer that is kept as evidence. `harvest takedown "
        "--sha256` with the same image finishes what was left undone.",
        needs=frozenset({"files"}),
        hides=True,
        sql="""
            SELECT sha256, NULL AS part, path, kind || ', still here' AS detail FROM remains""",
    ),
    Check(
        id="takedown-copy",
        severity=Severity.WARNING,
        title="No copy of something that was taken down is here",
        fault="Copies of images that were taken down",
        explanation="Another copy of the same picture was removed on request.",
        hides=True,
        sql="""
            SELECT a.sha256, a.part, a.path, 'a copy of ' || min(t.sha256)[:12] || '…: ' || min(t.reason) AS detail
            FROM audited a JOIN duplicates mine USING (sha256) JOIN duplicates other USING (group_id)
            JOIN takedowns t ON t.sha256 = other.sha256
            WHERE other.sha256 <> a.sha256 GROUP BY a.sha256, a.part, a.path""",
    ),
)
