"""On what terms each image may be used, and whether these are one answer."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from harvest.audit.check import Check
from harvest.config.policy import Severity

__all__ = ["LICENCES"]

_MET = "outcome IN ('stored', 'known', 'unchanged')"
# Most images have one licence wherever they were met; who asks how places differ need not look at these.
_SEVERAL = f"""
    SELECT sha256 FROM sightings WHERE {_MET} GROUP BY sha256
    HAVING min(coalesce(license, 'unknown')) <> max(coalesce(license, 'unknown'))"""
# What each place says today: the last statement of every (source, id) about these bytes.
_SAID = f"""
    SELECT sha256, source, source_id,
           arg_max(coalesce(license, 'unknown'), (coalesce(fetched_at, TIMESTAMPTZ 'epoch'), run_id, seq)) AS license
    FROM sightings SEMI JOIN (SELECT sha256 FROM duplicates UNION ALL {_SEVERAL}) USING (sha256)
    WHERE {_MET} GROUP BY sha256, source, source_id"""


def _kind(license: str) -> str:  # noqa: A002 - the ledger's word
    return f"regexp_extract({license}, 'CC-(BY(?:-[A-Z]{{2}})*)-[0-9]', 1)"


def _version(license: str) -> str:  # noqa: A002
    return f"regexp_extract({license}, 'CC-BY[A-Z-]*-([0-9][.][0-9])', 1)"


def _words(text: str) -> str:
    """Text as a credit line has it; nothing where there is none."""
    return f"trim(regexp_replace(coalesce({text}, ''), '\\s+', ' ', 'g'))"


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
                FROM (
                    SELECT *, coalesce(license, 'unknown') AS answer
                    FROM sightings SEMI JOIN ({_SEVERAL}) USING (sha256) WHERE {_MET}
                )
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
            SELECT sha256, part, path, license AS detail
            FROM audited SEMI JOIN (FROM terms WHERE nc AND $commercial) USING (license)""",
    ),
    Check(
        id="licence-derivatives",
        severity=Severity.WARNING,
        title="No-derivatives works are exported as they were served",
        fault="No-derivatives works that were changed",
        explanation="A resized or cropped copy may be an adaptation, which these licences do not let anybody hand on.",
        needs=frozenset({"exports"}),
        sql="""
            SELECT sha256, part, path, license AS detail FROM audited SEMI JOIN (FROM terms WHERE nd) USING (license)
            WHERE derived_sha256 <> sha256""",
    ),
    Check(
        id="licence-augmented",
        severity=Severity.VIOLATION,
        title="No-derivatives works have no variants for training",
        fault="No-derivatives works that were augmented",
        explanation="A picture that was turned, cropped or recoloured is an adaptation, which these licences do not "
        "let anybody hand on. `harvest augment` leaves such works out; it does not know what was said of a work since.",
        sql="""
            SELECT sha256, part, path, license || ', a variant: ' || of AS detail
            FROM audited SEMI JOIN (FROM terms WHERE nd) USING (license) JOIN (
                SELECT sha256, min(path) || if(count(*) > 1, ' and ' || count(*) - 1 || ' more', '') AS of
                FROM augmented GROUP BY sha256
            ) USING (sha256)
            UNION
            SELECT sha256, part, a.path, license || ', exported as a variant' AS detail
            FROM audited a SEMI JOIN (FROM terms WHERE nd) USING (license)
            SEMI JOIN (SELECT sha256, derived_sha256 FROM augmented_rows ANTI JOIN augmented USING (sha256)) v
                USING (sha256, derived_sha256)
            ORDER BY ALL""",
    ),
    Check(
        id="licence-adapted",
        severity=Severity.VIOLATION,
        title="No-derivatives works are not adapted later",
        fault="No-derivatives works in a use that adapts",
        explanation="The policy declares that images are adapted after the export (use.adapted): augmented, cropped or "
        "composed. These licences do not let anybody hand on what comes of it.",
        sql="""
            SELECT sha256, part, path, license AS detail
            FROM audited SEMI JOIN (FROM terms WHERE nd AND $adapted) USING (license)""",
    ),
    Check(
        id="licence-share-alike",
        severity=Severity.NOTE,
        title="No work asks to be shared alike, or the result's licence is declared",
        fault="Works that ask to be shared alike",
        explanation="Adaptations of these must be shared under the same licence. The policy's use.shared_as declares "
        "the licence of the result, and then licence-shared-as compares.",
        sql="""
            SELECT sha256, part, path, license AS detail FROM audited SEMI JOIN (FROM terms WHERE sa) USING (license)
            WHERE $shared_as IS NULL""",
    ),
    Check(
        id="licence-shared-as",
        severity=Severity.VIOLATION,
        title="Share-alike works allow the licence under which the result is handed on",
        fault="Share-alike works that do not allow the result's licence",
        explanation="A share-alike licence lets adaptations be shared under itself, or a later version with the same "
        "conditions (not the versions 1.0, which say nothing of later ones).",
        sql=f"""
            WITH wanted AS (SELECT {_kind("$shared_as")} AS kind, {_version("$shared_as")} AS version),
            asking AS (
                SELECT license, {_kind("license")} AS kind, {_version("license")} AS version FROM terms WHERE sa
            )
            SELECT a.sha256, a.part, a.path, a.license || ', handed on as ' || $shared_as AS detail
            FROM audited a JOIN asking USING (license), wanted
            WHERE $shared_as IS NOT NULL AND license <> $shared_as
              AND NOT (asking.kind = wanted.kind AND asking.version <> '1.0' AND asking.version <= wanted.version)""",
    ),
    Check(
        id="licence-mixed",
        severity=Severity.WARNING,
        title="All works of an export could be composed into one",
        fault="Works that may not be composed with others beside them",
        explanation="One picture made of several, a mosaic for one, has to be shared under the share-alike licence of "
        "its parts. That leaves out non-commercial parts under a licence without that condition, no-derivatives parts, "
        "and parts under the other share-alike licence. Side by side they may lie.",
        sql=f"""
            WITH held AS (
                SELECT DISTINCT part, license, {_kind("license")} AS kind, nc, nd, sa
                FROM audited JOIN terms USING (license)
            ),
            clashes AS (
                SELECT one.part, one.license, string_agg(DISTINCT other.license, ', ' ORDER BY other.license) AS others
                FROM held one JOIN held other ON other.part IS NOT DISTINCT FROM one.part
                WHERE one.sa AND (other.nd OR (other.nc AND NOT one.nc) OR (other.sa AND other.kind <> one.kind))
                GROUP BY one.part, one.license
            )
            SELECT NULL AS sha256, part, NULL AS path, license || ' beside ' || others AS detail FROM clashes""",
    ),
    Check(
        id="attribution-creator",
        severity=Severity.WARNING,
        title="Whoever has to be credited is known",
        fault="Works to be credited, of unknown creators",
        explanation="The licence asks for the creator's name as far as it was given. No source gave one: look at the "
        "page, or leave the work out.",
        sql="""
            SELECT a.sha256, a.part, a.path, a.license || ', creator unknown' AS detail
            FROM audited a SEMI JOIN (FROM terms WHERE "by") USING (license) JOIN origins o ON o.sha256 = a.sha256
            WHERE coalesce(trim(o.creator), '') = ''""",
    ),
    Check(
        id="attribution-complete",
        severity=Severity.VIOLATION,
        title="Credits say all that attribution licences ask for",
        fault="Credits that leave something out",
        explanation="Title, creator, source and licence as far as the ledger knows them "
        "(https://wiki.creativecommons.org/wiki/Recommended_practices_for_attribution). Exporting again completes "
        "them.",
        needs=frozenset({"exports"}),
        sql=f"""
            WITH asked AS (
                SELECT a.sha256, a.part, a.path, list_filter([
                    CASE WHEN NOT contains(a.credit, {_words("o.title")}) THEN 'title' END,
                    CASE WHEN NOT contains(a.credit, {_words("o.creator")}) THEN 'creator' END,
                    CASE WHEN NOT contains(a.credit, o.page_url) THEN 'source' END,
                    CASE WHEN NOT (contains(a.credit, t.name) OR contains(a.credit, coalesce(t.uri, t.name)))
                         THEN 'licence' END
                ], lambda missing: missing IS NOT NULL) AS missing
                FROM audited a JOIN terms t ON t.license = a.license AND t."by" JOIN origins o ON o.sha256 = a.sha256
                WHERE trim(a.credit) <> ''
            )
            SELECT sha256, part, path, 'without ' || array_to_string(missing, ', ') AS detail
            FROM asked WHERE len(missing) > 0""",
    ),
)
