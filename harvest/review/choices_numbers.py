"""The numbers that a filter decided by, read from the ledger axis by axis."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.ledger import Connection
from harvest.review.choices_figures import Cut, Fate, Fates, Floats, Histogram, beside, histogram, spread

__all__ = ["Bound", "Scale", "Shown", "Strip", "scales"]

_MOST_THRESHOLDS = 4  # with more of them, the distance to each image's own is shown

_DECIDED = """
    SELECT sha256, value, coalesce(threshold, 'nan'::DOUBLE) AS threshold, verdict = 'drop' AS dropped
    FROM decisions SEMI JOIN images_here USING (sha256)
    WHERE stage = $stage AND recipe_digest = $digest AND isfinite(value) ORDER BY value, sha256"""
_MEASURED = """
    SELECT sha256, ({column})::DOUBLE AS value, coalesce(threshold, 'nan'::DOUBLE) AS threshold,
           verdict = 'drop' AS dropped
    FROM decisions JOIN images_here USING (sha256)
    WHERE stage = $stage AND recipe_digest = $digest AND isfinite(({column})::DOUBLE) ORDER BY 2, sha256"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A number in `column` of the table `images`, an SQL expression, that a filter holds against the bound `at`."""

    name: str
    column: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An image at its place on a scale."""

    sha256: str
    value: float
    fate: Fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The images just below a cut, and just above it, both ascending."""

    cut: Cut
    below: tuple[Shown, ...]
    above: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One axis: how images lie along it, those at its quantiles, and those beside its cuts.

    `name` is what its cuts bound in the recipe's words, '' without one. `dropped` counts those that one of its cuts
    dropped. `is_relative` says that numbers are distances to a threshold of each image's own.
    """

    name: str
    images: int
    dropped: int
    is_relative: bool
    histogram: Histogram
    cuts: tuple[Cut, ...]
    quantiles: tuple[Shown, ...]
    strips: tuple[Strip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """Numbers in ascending order, with what became of their images."""

    sha256s: pa.ChunkedArray
    values: Floats
    fates: Fates
    cuts: tuple[Cut, ...]
    is_relative: bool = False


def scales(
    con: Connection,
    *,
    stage: str,
    digest: str,
    names: Sequence[Mapping[str, Any]],
    bounds: Sequence[Bound],
    has_one_number: bool,
    quantiles: int,
    beside_cuts: int,
) -> tuple[Scale, ...]:
    """The axes of one filter, those first on which it dropped most; none where no number decided.

    With `bounds` there is an axis for each of their columns, on which all images lie; else the numbers are those of the
    decisions, on one axis, or on one for each threshold where they may measure different things. A threshold is called
    as the setting with its value in the first of `names` that has one such.
    """
    asked = {"stage": stage, "digest": digest}
    if bounds:
        axes = _measured(con, asked, bounds)
    else:
        found = con.sql(_DECIDED, params=asked).to_arrow_table()
        axes = _decided(found, names, has_one_number=has_one_number) if len(found) else iter(())
    made = [_scale(axis, quantiles, beside_cuts) for axis in axes]
    named = Counter(scale.name for scale in made)
    made = [replace(one, name=one.cuts[0].name) if named[one.name] > 1 and one.cuts else one for one in made]
    return tuple(sorted(made, key=lambda scale: -scale.dropped))


def _measured(con: Connection, asked: Mapping[str, str], bounds: Sequence[Bound]) -> Iterator[_Axis]:
    for column in dict.fromkeys(bound.column for bound in bounds):
        here = [bound for bound in bounds if bound.column == column]
        found = con.sql(_MEASURED.format(column=column), params=dict(asked)).to_arrow_table()
        if not len(found):
            continue
        values, thresholds, dropped = _columns(found)
        by_these = dropped & np.isin(thresholds, [bound.at for bound in here])
        cuts = tuple(_cut(bound.name, bound.at, values, by_these & (thresholds == bound.at)) for bound in here)
        fates = np.where(by_these, Fate.DROPPED, np.where(dropped, Fate.ELSEWHERE, Fate.KEPT)).astype(np.int8)
        yield _Axis(sha256s=found["sha256"], values=values, fates=fates, cuts=cuts)


def _decided(found: pa.Table, names: Sequence[Mapping[str, Any]], *, has_one_number: bool) -> Iterator[_Axis]:
    values, thresholds, dropped = _columns(found)
    held = ~np.isnan(thresholds)
    bounds = np.unique(thresholds[held])
    if len(bounds) > _MOST_THRESHOLDS:
        distance = values[held] - thresholds[held]
        order = np.argsort(distance, kind="stable")
        sha256s = found["sha256"].filter(pa.array(held)).take(pa.array(order))
        gone = dropped[held][order]
        cut = _cut("", 0.0, distance[order], gone)
        yield _Axis(sha256s=sha256s, values=distance[order], fates=gone.astype(np.int8), cuts=(cut,), is_relative=True)
        return
    cuts = [_cut(_named(names, float(at)), float(at), values, dropped & (thresholds == at)) for at in bounds]
    if not cuts or (has_one_number and len({cut.drops for cut in cuts}) == len(cuts)):
        yield _Axis(sha256s=found["sha256"], values=values, fates=dropped.astype(np.int8), cuts=tuple(cuts))
        return
    for cut in cuts:
        which = thresholds == cut.at
        yield _Axis(
            sha256s=found["sha256"].filter(pa.array(which)),
            values=values[which],
            fates=dropped[which].astype(np.int8),
            cuts=(cut,),
        )


def _columns(found: pa.Table) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    return (
        found["value"].to_numpy(),
        found["threshold"].to_numpy(),
        found["dropped"].to_numpy(),
    )


def _named(names: Sequence[Mapping[str, Any]], at: float) -> str:
    """The setting that has this very value, '' for none and for several."""
    for settings in names:
        found = [name for name, value in settings.items() if type(value) in {int, float} and float(value) == at]
        if found:
            return found[0] if len(found) == 1 else ""
    return ""


def _cut(name: str, at: float, values: Floats, dropped: NDArray[np.bool_]) -> Cut:
    """Which side of a bound is dropped shows in what was; where nothing was, in its name, and in where most lie."""
    below = int(np.count_nonzero(dropped & (values < at)))
    above = int(np.count_nonzero(dropped & (values > at)))
    if below == above:
        is_upper = name.startswith("max") or (not name.startswith("min") and np.median(values) < at)
        return Cut(name=name, at=at, drops="above" if is_upper else "below")
    return Cut(name=name, at=at, drops="below" if below > above else "above")


def _scale(axis: _Axis, quantiles: int, beside_cuts: int) -> Scale:
    figure = histogram(axis.values, axis.fates, axis.cuts)
    dropped = int(np.count_nonzero(axis.fates == Fate.DROPPED))
    strips = []
    for cut in axis.cuts:
        below, above = beside(axis.values, cut, beside_cuts)
        if dropped:
            strips.append(Strip(cut=cut, below=_shown(axis, below), above=_shown(axis, above)))
    return Scale(
        name=" and ".join(dict.fromkeys(filter(None, (re.sub("^(min|max)(_|$)", "", cut.name) for cut in axis.cuts)))),
        images=len(axis.values),
        dropped=dropped,
        is_relative=axis.is_relative,
        histogram=figure,
        cuts=axis.cuts,
        quantiles=_shown(axis, spread(len(axis.values), quantiles)),
        strips=tuple(strips),
    )


def _shown(axis: _Axis, positions: NDArray[np.intp]) -> tuple[Shown, ...]:
    sha256s = axis.sha256s.take(pa.array(positions)).to_pylist()
    return tuple(
        Shown(sha256=sha256, value=float(axis.values[at]), fate=Fate(axis.fates[at]))
        for sha256, at in zip(sha256s, positions, strict=True)
    )
