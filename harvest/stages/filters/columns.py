"""What a filter says in SQL, asked of all images at once: decisions as an Arrow table."""

# ruff: noqa: S608 - what is put into the SQL are the filters' own expressions
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import pyarrow as pa

from harvest.ledger import Connection
from harvest.stages.filters.base import Case, InSql

__all__ = ["judged"]

_READS: Mapping[str, tuple[str, str]] = {
    "origin": (
        "o.license, o.license_raw",
        "LEFT JOIN (SELECT sha256, license, license_raw FROM provenance) AS o USING (sha256)",
    ),
    "refusals": (
        "coalesce(refusals, []) AS refusals",
        """LEFT JOIN (
            SELECT sha256, list(DISTINCT signal ORDER BY signal) AS refusals FROM (
                SELECT sha256, unnest(from_json(opt_out,
                    '[{"kind": "VARCHAR", "value": "VARCHAR", "where": "VARCHAR"}]')) AS signal
                FROM sightings WHERE sha256 IS NOT NULL AND opt_out <> '[]'
            ) GROUP BY sha256
        ) AS r USING (sha256)""",
    ),
    "said": (
        "w.said, w.said_why, w.said_by",
        """LEFT JOIN (
            SELECT sha256, verdict AS said, reason AS said_why, decided_by AS said_by FROM reviews_in_force
            WHERE name = $the_recipe AND stage = 'filter' AND verdict IN ('keep', 'drop')
        ) AS w USING (sha256)""",
    ),
}


def judged(con: Connection, params: InSql, *, stage: str, recipe_digest: str, recipe: str = "") -> pa.Table:
    """The decisions, as columns, on every image that `stage` has none on yet under this digest; ordered by sha256.

    `recipe` is the name under which people's reviews stand, for filters that read them.
    """
    reads = [_READS[name] for name in sorted(params.reads)]
    statement = f"""
        WITH candidates AS (
            SELECT {", ".join(["i.*", *(columns for columns, _ in reads)])}
            FROM images_here AS i {" ".join(join for _, join in reads)}
            ANTI JOIN (
                SELECT sha256 FROM decisions WHERE stage = $the_stage AND recipe_digest = $the_digest
            ) AS decided USING (sha256)
        )
        SELECT sha256, $the_stage::VARCHAR AS stage, $the_digest::VARCHAR AS recipe_digest, v.*,
               $the_judge::VARCHAR AS decided_by
        FROM (SELECT sha256, CASE {" ".join(map(_case, params.cases()))} END AS v FROM candidates) ORDER BY sha256"""
    values = {
        **asdict(params),  # type: ignore[call-overload]
        "the_stage": stage,
        "the_digest": recipe_digest,
        "the_recipe": recipe,
        "the_judge": f"{stage}/{params.version}",
    }
    asked = {
        name: list(values[name]) if isinstance(values[name], tuple) else values[name]
        for name in con.extract_statements(statement)[0].named_parameters
    }
    return con.sql(statement, params=asked).to_arrow_table()


def _case(case: Case) -> str:
    verdict = "keep" if case.keep else "drop"
    return f"""WHEN {case.when} THEN {{
        'verdict': '{verdict}', 'reason': {case.reason}, 'value': ({case.value})::DOUBLE,
        'threshold': ({case.threshold})::DOUBLE}}"""
