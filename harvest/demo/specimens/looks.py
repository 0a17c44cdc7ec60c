"""What is settled before a specimen is drawn: its variety, tincture, ground, setting and pose, from kind and seed."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from harvest.demo.specimens.canvas import Pose
from harvest.demo.specimens.palettes import GROUNDS, TINCTURES, Colour, Ground, Tincture, contrast, varied

__all__ = ["KINDS", "PLANS", "Look", "Plan", "generator", "look"]

# How a specimen is laid out, by the ground's surface: the setting and its share.
_SETTINGS: Final = {
    "paper": (("plate", 0.3), ("plain", 0.2), ("card", 0.3), ("window", 0.2)),
    "linen": (("drawer", 0.45), ("plain", 0.25), ("window", 0.3)),
    "stone": (("plain", 0.4), ("drawer", 0.25), ("window", 0.35)),
}
_STRIPS: Final = (("", 0.6), ("ruler", 0.22), ("swatches", 0.18))
_SIDES: Final = {"left": (1, 0), "right": (-1, 0), "top": (0, 1), "bottom": (0, -1)}
_CORNERS: Final = ("lower right", "lower right", "lower left", "upper right", "upper left")
_LEAST_CONTRAST = 62.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A kind of specimen: `varieties` are adjectives, `tilt` how far it may be turned from upright, in degrees."""

    noun: str
    varieties: tuple[str, ...]
    tinctures: tuple[str, ...]
    tilt: float


def _plan(noun: str, varieties: str, tinctures: str, tilt: float) -> Plan:
    return Plan(noun=noun, varieties=tuple(varieties.split(", ")), tinctures=tuple(tinctures.split(", ")), tilt=tilt)


PLANS: Final = {
    "ammonite": _plan(
        "ammonite", "ribbed, smooth, banded, close-coiled",
        "umber, tan, slate grey, charcoal, ochre, rust, gold, ivory, teal", 180,
    ),
    "beetle": _plan(
        "beetle", "stag, scarab, long-horned, spotted",
        "emerald, charcoal, deep blue, crimson, gold, umber, teal, violet, rust", 180,
    ),
    "egg": _plan(
        "egg", "speckled, blotched, plain, scrawled",
        "pale blue, ivory, sage, tan, rose, teal, ochre, umber, silver", 180,
    ),
    "feather": _plan(
        "feather", "barred, plain, eyed, tipped",
        "slate grey, silver, rust, emerald, deep blue, charcoal, ivory, crimson, teal, umber, gold", 180,
    ),
    "fern": _plan(
        "fern frond", "tall, broad, fine, curled",
        "moss green, olive, sage, emerald, rust, umber, ochre", 180,
    ),
    "fish": _plan(
        "fish", "slender, deep-bodied, striped, spotted",
        "silver, coral, deep blue, gold, teal, crimson, olive, slate grey, pale blue, rust", 60,
    ),
    "flower": _plan(
        "flower", "daisy, five-petalled, poppy, double",
        "crimson, rose, ivory, gold, violet, coral, deep blue, pale blue, rust", 120,
    ),
    "key": _plan(
        "key", "ring, trefoil, heart, barrel",
        "charcoal, gold, verdigris, silver, rust, umber, slate grey", 180,
    ),
    "leaf": _plan(
        "leaf", "ovate, lanceolate, heart-shaped, lobed, toothed, palmate, fan-shaped",
        "moss green, olive, emerald, sage, rust, crimson, gold, ochre, umber", 180,
    ),
    "moth": _plan(
        "moth", "broad-winged, tailed, hawk, round-winged",
        "tan, ivory, umber, charcoal, rose, ochre, sage, rust, violet, pale blue, crimson", 75,
    ),
    "mushroom": _plan(
        "mushroom", "domed, conical, flat-capped, funnel",
        "crimson, tan, ivory, umber, violet, ochre, rust, rose, olive", 38,
    ),
    "scallop": _plan(
        "scallop", "ribbed, ringed, narrow, broad",
        "coral, rose, ivory, ochre, crimson, violet, tan, terracotta, pale blue, gold", 180,
    ),
    "starfish": _plan(
        "starfish", "slender, cushion, brittle, many-armed",
        "coral, crimson, violet, ochre, deep blue, terracotta, rose, teal, tan", 180,
    ),
    "urchin": _plan(
        "sea urchin", "bare, spined, flat, banded",
        "violet, sage, ivory, rose, umber, moss green, crimson, charcoal, teal", 180,
    ),
    "vessel": _plan(
        "vessel", "amphora, jug, bottle, bowl, urn",
        "terracotta, charcoal, ivory, teal, deep blue, verdigris, ochre, rust, pale blue, silver", 12,
    ),
    "whelk": _plan(
        "whelk", "turreted, ribbed, banded, smooth",
        "ivory, tan, ochre, rose, umber, coral, slate grey, rust, violet", 180,
    ),
}  # fmt: skip
KINDS: Final[tuple[str, ...]] = tuple(PLANS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One specimen's settled looks; `angle` is in degrees clockwise from upright."""

    kind: str
    seed: int
    variety: str
    tincture: Tincture
    ground: Ground
    setting: str
    board: Colour
    strip: str
    side: str
    label: bool
    corner: str
    angle: float
    mirror: bool
    pose: Pose


def generator(kind: str, seed: int, purpose: int) -> np.random.Generator:
    """Random numbers of their own for each `purpose` of a picture, the same on every machine."""
    return np.random.default_rng([zlib.crc32(kind.encode()), seed, purpose])


def look(kind: str, seed: int) -> Look:
    """Settle the looks of the specimen `seed` of `kind`. Raises KeyError for an unknown kind."""
    plan = PLANS[kind]
    rng = generator(kind, seed, 0)
    tincture = TINCTURES[plan.tinctures[int(rng.integers(len(plan.tinctures)))]]
    grounds = [g for g in GROUNDS if contrast(g.colour, tincture.base) >= _LEAST_CONTRAST and g.name != tincture.name]
    weights = np.array([g.weight for g in grounds])
    ground = grounds[int(rng.choice(len(grounds), p=weights / weights.sum()))]
    setting = _drawn(rng, _SETTINGS[ground.surface])
    strip = _drawn(rng, _STRIPS) if setting in ("plain", "card", "window") else ""
    side = str(rng.choice(list(_SIDES)))
    corner = _CORNERS[int(rng.integers(len(_CORNERS)))]
    label = not strip and setting != "window" and bool(rng.random() < 0.45)
    # Most lie near upright, as a curator would lay them; the wide turns are the rarer ones.
    angle = plan.tilt * float(rng.uniform(-1, 1)) * float(rng.uniform(0.4, 1))
    mirror = bool(rng.random() < 0.5)
    shift = np.clip(rng.normal(0, 0.028, 2), -0.055, 0.055)
    if strip:
        shift = shift * 0.5 + np.array(_SIDES[side]) * 0.04
    if label:
        shift = shift * 0.5 - 0.02 * np.array([1 if "right" in corner else -1, 1 if "lower" in corner else -1])
    pose = Pose(
        angle=math.radians(angle),
        mirror=mirror,
        reach=float(rng.uniform(0.32, 0.425)) * (0.9 if setting == "drawer" or strip else 1.0),
        centre=(0.5 + float(shift[0]), 0.5 + float(shift[1])),
    )
    boards = [g for g in GROUNDS if contrast(g.colour, ground.colour) >= _LEAST_CONTRAST]
    return Look(
        kind=kind,
        seed=seed,
        variety=plan.varieties[int(rng.integers(len(plan.varieties)))],
        tincture=Tincture(
            name=tincture.name,
            **{part: varied(getattr(tincture, part), rng) for part in ("base", "light", "dark", "accent")},
        ),
        ground=Ground(
            name=ground.name, colour=varied(ground.colour, rng, 5.0), surface=ground.surface, weight=ground.weight
        ),
        setting=setting,
        board=varied(boards[int(rng.integers(len(boards)))].colour, rng),
        strip=strip,
        side=side,
        label=label,
        corner=corner,
        angle=angle,
        mirror=mirror,
        pose=pose,
    )


def _drawn(rng: np.random.Generator, shares: tuple[tuple[str, float], ...]) -> str:
    names, chances = zip(*shares, strict=True)
    return str(rng.choice(names, p=chances))
