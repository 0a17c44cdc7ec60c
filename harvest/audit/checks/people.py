"""Whether people are shown, and whether they agreed; faces are counted, never known."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from harvest.audit.check import Check
from harvest.config.policy import Severity

__all__ = ["PEOPLE"]

_NEEDS = frozenset({"faces"})
_SEEN = """
    SELECT sha256, max(faces) AS faces FROM faces WHERE coalesce(detector = $detector, true)
    GROUP BY sha256 HAVING max(faces) > 0"""
_COUNTED = "faces || CASE faces WHEN 1 THEN ' face' ELSE ' faces' END"

PEOPLE = (
    Check(
        id="faces",
        severity=Severity.NOTE,
        title="No picture shows a face",
        fault="Pictures that show faces",
        explanation="A detector found faces: how many and where, and nothing about who they are. It misses faces from "
        "behind, and takes a statue's for one.",
        needs=_NEEDS,
        sql=f"""
            SELECT a.sha256, a.part, a.path, {_COUNTED} AS detail FROM audited a JOIN ({_SEEN}) USING (sha256)""",
    ),
    Check(
        id="faces-consent",
        severity=Severity.VIOLATION,
        title="There is evidence of consent for every picture with a face",
        fault="Pictures with faces and without evidence of consent",
        explanation="The policy asks for it (people.faces: needs-consent): a label of the image at its source, or an "
        "entry for the image or its source in one of the files that people.consent names.",
        needs=_NEEDS,
        hides=True,
        sql=f"""
            WITH agreed AS (
                SELECT sha256 FROM consents WHERE sha256 IS NOT NULL
                UNION SELECT sha256 FROM sightings SEMI JOIN consents USING (source) WHERE sha256 IS NOT NULL
                UNION SELECT sha256 FROM sightings WHERE list_has_any(labels, $consent_labels) AND sha256 IS NOT NULL
            )
            SELECT a.sha256, a.part, a.path, {_COUNTED} || ', no consent' AS detail
            FROM audited a JOIN ({_SEEN}) USING (sha256) ANTI JOIN agreed USING (sha256) WHERE $needs_consent""",
    ),
)
