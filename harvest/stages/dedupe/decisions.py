"""Groups to rows: a decision with its reason for every image, and who belongs to which group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from harvest.ledger import DuplicateRow
from harvest.stages.dedupe.groups import Layer
from harvest.stages.dedupe.pictures import Pictures
from harvest.stages.dedupe.search import Found, Reviewed

__all__ = ["Outcome", "outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`verdicts` are columns of the table decisions, a row for each image; `rows` the members of groups."""

    verdicts: pa.Table
    rows: list[DuplicateRow]
    groups: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """One of a group: how it belongs to it, what becomes of it, and why."""

    number: int
    layer: Layer | None
    distance: float
    verdict: str
    reason: str


def outcome(
    pictures: Pictures, found: Found, reviewed: Reviewed, *, words: dict[str, str], threshold: float | None
) -> Outcome:
    """Say of each image what becomes of it. `words` are columns that all decisions share; `threshold` is the recipe's.

    What people said of one image stands: a copy that they keep is kept, and is the one for which the others are
    dropped; one that they drop is dropped, and the best of the others is kept.
    """
    count = len(pictures)
    verdict = np.full(count, "keep", object)
    reason = np.full(count, "no copy of another image", object)
    value, limit = np.full(count, np.nan), np.full(count, np.nan if threshold is None else threshold)
    rows: list[DuplicateRow] = []
    groups = 0
    for number, row in reviewed.single.items():
        verdict[number], reason[number] = row.verdict, f"{row.verdict} said {row.decided_by}: {row.reason}"
    for keeper, members in _members(pictures, found, reviewed):
        groups += 1
        for member in members:
            verdict[member.number], reason[member.number] = member.verdict, member.reason
            value[member.number] = member.distance
            if member.layer is not None:
                limit[member.number] = member.layer.threshold
        rows += _duplicates(pictures, keeper, members)
    table = pa.table(
        {
            "sha256": pictures.table.column("sha256"),
            "verdict": pa.array(verdict, pa.string()),
            "reason": pa.array(reason, pa.string()),
            "value": pa.array(value, pa.float64(), from_pandas=True),
            "threshold": pa.array(limit, pa.float64(), from_pandas=True),
            **{name: pa.array([text] * count, pa.string()) for name, text in words.items()},
        }
    )
    return Outcome(verdicts=table, rows=rows, groups=groups, dropped=int((verdict == "drop").sum()))


def _members(pictures: Pictures, found: Found, reviewed: Reviewed) -> Iterator[tuple[int, list[_Member]]]:
    """Each group: the picture that is kept, and all members, the best first."""
    order = found.ranking.order
    groups: dict[int, list[int]] = defaultdict(list)
    for number in order[found.kept_for[order] != order].tolist():
        groups[int(found.kept_for[number])].append(number)
    for centre, others in groups.items():
        numbers = [centre, *others]
        said = {number: reviewed.single[number] for number in numbers if number in reviewed.single}
        kept = [number for number in numbers if number in said and said[number].verdict == "keep"]
        free = [number for number in numbers if number not in said]
        keeper = (kept or free or numbers)[0]
        members = []
        for number in numbers:
            layer, distance = _relation(found, centre, number)
            if number in said:
                verdict, row = said[number].verdict, said[number]
                reason = f"{verdict} said {row.decided_by}: {row.reason}; one of {len(numbers)} copies"
            elif number == keeper:
                verdict, reason = "keep", f"best of {len(numbers)} copies"
            else:
                by_whom = said[keeper].decided_by if keeper in said else None
                choice = f"the one that {by_whom} chose" if by_whom else f"the {found.ranking.why(keeper, number)} copy"
                what = _copy_of(pictures.sha256(centre if number != centre else keeper), layer, distance)
                verdict, reason = "drop", f"{what}; kept {choice}"
            members.append(_Member(number=number, layer=layer, distance=distance, verdict=verdict, reason=reason))
        yield keeper, members


def _relation(found: Found, centre: int, number: int) -> tuple[Layer | None, float]:
    """The method that bound a picture to its group, the strongest first, and how far it is by it."""
    for layer in found.layers if number != centre else ():
        distance = layer.between(centre, number)
        if distance is not None:
            return layer, distance
    return None, 0.0


def _copy_of(sha256: str, layer: Layer | None, distance: float) -> str:
    name = sha256[:12]
    match layer.kind if layer is not None else "":
        case "pixels":
            return f"same pixels as {name}"
        case "near":
            return f"near duplicate of {name} at {distance:g} bits"
        case "embedding":
            return f"copy of {name} at cosine {1 - distance:.3f}"
        case _:
            return f"copy of {name}"


def _duplicates(pictures: Pictures, keeper: int, members: list[_Member]) -> Iterator[DuplicateRow]:
    group = f"copies-{pictures.sha256(members[0].number)[:16]}"
    bond = next(member.layer for member in members if member.layer is not None)
    for member in members:
        layer = member.layer or bond
        yield DuplicateRow(
            group_id=group,
            sha256=pictures.sha256(member.number),
            keeper=member.number == keeper,
            kind=layer.kind,
            distance=member.distance,
            threshold=layer.threshold,
            method=layer.method,
            reason=member.reason,
        )
