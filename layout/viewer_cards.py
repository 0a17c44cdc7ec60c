"""What a viewer knows of images: columns in pieces that load one by one, so that a wall of any size opens at once."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from layout.grid import Grid

__all__ = ["FIELDS", "Piece", "embedded", "facets", "on_plane", "pieces", "pieces_digest", "runs"]

FIELDS = (
    "file",
    "sha256",
    "title",
    "creator",
    "creator_url",
    "license",
    "license_url",
    "source",
    "page_url",
    "date",
    "width",
    "height",
    "picture",
    "labels",
    "duplicates",
    "copies",
)
"""What a card may say, all of it optional.

`picture` is a path relative to the page, shown instead of the tile; `labels` a list of words; `duplicates` how many
copies were left out for this image, and `copies` the first of them: mappings of title, source, page_url and picture.
A card's `scores`, numbers by name, become columns that the wall can be coloured by.
"""

PIECE = 1024
"""Cards in a piece: read in a few milliseconds, which no pointer notices."""

_BINS = 64
_MOST_VALUES = 400
_NAMES = {"source": "Source", "license": "Licence", "label": "Label"}
_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The number of a piece and the script that brings it."""

    number: int
    script: str


def embedded(value: object) -> str:
    """JSON that ends no script element, opens no comment and breaks no line of JavaScript."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def runs(cells: NDArray[np.int64], grid: Grid) -> list[int]:
    """Where images lie, as lengths of runs of cells, row by row: so many without one, so many with one, and again."""
    taken = np.zeros(grid.columns * grid.rows + 2, np.int8)
    taken[np.asarray(cells, np.int64) + 1] = 1
    turns = np.flatnonzero(np.diff(taken))
    return np.diff(turns, prepend=0).tolist() if len(turns) else []


def facets(cards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the wall can be coloured by: sources, licences and first labels by frequency, then scores by name.

    A facet of names has `values` and `counts`, one of numbers `least`, `most` and the counts of 64 `bins` between them;
    both have `unknown`, how many images have none. Facets that tell no two images apart are left out.
    """
    found: list[dict[str, Any]] = []
    for key, label in _NAMES.items():
        counts = Counter(name for card in cards if (name := _name(card, key)) is not None)
        unknown = len(cards) - sum(counts.values())
        if len(counts) + (unknown > 0) < 2 or not counts:
            continue
        common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST_VALUES]
        values, numbers = (list(part) for part in zip(*common, strict=True))
        found.append(
            {"key": key, "label": label, "kind": "names", "values": values, "counts": numbers, "unknown": unknown}
        )
    for key in sorted({name for card in cards for name in (card.get("scores") or {})}):
        measured = np.array([_score(card, key) for card in cards], np.float64)
        known = measured[np.isfinite(measured)]
        if not len(known) or known.min() == known.max():
            continue
        least, most = float(known.min()), float(known.max())
        bins, _ = np.histogram(known, _BINS, (least, most))
        unknown = len(cards) - len(known)
        found.append(
            {"key": key, "label": key, "kind": "numbers", "least": _short(least), "most": _short(most)}
            | {"bins": bins.tolist(), "unknown": unknown}
        )
    return found


def on_plane(points: NDArray[np.floating]) -> tuple[NDArray[np.float64], dict[str, float]]:
    """Points from 0 on, the longer axis to 1, and how far they reach along each. Raises ValueError for NaN."""
    places = np.asarray(points, np.float64)
    if not np.isfinite(places).all():
        raise ValueError("expected points that are finite numbers")
    if not len(places):
        return places.reshape(0, 2), {"width": 1.0, "height": 1.0}
    low, extent = places.min(axis=0), np.ptp(places, axis=0)
    width, height = np.maximum(extent / (extent.max() or 1.0), 1e-6).tolist()
    return (places - low) / (extent.max() or 1.0), {"width": round(width, 6), "height": round(height, 6)}


def pieces(
    cards: Sequence[Mapping[str, Any]],
    order: Sequence[int],
    found: Sequence[Mapping[str, Any]],
    plane: NDArray[np.float64] | None = None,
) -> Iterator[Piece]:
    """The cards in `order`, a piece at a time; `found` is what `facets` found, `plane` where they lie in a cloud."""
    names = [
        (facet["key"], {name: i for i, name in enumerate(facet["values"])})
        for facet in found
        if facet["kind"] == "names"
    ]
    numbers = [facet["key"] for facet in found if facet["kind"] == "numbers"]
    for number, first in enumerate(range(0, len(order), PIECE)):
        part = [cards[index] for index in order[first : first + PIECE]]
        columns = {key: _column([_plain(key, card.get(key)) for card in part]) for key in FIELDS}
        for key, places in names:
            columns[f"is:{key}"] = _column([places.get(_name(card, key)) for card in part])
        for key in numbers:
            columns[f"of:{key}"] = _column([_number(_score(card, key)) for card in part])
        if plane is not None:
            for key, places in zip("xy", plane[order[first : first + PIECE]].T, strict=True):
                columns[key] = np.round(places, 4).tolist()
        told = {key: column for key, column in columns.items() if column is not None}
        yield Piece(number=number, script=f"mosaicPiece({number},{embedded(told)});\n")


def pieces_digest(scripts: Sequence[Piece]) -> str:
    """Eight digits that name a set of pieces."""
    digest = hashlib.sha256()
    for piece in scripts:
        digest.update(piece.script.encode("utf-8", "replace"))
    return digest.hexdigest()[:8]


def _name(card: Mapping[str, Any], key: str) -> str | None:
    if key == "label":
        labels = card.get("labels") or ()
        return str(labels[0]) if labels else None
    value = card.get(key)
    return None if value is None or value == "" else str(value)


def _score(card: Mapping[str, Any], key: str) -> float:
    value = (card.get("scores") or {}).get(key)
    return math.nan if value is None else float(value)


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _number(value: float) -> float | None:
    return _short(value) if math.isfinite(value) else None


def _plain(key: str, value: object) -> object:
    """A value of a card as JSON has it; paths as URLs relative to the page, so that no scheme slips in."""
    if value is None or value == "":
        return None
    if key == "picture":
        return quote(str(value))
    if key == "labels":
        return [str(label) for label in _listed(value)] or None
    if key == "copies":
        return [_copy(copy) for copy in _listed(value)] or None
    return value if isinstance(value, int) else str(value)


def _listed(value: object) -> Sequence[Any]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)


def _copy(copy: Mapping[str, object]) -> dict[str, str]:
    told = ("title", "source", "page_url", "picture")
    return {key: quote(str(copy[key])) if key == "picture" else str(copy[key]) for key in told if copy.get(key)}


def _column(values: list[Any]) -> object:
    """The shortest of the forms that the page reads: one value for all, a table and places in it, a common stem."""
    first = values[0]
    if all(value == first for value in values):
        return None if first is None else {"all": first}
    if any(isinstance(value, list) for value in values) or not any(isinstance(value, str) for value in values):
        return values
    table = {value: place for place, value in enumerate(dict.fromkeys(values))}
    if len(table) * 2 <= len(values):
        return {"of": list(table), "at": [table[value] for value in values]}
    texts = [value for value in values if value is not None]
    stem = _common_beginning(texts)
    if len(stem) > 3 and stem.isascii():  # halves of a surrogate pair must stay together
        return {"stem": stem, "near": [None if value is None else value[len(stem) :] for value in values]}
    return values


def _common_beginning(texts: Sequence[str]) -> str:
    least, most = min(texts), max(texts)
    differ = (place for place, (one, other) in enumerate(zip(least, most, strict=False)) if one != other)
    return least[: next(differ, min(len(least), len(most)))]
