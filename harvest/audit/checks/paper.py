"""What travels with an export says what the ledger says."""

from harvest.audit.check import Check
from harvest.config.policy import Severity

__all__ = ["PAPER"]

_EXPORTS = frozenset({"exports"})

PAPER = (
    Check(
        id="export-there",
        severity=Severity.WARNING,
        title="Exports in the ledger are in the workspace",
        fault="Exports without a folder",
        explanation="The folder of an export is gone. Its images are not judged here, but copies may be elsewhere.",
        sql="""
            SELECT NULL AS sha256, part, path, files || ' files, no folder' AS detail FROM missing_exports""",
    ),
    Check(
        id="export-stray",
        severity=Severity.VIOLATION,
        title="No file lies in an export without a row",
        fault="Files that nobody can trace",
        explanation="Somebody put it there by hand: it has no sighting, no licence and no credit.",
        needs=_EXPORTS,
        sql="""
            SELECT NULL AS sha256, part, path, 'in the folder, not in the ledger' AS detail FROM strays""",
    ),
    Check(
        id="paper-intact",
        severity=Severity.VIOLATION,
        title="The papers are the ones that were written",
        fault="Papers missing or edited",
        explanation="MANIFEST.jsonl, CREDITS.md and the other papers of an export are hashed again and compared with "
        "the digests that the ledger keeps of them.",
        needs=_EXPORTS | {"files"},
        sql="""
            SELECT NULL AS sha256, split_part(path, '/', 2) AS part, path,
                   CASE WHEN found IS NULL THEN 'missing' ELSE 'edited since it was written' END AS detail
            FROM files WHERE kind = 'paper' AND found IS DISTINCT FROM wanted""",
    ),
    Check(
        id="manifest-complete",
        severity=Severity.VIOLATION,
        title="The manifest lists every exported file, and no other",
        fault="Manifest and files disagree",
        explanation="MANIFEST.jsonl has one line a file, with the file's digest and that of its original.",
        needs=_EXPORTS,
        sql="""
            SELECT coalesce(a.sha256, m.original_sha256) AS sha256, coalesce(a.part, m.part) AS part,
                   coalesce(a.path, 'exports/' || m.part || '/' || coalesce(m.file, 'MANIFEST.jsonl')) AS path,
                   CASE WHEN m.line IS NULL THEN 'not in the manifest'
                        WHEN a.path IS NULL THEN 'line ' || m.line || ': not in the ledger'
                        WHEN m.original_sha256 IS DISTINCT FROM a.sha256 THEN 'line ' || m.line || ': another original'
                        ELSE 'line ' || m.line || ': another digest' END AS detail
            FROM audited a FULL JOIN manifest m ON m.part = a.part AND a.path = 'exports/' || m.part || '/' || m.file
            WHERE m.line IS NULL OR a.path IS NULL
               OR m.sha256 IS DISTINCT FROM a.derived_sha256 OR m.original_sha256 IS DISTINCT FROM a.sha256""",
    ),
    Check(
        id="manifest-agrees",
        severity=Severity.VIOLATION,
        title="The manifest says of each image what the ledger says",
        fault="Manifest and ledger disagree",
        explanation="Licence, creator, page and address in MANIFEST.jsonl are those of the ledger. "
        "Exporting again brings them together.",
        needs=_EXPORTS,
        sql="""
            WITH compared AS (
                SELECT a.sha256, a.part, a.path, m.line, unnest([
                    {field: 'license', paper: coalesce(m.license, 'unknown'), ledger: coalesce(a.license, 'unknown')},
                    {field: 'creator', paper: m.creator, ledger: o.creator},
                    {field: 'page_url', paper: m.page_url, ledger: o.page_url},
                    {field: 'image_url', paper: m.image_url, ledger: o.image_url}
                ], recursive := true)
                FROM audited a JOIN manifest m ON m.part = a.part AND a.path = 'exports/' || m.part || '/' || m.file
                LEFT JOIN origins o ON o.sha256 = a.sha256
            )
            SELECT sha256, part, path, string_agg(
                       'line ' || line || ': ' || field || ' is ' || coalesce(paper, 'missing')
                       || ', in the ledger ' || ledger,
                       '; ' ORDER BY field) AS detail
            FROM compared WHERE ledger IS NOT NULL AND paper IS DISTINCT FROM ledger GROUP BY sha256, part, path""",
    ),
    Check(
        id="creator-stated",
        severity=Severity.VIOLATION,
        title="The manifest states a creator or the word “unknown”",
        fault="Manifest lines without a creator",
        explanation="A gap must be visible as a gap: an empty creator is not the same as a creator nobody knows.",
        needs=_EXPORTS,
        sql="""
            SELECT original_sha256 AS sha256, part, 'exports/' || part || '/' || file AS path,
                   'line ' || line || ': no creator' AS detail
            FROM manifest WHERE coalesce(trim(creator), '') = ''""",
    ),
    Check(
        id="credit-complete",
        severity=Severity.VIOLATION,
        title="Every exported image carries a credit line",
        fault="Files without a credit",
        explanation="Attribution licences ask for title, creator, source and licence beside the work.",
        needs=_EXPORTS,
        sql="""
            SELECT sha256, part, path, 'no credit' AS detail FROM audited WHERE coalesce(trim(credit), '') = ''""",
    ),
    Check(
        id="selection-current",
        severity=Severity.WARNING,
        title="Exports hold what the recipe selects today",
        fault="Exported images that are no longer selected",
        explanation="A filter or a reviewer has since decided against the image. Exporting again takes it out.",
        needs=frozenset({"exports", "selection"}),
        sql="""
            SELECT sha256, part, path, 'no longer selected' AS detail
            FROM audited ANTI JOIN selection USING (sha256)""",
    ),
    Check(
        id="one-per-group",
        severity=Severity.WARNING,
        title="No export holds two copies of one picture",
        fault="Several copies of a picture in one export",
        explanation="Copies weigh a picture more than its neighbours, and leak between training and test sets.",
        sql="""
            WITH copies AS (
                SELECT a.sha256, a.part, a.path, d.group_id, count(*) OVER (PARTITION BY a.part, d.group_id) AS n
                FROM audited a JOIN duplicates d USING (sha256)
            )
            SELECT sha256, part, path, 'group ' || group_id[:12] || '…, ' || n || ' copies here' AS detail
            FROM copies WHERE n > 1""",
    ),
)
