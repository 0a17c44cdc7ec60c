"""The museum's collection, laid out from a seed before anything is drawn: what hangs where, and what is planted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

import numpy as np

from harvest.demo.museum.cards import LICENCES, RESERVED, SILENT, Card, Terms, card_of, slug_of
from harvest.demo.museum.exhibit import SOURCES, Exhibit
from harvest.demo.museum.pictures import Copy, Drawing, Picture
from harvest.demo.museum.planted import COPIES
from harvest.demo.specimens import DEMO_SEEDS, KINDS, OFF_TOPIC

__all__ = ["ARCHIVE_CREATOR", "ARCHIVE_TERMS", "COUNTS", "Scale", "plan"]

T = TypeVar("T")
Scale = Literal["small", "full"]

#: How many of each kind are planted, for flickr, wayback, gallery and studio.
COUNTS: Final[dict[str, tuple[int, int, int, int]]] = {
    "specimen": (320, 220, 220, 160),
    "flaky": (5, 5, 6, 4),
    "no_creator": (0, 0, 8, 8),
    "exact": (8, 8, 12, 8),
    "reencoded": (10, 8, 8, 6),
    "resized": (8, 8, 8, 6),
    "cropped": (6, 4, 6, 4),
    "thumbnail": (0, 12, 6, 2),
    "off_topic": (16, 20, 14, 10),
    "synthetic": (5, 3, 4, 4),
    "data_mining": (2, 2, 4, 4),
    "no_licence": (0, 0, 8, 8),
    "all_rights_reserved": (8, 0, 4, 4),
    "robots_denied": (0, 0, 12, 4),
    "noai": (0, 0, 10, 6),
    "tdm": (0, 0, 12, 4),
    "truncated": (4, 4, 4, 2),
    "corrupt": (3, 5, 3, 3),
    "html_as_jpg": (0, 6, 4, 2),
    "bomb": (0, 1, 2, 1),
    "missing": (4, 5, 4, 3),
}
#: A small museum has this share of everything, and one of each kind, stated in each of its ways, wherever there is any.
_SMALL: Final = 1 / 10
#: What the archive's source config says for all that comes from it, since captures say nothing of their own.
ARCHIVE_TERMS: Final = next(terms for terms, _ in LICENCES if terms.license == "CC-PDM-1.0")
ARCHIVE_CREATOR: Final = "Plate Room of the Herbarium"
#: The ways in which a refusal is stated, taken in turn.
_WAYS: Final = {
    ("robots_denied", "gallery"): ("robots",),
    ("robots_denied", "studio"): ("robots",),
    ("noai", "gallery"): ("noai-header", "meta-robots"),
    ("noai", "studio"): ("noai-header",),
    ("tdm", "gallery"): ("well-known", "tdm-header"),
    ("tdm", "studio"): ("tdm-header",),
}
_FORMS: Final = (("JPEG", 0.84), ("PNG", 0.08), ("WEBP", 0.08))
_SIDES: Final = ((480, 0.25), (512, 0.5), (576, 0.2), (640, 0.05))
#: Width and height as shares of the drawing's side.
_SHAPES: Final = (((1.0, 1.0), 0.88), ((1.0, 0.875), 0.06), ((0.875, 1.0), 0.06))


@dataclass(frozen=True, slots=True)
class _Piece:
    """An exhibit before it has a place; `of` is the piece that it copies."""

    source: str
    kind: str
    card: Card
    picture: Picture
    way: str = ""
    of: int | None = None


def plan(seed: int, scale: Scale) -> tuple[Exhibit, ...]:
    """Every image of the museum, source by source; the same for the same seed and scale, whatever machine draws it."""
    counts = {
        kind: {source: _scaled(number, kind, source, scale) for source, number in zip(SOURCES, numbers, strict=True)}
        for kind, numbers in COUNTS.items()
    }
    rng = np.random.default_rng([seed, len(DEMO_SEEDS)])
    pieces = list(_originals(rng, seed, counts))
    pieces += _copies(rng, pieces, counts)
    return tuple(_hung(rng, pieces))


def _scaled(number: int, kind: str, source: str, scale: Scale) -> int:
    if scale == "full" or number == 0:
        return number
    return max(round(number * _SMALL), len(_WAYS.get((kind, source), ("",))))


def _originals(rng: np.random.Generator, seed: int, counts: dict[str, dict[str, int]]) -> Iterator[_Piece]:
    """All that is drawn for itself, the kinds of specimens dealt out evenly."""
    deck: list[str] = []
    index = 0
    for kind, by_source in counts.items():
        if kind in COPIES:
            continue
        for source, number in by_source.items():
            for turn in range(number):
                if not deck:
                    deck = [KINDS[at] for at in rng.permutation(len(KINDS))]
                subject = OFF_TOPIC[(index + turn) % len(OFF_TOPIC)] if kind == "off_topic" else deck.pop()
                terms, number_seed = _terms(rng, kind, source), DEMO_SEEDS[(seed * 9_973 + index) % len(DEMO_SEEDS)]
                ways = _WAYS.get((kind, source), ("",))
                yield _Piece(
                    source=source,
                    kind=kind,
                    card=_worded(card_of(subject, number_seed, terms), kind, source),
                    picture=_picture(rng, f"{index:04d}", kind, subject, number_seed),
                    way=ways[turn % len(ways)],
                )
                index += 1


def _terms(rng: np.random.Generator, kind: str, source: str) -> Terms:
    if source == "wayback":
        return ARCHIVE_TERMS
    free = LICENCES[int(rng.choice(len(LICENCES), p=[share for _, share in LICENCES]))][0]
    return {"no_licence": SILENT, "all_rights_reserved": RESERVED}.get(kind, free)


def _worded(card: Card, kind: str, source: str) -> Card:
    if kind == "no_creator":
        return replace(card, creator=None)
    return replace(card, creator=ARCHIVE_CREATOR) if source == "wayback" else card


def _picture(rng: np.random.Generator, name: str, kind: str, subject: str, seed: int) -> Picture:
    side, (across, down), form = _pick(rng, _SIDES), _pick(rng, _SHAPES), _pick(rng, _FORMS)
    turned = rng.random() < 0.04
    if kind == "off_topic":
        across = down = 1.0
    if kind in {"synthetic", "data_mining", "html_as_jpg", "truncated"}:
        form = "JPEG"
    return Picture(
        name=name,
        drawing=Drawing(kind=subject, seed=seed, size=side, width=int(side * across), height=int(side * down)),
        form="PNG" if kind == "bomb" else form,
        quality=int(rng.integers(88, 93)),
        orientation=int(rng.choice([3, 6, 8])) if turned and kind == "specimen" and form == "JPEG" else 1,
        xmp=kind if kind in {"synthetic", "data_mining"} else None,
        harm=kind if kind in {"truncated", "corrupt", "html_as_jpg", "bomb"} else None,
    )


def _pick(rng: np.random.Generator, table: tuple[tuple[T, float], ...]) -> T:
    return table[int(rng.choice(len(table), p=[share for _, share in table]))][0]


def _copies(rng: np.random.Generator, pieces: list[_Piece], counts: dict[str, dict[str, int]]) -> Iterator[_Piece]:
    """Copies of specimens, each of another one: half of them on the same host, half elsewhere.

    Nothing is copied into the archive from elsewhere, because there it would be under other terms.
    """
    free = [at for at in rng.permutation(len(pieces)) if _copyable(pieces[at])]
    for kind in COPIES:
        for source, number in counts[kind].items():
            for turn in range(number):
                at_home = turn % 2 == 0 or source == "wayback"
                at = next(at for at in free if (pieces[at].source == source) == at_home)
                free.remove(at)
                original = pieces[at]
                picture = _copied(rng, kind, original.picture, turn)
                yield _Piece(source=source, kind=kind, card=original.card, picture=picture, of=int(at))


def _copyable(piece: _Piece) -> bool:
    return piece.kind == "specimen" and piece.picture.orientation == 1


def _copied(rng: np.random.Generator, kind: str, original: Picture, turn: int) -> Picture:
    if kind == "exact":
        return original
    copy, form, quality = Copy(), original.form, 90
    if kind == "reencoded":
        forms = {"JPEG": ("JPEG", "WEBP", "PNG"), "PNG": ("JPEG",), "WEBP": ("JPEG",)}[original.form]
        form, quality = forms[turn % len(forms)], 60
    elif kind == "resized":
        copy = Copy(scale=(0.75, 0.5)[turn % 2])
    elif kind == "cropped":
        copy = Copy(trim=(0.02, 0.03)[turn % 2])
    else:
        longest = max(original.size)
        copy, form, quality = Copy(scale=int(rng.integers(64, 97)) / longest), "JPEG", 80
    name = f"{original.name}-{kind}"
    return replace(original, name=name, form=form, quality=quality, original=original.name, copy=copy)


def _hung(rng: np.random.Generator, pieces: list[_Piece]) -> Iterator[Exhibit]:
    """Give every piece a number and a slug on its host, in an order that mixes the kinds."""
    places: dict[int, int] = {}
    for source in SOURCES:
        mine = [at for at, piece in enumerate(pieces) if piece.source == source]
        places |= {int(at): number for number, at in enumerate(rng.permutation(mine), start=1)}
    hung: dict[int, Exhibit] = {}
    for at, piece in enumerate(pieces):
        hung[at] = Exhibit(
            source=piece.source,
            number=places[at],
            kind=piece.kind,
            slug=slug_of(piece.card.title, places[at]),
            card=piece.card,
            picture=piece.picture,
            way=piece.way,
            of=None if piece.of is None else hung[piece.of],
        )
    order = {source: rank for rank, source in enumerate(SOURCES)}
    yield from sorted(hung.values(), key=lambda exhibit: (order[exhibit.source], exhibit.number))
