"""The ledger in numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harvest.ledger.database import Connection
from harvest.ledger.queries import latest_stages, runs
from harvest.ledger.rows import StageRun

__all__ = ["Status", "StatusLine", "Waiting", "status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLine:
    """One count: of sightings by source and outcome, of images by licence, of verdicts by stage."""

    of: str
    what: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Addresses of a source that failed for one reason and wait for another attempt, or a host that refuses.

    `what` is the first word of the reason (`http_503`, `timeout`), for hosts the whole of it, and `of` the source or
    the host. `ready` of the `count` addresses may be asked again now; `since` and `until` are when the first and the
    last of the others may (ISO 8601, UTC). A host has no addresses: its `count` is 0.
    """

    kind: str  # address | host
    of: str
    what: str
    count: int
    ready: int
    since: str | None
    until: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The ledger in numbers; each tuple is ordered, and a licence that nobody knows is called `unknown`."""

    images: int
    bytes: int
    runs: int
    unfinished_runs: tuple[str, ...]
    outcomes: tuple[StatusLine, ...]
    licences: tuple[StatusLine, ...]
    verdicts: tuple[StatusLine, ...]
    derived: tuple[StatusLine, ...]
    splits: tuple[StatusLine, ...]
    variants: tuple[StatusLine, ...]
    embeddings: tuple[StatusLine, ...]
    stages: tuple[StageRun, ...]
    waiting: tuple[Waiting, ...]


def status(con: Connection) -> Status:
    """Counts of everything. Verdicts are those of each stage's newest recipe digest."""
    ((count, size),) = con.execute("SELECT count(*), coalesce(sum(bytes), 0)::BIGINT FROM images").fetchall()
    met = runs(con)
    return Status(
        images=count,
        bytes=size,
        runs=len(met),
        unfinished_runs=tuple(run.run_id for run in met if run.outcome is None),
        outcomes=_lines(con, "SELECT source, outcome, count(*) FROM sightings GROUP BY ALL ORDER BY ALL"),
        licences=_lines(
            con,
            "SELECT coalesce(p.license, 'unknown'), p.source, count(*) FROM images JOIN provenance p USING (sha256) "
            "GROUP BY ALL ORDER BY ALL",
        ),
        verdicts=_lines(
            con,
            "SELECT stage, verdict, count(*) FROM decisions SEMI JOIN (SELECT stage, arg_max(recipe_digest, decided_at)"
            " AS recipe_digest FROM decisions GROUP BY stage) USING (stage, recipe_digest) GROUP BY ALL ORDER BY ALL",
        ),
        derived=_lines(
            con, "SELECT size || ' px', mode, count(DISTINCT sha256) FROM derived GROUP BY ALL ORDER BY ALL"
        ),
        splits=_lines(
            con, "SELECT 'split of ' || name, split, count(*) FROM splits GROUP BY name, split ORDER BY name, split"
        ),
        variants=_lines(
            con, "SELECT 'augmented for ' || name, 'variants', count(*) FROM augmented GROUP BY name ORDER BY name"
        ),
        embeddings=_lines(con, "SELECT model, 'vectors', count(*) FROM embeddings GROUP BY ALL ORDER BY ALL"),
        stages=tuple(latest_stages(con)),
        waiting=tuple(_waiting(con)),
    )


def _lines(con: Connection, statement: str) -> tuple[StatusLine, ...]:
    return tuple(StatusLine(of=of, what=what, count=count) for of, what, count in con.execute(statement).fetchall())


_WAITING = """
    SELECT 'address' AS kind, source AS of, regexp_extract(reason, '^[^: ]*') AS what, count(*),
           count(*) FILTER (next_attempt <= now()),
           strftime(min(next_attempt) FILTER (next_attempt > now()), '%Y-%m-%dT%H:%M:%SZ'),
           strftime(max(next_attempt) FILTER (next_attempt > now()), '%Y-%m-%dT%H:%M:%SZ')
    FROM url_states WHERE state = 'failed' GROUP BY ALL
    UNION ALL
    SELECT 'host', host, reason, 0, 0, NULL, strftime(until, '%Y-%m-%dT%H:%M:%SZ') FROM hosts_refusing
    ORDER BY kind, of, what"""


def _waiting(con: Connection) -> Iterator[Waiting]:
    for kind, of, what, count, ready, since, until in con.execute(_WAITING).fetchall():
        yield Waiting(kind=kind, of=of, what=what, count=count, ready=ready, since=since, until=until)
