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
        id="synthetic",
        severity=Severity.VIOLATION,
        title="No image declares itself made by a model",
        fault="Images made by a model",
        explanation="The IPTC digital source type that the file states, in XMP or in a C2PA manifest, is one that the "
        "policy keeps out.",
        sql="""
            SELECT a.sha256, a.part, a.path, i.digital_source_type AS detail
            FROM audited a JOIN images i USING (sha256) WHERE i.digital_source_type IN (SELECT unnest($synthetic))""",
    ),
    Check(
        id="takedown",
        severity=Severity.VIOLATION,
        title="Nothing that was taken down is here",
        fault="Images that were taken down",
        explanation="Somebody asked for this image to be removed, and the request was granted.",
        sql="""
            SELECT a.sha256, a.part, a.path, string_agg(DISTINCT t.reason, '; ' ORDER BY t.reason) AS detail
            FROM audited a JOIN takedowns t USING (sha256) GROUP BY a.sha256, a.part, a.path""",
    ),
    Check(
        id="takedown-copy",
        severity=Severity.WARNING,
        title="No copy of something that was taken down is here",
        fault="Copies of images that were taken down",
        explanation="Another copy of the same picture was removed on request.",
        sql="""
            SELECT a.sha256, a.part, a.path, 'a copy of ' || min(t.sha256)[:12] || '…: ' || min(t.reason) AS detail
            FROM audited a JOIN duplicates mine USING (sha256) JOIN duplicates other USING (group_id)
            JOIN takedowns t ON t.sha256 = other.sha256
            WHERE other.sha256 <> a.sha256 GROUP BY a.sha256, a.part, a.path""",
    ),
)
