"""Whose pictures these are: no one creator, source, licence, decade or country outweighs the rest."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from harvest.audit.check import Check
from harvest.config.policy import Severity

__all__ = ["COMPOSITION", "DIMENSIONS"]

# What the shares are taken of; each is an expression over a row of `origins`, NULL where it is not known.
DIMENSIONS = {
    "source": "source",
    "license": "license",
    "creator": "nullif(trim(creator), '')",
    "decade": """substr(coalesce(
        regexp_extract(taken_at, '^[0-9]{4}'), regexp_extract(published_at, '^[0-9]{4}')), 1, 3) || '0s'""",
    "country": "nullif(trim(country), '')",
}
_WORDS = {"license": "licence"}


def _dominance(dimension: str, expression: str) -> Check:
    word = _WORDS.get(dimension, dimension)
    return Check(
        id=f"dominance-{word}",
        severity=Severity.WARNING,
        title=f"No {word} dominates",
        fault=f"{_many(word)} over their share",
        explanation=f"One {word} has a larger share than the policy's composition.{dimension} allows; a model trained "
        "on the set learns its manner instead of the subject.",
        sql=f"""
            WITH shares AS (
                SELECT {expression} AS name, count(*) AS images, sum(count(*)) OVER () AS total
                FROM origins GROUP BY name
            )
            SELECT NULL AS sha256, NULL AS part, NULL AS path,
                   name || ': ' || images || ' of ' || total::BIGINT || ' images, '
                   || round(100 * images / total, 1) || ' %, more than ' || round(100 * $max_{dimension}, 1) || ' %'
                   AS detail
            FROM shares WHERE name IS NOT NULL AND total >= $min_images AND images > $max_{dimension} * total""",
    )


def _many(word: str) -> str:
    return f"{word[:-1]}ies".capitalize() if word.endswith("y") else f"{word}s".capitalize()


COMPOSITION = (
    *(_dominance(dimension, expression) for dimension, expression in DIMENSIONS.items()),
    Check(
        id="split-leak",
        severity=Severity.VIOLATION,
        title="Nothing that is tested was learned from",
        fault="Images on both sides of a split",
        explanation="A copy of an image, or a variant that was made of it, is in another part of the same split, or an "
        "exported variant is of an image that is held out. `harvest split` binds copies that dedupe has found since.",
        sql="""
            SELECT a.sha256, a.part, a.path,
                   concat(mine.split, ' of ', mine.name, ', a copy of it in ', other.split, ': ', other.sha256[:12])
                   AS detail
            FROM audited a JOIN splits mine USING (sha256)
            JOIN duplicates d USING (sha256) JOIN duplicates copy ON copy.group_id = d.group_id
            JOIN splits other ON other.sha256 = copy.sha256 AND other.name = mine.name AND other.split <> mine.split
            UNION
            SELECT a.sha256, a.part, a.path, 'a variant of an image that is held out: ' || s.split || ' of ' || s.name
            FROM audited a SEMI JOIN augmented_rows v USING (sha256, derived_sha256)
            JOIN splits s ON s.sha256 = a.sha256 AND s.split <> 'train'
            ORDER BY ALL""",
    ),
)
