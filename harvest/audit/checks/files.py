"""The bytes on disk are the bytes the ledger speaks of."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from harvest.audit.check import Check
from harvest.config.policy import Severity

__all__ = ["FILES"]


def _digest_check(id_: str, kind: str, title: str, fault: str, explanation: str) -> Check:
    return Check(
        id=id_,
        severity=Severity.VIOLATION,
        title=title,
        fault=fault,
        explanation=explanation,
        needs=frozenset({"files"}),
        sql=f"""
            SELECT f.sha256, (SELECT min(part) FROM audited a WHERE a.sha256 = f.sha256) AS part, f.path,
                   CASE WHEN f.found IS NULL THEN 'missing: ' || f.path
                        ELSE 'changed: the ledger has ' || f.wanted[:12] || '…, the file is ' || f.found[:12] || '…'
                   END AS detail
            FROM files f WHERE f.kind = '{kind}' AND f.found IS DISTINCT FROM f.wanted""",
    )


FILES = (
    Check(
        id="image-known",
        severity=Severity.VIOLATION,
        title="Every image has a row of its own",
        fault="Images without a row",
        explanation="The row holds the digest, the format and the size of the bytes as they were served.",
        sql="""
            SELECT sha256, part, path, 'no row in the table images' AS detail
            FROM audited ANTI JOIN images USING (sha256)""",
    ),
    _digest_check(
        "original-intact",
        "original",
        "Originals are the bytes that were served",
        "Originals missing or changed",
        "Each original is hashed again and compared with the digest under which the crawl stored it.",
    ),
    _digest_check(
        "derived-intact",
        "derived",
        "Sized copies are the ones that were made",
        "Sized copies missing or changed",
        "Each sized copy of an audited image is hashed again and compared with its row.",
    ),
    _digest_check(
        "variant-intact",
        "variant",
        "Variants for training are the ones that were made",
        "Variants missing or changed",
        "Each variant of an audited image that `augment` made is hashed again and compared with its row.",
    ),
    _digest_check(
        "export-intact",
        "export",
        "Exported files are the ones that were exported",
        "Exported files missing or changed",
        "Each file of an export is hashed again and compared with its row.",
    ),
    Check(
        id="export-descends",
        severity=Severity.VIOLATION,
        title="Every exported file descends from its original",
        fault="Files of unknown descent",
        explanation="An exported file is the original itself, a sized copy or variant that a stage made of it, or one "
        "of these in the form that the format asks for; MANIFEST.jsonl says of which.",
        needs=frozenset({"exports"}),
        sql="""
            WITH descended AS (
                SELECT a.sha256, a.part, a.path, coalesce(m.made_from_sha256, a.derived_sha256) AS derived_sha256
                FROM audited a
                LEFT JOIN manifest m ON m.part = a.part AND a.path = 'exports/' || m.part || '/' || m.file
            )
            SELECT a.sha256, a.part, a.path, 'neither the original nor a sized copy or variant of it' AS detail
            FROM descended a ANTI JOIN derived d USING (sha256, derived_sha256)
            ANTI JOIN augmented_rows v USING (sha256, derived_sha256)
            WHERE a.derived_sha256 <> a.sha256""",
    ),
)
