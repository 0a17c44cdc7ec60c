"""On what terms each image may be used, and whether these are one answer."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from harvest.audit.check import Check
from harvest.config.policy import Severity

__all__ = ["LICENCES"]

_MET = "outcome IN ('stored', 'known', 'unchanged')"
# What each place says today: the last statement of every (source, id) about these bytes.
_SAID = f"""
    SELECT sha256, source, source_id,
           arg_max(coalesce(license, 'unknown'), (coalesce(fetched_at, TIMESTAMPTZ 'epoch'), run_id, seq)) AS license
    FROM sightings WHERE {_MET} GROUP BY sha256, source, source_id"""

LICENCES = (
    Check(
        id="licence-known",
        severity=Severity.VIOLATION,
        title="Every image has a known licence",
        fault="Unknown licences",
        explanation="Unknown is not free. The ledger keeps what the source said to the letter (license_raw), so that a "
        "person can decide; no program guesses.",
        sql="""
            SELECT a.sha256, a.part, a.path, 'the source said: ' || coalesce(o.license_raw, 'nothing') AS detail
            FROM audited a LEFT JOIN origins o USING (sha256)
            WHERE a.license IS NULL OR (o.sha256 IS NOT NULL AND o.license IS NULL)""",
    ),
    Check(
        id="licence-allowed",
        severity=Severity.VIOLATION,
        title="Every known licence is one the policy allows",
        fault="Licences that the policy does not allow",
        explanation="The policy lists the licences that fit the purpose; any other is out.",
        sql="""
            SELECT a.sha256, a.part, a.path, CASE WHEN a.license IN (SELECT unnest($allowed)) THEN o.license
                                                  ELSE a.license END AS detail
            FROM audited a LEFT JOIN origins o USING (sha256)
            WHERE a.license NOT IN (SELECT unnest($allowed)) OR o.license NOT IN (SELECT unnest($allowed))""",
    ),
    Check(
        id="licence-current",
        severity=Severity.VIOLATION,
        title="Exported licences are those of the ledger",
        fault="Exported licences out of date",
        explanation="The licence that went into the export is not the one the ledger has today. Export again.",
        needs=frozenset({"exports"}),
        sql="""
            SELECT a.sha256, a.part, a.path, 'exported as ' || a.license || ', in the ledger ' || o.license AS detail
            FROM audited a JOIN origins o USING (sha256) WHERE a.license <> o.license""",
    ),
    Check(
        id="licence-unchanged",
        severity=Severity.WARNING,
        title="No source changed its mind about a licence",
        fault="Licences that changed at their source",
        explanation="The same page gave another licence at another time. Creative Commons licences cannot be revoked, "
        "but the evidence for the earlier one should be kept.",
        sql=f"""
            WITH changed AS (
                SELECT sha256,
                       source || ' ' || source_id || ': ' || string_agg(DISTINCT answer, ', ' ORDER BY answer) AS said
                FROM (SELECT *, coalesce(license, 'unknown') AS answer FROM sightings WHERE {_MET})
                GROUP BY sha256, source, source_id HAVING count(DISTINCT answer) > 1
            )
            SELECT a.sha256, a.part, a.path, string_agg(said, '; ' ORDER BY said) AS detail
            FROM audited a JOIN changed USING (sha256) GROUP BY a.sha256, a.part, a.path""",
    ),
    Check(
        id="licence-agreed",
        severity=Severity.WARNING,
        title="All copies of a picture carry the same licence",
        fault="Copies with conflicting licences",
        explanation="A free licence in one place does not launder an unknown or a stricter one in another: somebody "
        "may have given away what was not theirs.",
        sql=f"""
            WITH said AS ({_SAID}),
            copies AS (
                SELECT a.sha256, a.part, a.path, coalesce(other.sha256, a.sha256) AS copy
                FROM audited a LEFT JOIN duplicates mine USING (sha256)
                LEFT JOIN duplicates other ON other.group_id = mine.group_id
            )
            SELECT c.sha256, c.part, c.path, string_agg(DISTINCT s.license, ', ' ORDER BY s.license) AS detail
            FROM copies c JOIN said s ON s.sha256 = c.copy
            GROUP BY c.sha256, c.part, c.path HAVING count(DISTINCT s.license) > 1""",
    ),
    Check(
        id="licence-commercial",
        severity=Severity.VIOLATION,
        title="Non-commercial works are not put to commercial use",
        fault="Non-commercial works in commercial use",
        explanation="The policy declares a commercial use; these licences exclude it.",
        sql="""
            SELECT sha256, part, path, license AS detail FROM audited WHERE $commercial AND contains(license, '-NC')""",
    ),
    Check(
        id="licence-derivatives",
        severity=Severity.WARNING,
        title="No-derivatives works are exported as they were served",
        fault="No-derivatives works that were changed",
        explanation="A resized or cropped copy may be an adaptation, which these licences do not let anybody hand on.",
        needs=frozenset({"exports"}),
        sql="""
            SELECT sha256, part, path, license AS detail FROM audited
            WHERE regexp_matches(license, '-ND-') AND derived_sha256 <> sha256""",
    ),
    Check(
        id="licence-share-alike",
        severity=Severity.NOTE,
        title="No work asks to be shared alike",
        fault="Works that ask to be shared alike",
        explanation="Adaptations of these must be shared under the same licence; two different share-alike licences "
        "may not be mixed into one adaptation.",
        sql="""
            SELECT sha256, part, path, license AS detail FROM audited WHERE regexp_matches(license, '-SA-')""",
    ),
)
