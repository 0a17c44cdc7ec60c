"""Colours of the typology: tinctures for specimens, grounds to lay them on, after old plates and cabinet drawers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

__all__ = ["GROUNDS", "TINCTURES", "Colour", "Ground", "Tincture", "contrast", "mixed", "varied"]

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tincture:
    """A specimen's colours: the body, its lights, its darks (ink and shadow) and a second hue for markings."""

    name: str
    base: Colour
    light: Colour
    dark: Colour
    accent: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a specimen lies on: a colour, its surface (`paper`, `linen` or `stone`) and how often it is taken."""

    name: str
    colour: Colour
    surface: str
    weight: float


def _rgb(code: str) -> Colour:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def _tincture(name: str, codes: str) -> Tincture:
    base, light, dark, accent = (_rgb(code) for code in codes.split())
    return Tincture(name=name, base=base, light=light, dark=dark, accent=accent)


TINCTURES: Final = {
    tincture.name: tincture
    for tincture in (
        _tincture("moss green", "6c7d41 a9b676 333f22 c9b458"),
        _tincture("olive", "857a3e bdb179 453e1e a4512c"),
        _tincture("sage", "8ba087 c6d2bf 465546 b8925f"),
        _tincture("emerald", "2c7259 83bd9d 113a2e d0ad4c"),
        _tincture("verdigris", "5b9a8b a8cfc0 2b5149 9a6b3e"),
        _tincture("teal", "2b6f7b 86b9ba 123843 dca65a"),
        _tincture("deep blue", "2f4f88 85a4cd 142449 dcb568"),
        _tincture("pale blue", "9dbac7 dbe7e8 54707f 7d5440"),
        _tincture("slate grey", "6f7c86 b0bac0 343d46 c88d57"),
        _tincture("charcoal", "454343 8a8580 1b1a1c c0a67a"),
        _tincture("silver", "a9b0b1 e2e6e3 50595e c79e62"),
        _tincture("ivory", "e2d4b3 f8f1de 94805a 94603a"),
        _tincture("ochre", "c48d36 ebc67c 6a4617 7c3220"),
        _tincture("gold", "d4a93e f4da90 7e5a1a 5a381a"),
        _tincture("rust", "a9522b df9766 54240e e5b96e"),
        _tincture("terracotta", "bd6f4b e3a683 6b3420 2b2422"),
        _tincture("crimson", "a12c35 d9797a 4c0f18 edc680"),
        _tincture("coral", "dd7a5c f6bba2 8a3829 f7e3c8"),
        _tincture("rose", "cb8a95 f0cccb 7c434d f5e6cb"),
        _tincture("violet", "6f5283 b29bc0 352442 dcb57c"),
        _tincture("umber", "735338 b09170 37261a dcbd8e"),
        _tincture("tan", "ba966b e2cba9 674b32 6d3123"),
    )
}

GROUNDS: Final = (
    Ground(name="cream paper", colour=_rgb("ece1c8"), surface="paper", weight=3.0),
    Ground(name="white paper", colour=_rgb("efece3"), surface="paper", weight=1.6),
    Ground(name="buff paper", colour=_rgb("d6c19a"), surface="paper", weight=1.4),
    Ground(name="dove grey", colour=_rgb("bdbcb5"), surface="linen", weight=1.2),
    Ground(name="slate", colour=_rgb("4a545c"), surface="stone", weight=2.0),
    Ground(name="deep blue", colour=_rgb("22345a"), surface="linen", weight=1.4),
    Ground(name="pale blue", colour=_rgb("b3c6cc"), surface="paper", weight=1.0),
    Ground(name="moss", colour=_rgb("545f40"), surface="linen", weight=1.1),
    Ground(name="ochre", colour=_rgb("c79c4d"), surface="paper", weight=0.9),
    Ground(name="black", colour=_rgb("201f21"), surface="stone", weight=1.3),
    Ground(name="terracotta", colour=_rgb("b0694c"), surface="paper", weight=0.7),
    Ground(name="rose grey", colour=_rgb("cbb0a8"), surface="linen", weight=0.8),
    Ground(name="wine", colour=_rgb("50222e"), surface="linen", weight=0.8),
    Ground(name="bottle green", colour=_rgb("1f3d36"), surface="linen", weight=0.8),
)


def contrast(first: Colour, second: Colour) -> float:
    """How well two colours part for the eye, in 8-bit steps: lightness counts twice as much as hue."""
    one, other = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
    weights = np.array([0.299, 0.587, 0.114])
    lightness = abs(float(weights @ (one - other)))
    hue = float(np.abs((one - weights @ one) - (other - weights @ other)).max())
    return lightness + hue / 2


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with a `share` (0 to 1) of `second`."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(first, second, strict=True))
    return r, g, b


def varied(colour: Colour, rng: np.random.Generator, amount: float = 7.0) -> Colour:
    """`colour` with a small change of lightness and of hue, `amount` 8-bit steps as standard deviation."""
    change = rng.normal(0, amount, 1) + rng.normal(0, amount / 2, 3)
    r, g, b = (int(np.clip(round(value + step), 0, 255)) for value, step in zip(colour, change, strict=True))
    return r, g, b
