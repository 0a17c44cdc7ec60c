"""What files say of themselves, held against what their sources said."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from harvest.audit.check import Check
from harvest.config.policy import Severity

__all__ = ["EMBEDDED"]

_NEEDS = frozenset({"embedded"})
_SAID = "embedded e ON e.sha256 = a.sha256 AND e.version = $reader"
_RESERVED = "'all rights reserved|alle rechte vorbehalten|tous droits r.serv.s|todos los derechos|tutti i diritti'"


def _names(text: str) -> str:
    """The words of a name, in small letters without accents."""
    return f"regexp_extract_all(lower(strip_accents({text})), '[\\pL\\d]{{2,}}')"


EMBEDDED = (
    Check(
        id="embedded-licence",
        severity=Severity.WARNING,
        title="No file contradicts the licence that its source gave",
        fault="Files that contradict their source's licence",
        explanation="The file's own metadata (XMP, IPTC, EXIF, PNG text) name other terms, reserve all rights, or "
        "claim a copyright in what the source calls public domain. Somebody may have given away what was not theirs, "
        "or a camera writes its owner's old notice: a person has to look.",
        needs=_NEEDS,
        sql=f"""
            WITH compared AS (
                SELECT a.sha256, a.part, a.path, CASE
                    WHEN e.license <> o.license THEN 'the file says ' || e.license || ', the source ' || o.license
                    WHEN e.license IS NULL AND regexp_matches(e.copyright, {_RESERVED}, 'i')
                        AND (t."by" OR t.is_free) THEN 'the file reserves all rights: ' || e.copyright
                    WHEN e.license IS NULL AND regexp_matches(e.copyright, '©|\\(c\\)|copyright', 'i')
                        AND t.is_free AND NOT t."by" THEN 'the file claims copyright: ' || e.copyright
                END AS detail
                FROM audited a JOIN {_SAID} JOIN origins o ON o.sha256 = a.sha256
                LEFT JOIN terms t ON t.license = o.license
            )
            FROM compared WHERE detail IS NOT NULL""",
    ),
    Check(
        id="embedded-creator",
        severity=Severity.WARNING,
        title="No file names another creator than its source",
        fault="Files that name another creator",
        explanation="The creator in the file's metadata shares no word with the creator that the source names: one of "
        "them is the wrong person to credit.",
        needs=_NEEDS,
        sql=f"""
            SELECT a.sha256, a.part, a.path, 'the file says ' || e.creator || ', the source ' || o.creator AS detail
            FROM audited a JOIN {_SAID} JOIN origins o ON o.sha256 = a.sha256
            WHERE trim(e.creator) <> '' AND trim(o.creator) <> ''
              AND NOT list_has_any({_names("e.creator")}, {_names("o.creator")})""",
    ),
    Check(
        id="embedded-notice",
        severity=Severity.NOTE,
        title="The record has what files say of maker and terms",
        fault="Files that say more than the record",
        explanation="The file names a creator or a licence where the source gave none, or holds a copyright notice "
        "that the export's credit leaves out; attribution licences ask for the notice to be kept.",
        needs=_NEEDS,
        sql=f"""
            WITH told AS (
                SELECT a.sha256, a.part, a.path, list_filter([
                    CASE WHEN coalesce(trim(o.creator), '') = '' THEN 'creator ' || e.creator END,
                    CASE WHEN o.license IS NULL THEN 'licence ' || coalesce(e.license, e.license_raw) END,
                    CASE WHEN NOT contains(a.credit, e.copyright)
                          AND NOT list_has_all({_names("a.credit")}, {_names("e.copyright")})
                         THEN 'notice ' || e.copyright END
                ], lambda more: more IS NOT NULL) AS more
                FROM audited a JOIN {_SAID} LEFT JOIN origins o ON o.sha256 = a.sha256
            )
            SELECT sha256, part, path, array_to_string(more, '; ') AS detail FROM told WHERE len(more) > 0""",
    ),
    Check(
        id="position",
        severity=Severity.WARNING,
        title="No file that is handed on tells where it was taken",
        fault="Files that tell where they were taken",
        explanation="GPS coordinates in EXIF or XMP lead to people's homes and to rare animals. Sized copies have no "
        "metadata; originals do. The places here are rounded to a degree.",
        needs=_NEEDS,
        sql=f"""
            SELECT a.sha256, a.part, a.path,
                   'near ' || round(e.latitude)::INTEGER || ', ' || round(e.longitude)::INTEGER AS detail
            FROM audited a JOIN {_SAID}
            WHERE e.latitude IS NOT NULL AND e.longitude IS NOT NULL AND a.derived_sha256 = a.sha256""",
    ),
)
