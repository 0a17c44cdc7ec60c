"""Made things: keys and vessels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from harvest.demo.specimens.canvas import Floats, Surface
from harvest.demo.specimens.curves import Points, bezier, ellipse, profile, read, ribbon, smoothstep, table, turn
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import contrast, mixed, varied

__all__ = ["key", "vessel"]

_KEY_END = 0.96


def key(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """An old key: pierced bow above, collared shank, bit with its wards cut at the lower right."""
    tincture = look.tincture
    thick = float(rng.uniform(0.10, 0.16))
    bow = float(rng.uniform(0.26, 0.34))
    centre = np.array([0.0, -0.98 + bow])
    _bit(surface, look, rng, thick)
    start = centre[1] + bow * (0.1 if look.variety == "trefoil" else 0.8)
    shank = np.array([[0, start], [0, _KEY_END]])
    surface.fill(ribbon(shank, thick), tincture.base, height=0.0)
    if look.variety == "barrel":
        surface.fill(ellipse((0, _KEY_END), thick / 2, thick * 0.22, steps=24), tincture.dark)
    else:
        surface.fill(ellipse((0, _KEY_END), thick * 0.62, thick * 0.5, steps=24), tincture.base, height=0.05)
    for y in np.cumsum(rng.uniform(0.06, 0.12, int(rng.integers(1, 4)))) - 0.34:
        ring = ellipse((0, y), thick * float(rng.uniform(0.7, 0.95)), 0.035, steps=24)
        surface.fill(ring, mixed(tincture.base, tincture.light, 0.2), height=0.1)
        surface.outline(ring, tincture.dark, 0.008, alpha=0.6)
    _bow(surface, look, rng, centre, bow)
    x, y = surface.grid
    on = smoothstep(start + 0.15, start + 0.3, y) * (y < _KEY_END + 0.1)
    surface.lift(on * np.sqrt(np.clip((thick / 2) ** 2 - x**2, 0, None)))
    bloom = tincture.accent if rng.random() < 0.4 else tincture.dark
    surface.speckle(rng, bloom, share=float(rng.uniform(0.05, 0.3)), scale=int(rng.integers(0, 2)), alpha=0.4)
    return Material(relief=1.2, softness=0.012, shade=1.0, gloss=0.55, mottle=0.06, shadow=1.15)


def _bow(surface: Surface, look: Look, rng: np.random.Generator, centre: Points, bow: float) -> None:
    tincture = look.tincture
    band = float(rng.uniform(0.2, 0.34)) * bow
    if look.variety == "trefoil":
        _trefoil(surface, look, centre, bow, band)
        return
    if look.variety == "heart":
        t = np.linspace(0, 2 * np.pi, 90, endpoint=False)
        lobes = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
        heart = np.stack([16 * np.sin(t) ** 3, -lobes], 1) / 16
        shape, inner = heart * bow * 1.15 + centre, heart * (bow * 1.15 - band * 1.1) + centre
    else:
        wide = float(rng.uniform(0.9, 1.4)) if look.variety == "ring" else float(rng.uniform(1.2, 1.5))
        shape = ellipse(centre, bow * wide, bow, steps=70)
        inner = ellipse(centre, bow * wide - band, bow - band, steps=70)
    surface.fill(shape, tincture.base, height=0.11)
    surface.outline(shape, tincture.dark, 0.008, alpha=0.6)
    surface.cut(inner)
    if look.variety == "barrel":
        for way in (0.0, np.pi / 2):
            bar = turn(np.array([[0, -bow * 0.9], [0, bow * 0.9]]), way) * [1.2, 1.0] + centre
            surface.fill(ribbon(bar, band * 0.5), tincture.base, height=0.09)
        surface.fill(ellipse(centre, band * 0.7, band * 0.7), tincture.base, height=0.13)


def _trefoil(surface: Surface, look: Look, centre: Points, bow: float, band: float) -> None:
    tincture = look.tincture
    lobe = bow * 0.56
    places = [centre + turn(np.array([[0.0, -bow * 0.62]]), way)[0] for way in (0.0, 2.1, -2.1)]
    for at in places:
        surface.fill(ellipse(at, lobe, lobe, steps=50), tincture.base, height=0.1)
        surface.outline(ellipse(at, lobe, lobe, steps=50), tincture.dark, 0.008, alpha=0.6)
    surface.fill(ellipse(centre, lobe * 0.7, lobe * 0.7), tincture.base, height=0.12)
    for at in places:
        surface.cut(ellipse(at, lobe - band * 0.75, lobe - band * 0.75, steps=40))


def _bit(surface: Surface, look: Look, rng: np.random.Generator, thick: float) -> None:
    """The bit is a plate with stepped cuts, hardly the same twice."""
    tincture = look.tincture
    wide, high = float(rng.uniform(0.34, 0.5)), float(rng.uniform(0.32, 0.46))
    bottom = _KEY_END - float(rng.uniform(0.05, 0.12))
    top = bottom - high
    steps = int(rng.integers(4, 8))
    rows = np.repeat(np.linspace(top, bottom, steps + 1), 2)[1:-1]
    depth = np.repeat(thick / 2 + wide * rng.choice([0.45, 0.7, 1.0], steps), 2)
    depth[:2] = depth[-2:] = thick / 2 + wide
    plate = np.concatenate([[[0, top]], np.stack([depth, rows], 1), [[0, bottom]]])
    surface.fill(plate, tincture.base, height=0.07)
    surface.outline(plate, tincture.dark, 0.008, alpha=0.6)
    window = np.array([[-0.045, -0.03], [0.045, -0.03], [0.045, 0.03], [-0.045, 0.03]])
    for _ in range(int(rng.integers(0, 3))):
        y = float(rng.uniform(top + 0.2 * high, bottom - 0.2 * high))
        surface.cut(window + np.array([thick / 2 + wide * float(rng.uniform(0.25, 0.4)), y]))


_PROFILES = {
    "amphora": ((0, 0.2), (0.06, 0.16), (0.12, 0.13), (0.5, 0.55), (0.72, 0.5), (0.84, 0.17), (0.95, 0.17), (1, 0.25)),
    "jug": ((0, 0.34), (0.05, 0.33), (0.35, 0.55), (0.62, 0.42), (0.8, 0.23), (0.93, 0.25), (1, 0.3)),
    "bottle": ((0, 0.36), (0.04, 0.38), (0.3, 0.46), (0.52, 0.36), (0.66, 0.1), (0.93, 0.09), (1, 0.14)),
    "bowl": ((0, 0.3), (0.06, 0.26), (0.16, 0.24), (0.5, 0.72), (0.85, 0.93), (1, 0.97)),
    "urn": ((0, 0.3), (0.06, 0.28), (0.14, 0.16), (0.3, 0.4), (0.62, 0.68), (0.82, 0.56), (0.9, 0.42), (1, 0.52)),
}
_TALL = {"amphora": 1.94, "jug": 1.7, "bottle": 1.96, "bowl": 1.0, "urn": 1.6}
_TILT = 0.13  # how far a round rim opens to the eye, as seen a little from above


def vessel(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A turned vessel: profile from foot to lip, handles, painted friezes bent round the body."""
    tincture = look.tincture
    tall = _TALL[look.variety] * float(rng.uniform(0.92, 1.0))
    girth = float(rng.uniform(0.92, 1.0)) if look.variety == "bowl" else float(rng.uniform(0.86, 1.16))
    foot = tall / 2
    knots = [(s, w * girth * (1 + float(rng.normal(0, 0.03)))) for s, w in _PROFILES[look.variety]]
    y = np.linspace(foot, -foot, 200)
    half = profile((foot - y) / tall, knots)

    def width(level: Floats) -> Floats:
        return profile((foot - np.asarray(level)) / tall, knots)

    if look.variety in ("amphora", "jug", "urn"):
        _handles(surface, look, rng, tall, width)
    outline = np.concatenate([np.stack([half, y], 1), np.stack([-half, y], 1)[::-1]])
    surface.fill(ellipse((0, foot), float(half[0]), float(half[0]) * _TILT, steps=40), tincture.base)
    surface.fill(outline, tincture.base)
    _friezes(surface, look, rng, tall, width)
    surface.outline(outline, tincture.dark, 0.008, alpha=0.5)
    lip = float(half[-1])
    rim = ellipse((0, -foot), lip, lip * _TILT, steps=60)
    surface.fill(rim, mixed(tincture.base, tincture.light, 0.35))
    hollow = ellipse((0, -foot + 0.006), lip * 0.88, lip * _TILT * 0.8, steps=60)
    surface.wash(hollow, mixed(tincture.dark, (16, 12, 10), 0.5), 0.9)
    surface.outline(rim, tincture.dark, 0.008, alpha=0.5)
    gx, gy = surface.grid
    round_ = 0.95 * np.sqrt(np.clip(read(table(knots), (foot - gy) / tall) ** 2 - gx**2, 0, None))
    surface.lift(np.where(np.abs(gy) < foot + 0.2, round_, 0))
    if rng.random() < 0.4:
        edge = float(rng.uniform(-0.3, 0.3))
        glaze = varied(mixed(tincture.accent, tincture.dark, 0.25), rng, 10)
        run = gy + 0.07 * np.sin(9 * gx + 2 * np.sin(23 * gx))
        surface.tint(0.6 * smoothstep(edge + 0.06, edge - 0.06, run), glaze)
    if rng.random() < 0.35:
        surface.speckle(rng, tincture.dark, share=0.08, scale=0, alpha=0.5)
    return Material(relief=1.0, softness=0.008, shade=0.95, gloss=float(rng.choice([0.08, 0.45])), mottle=0.045)


def _handles(
    surface: Surface, look: Look, rng: np.random.Generator, tall: float, width: Callable[[Floats], Floats]
) -> None:
    tincture = look.tincture
    high = tall * float(rng.uniform(0.05, 0.1)) - tall / 2
    low = tall * (0.42 if look.variety == "jug" else 0.34) - tall / 2
    out, thick = float(rng.uniform(0.24, 0.36)), float(rng.uniform(0.06, 0.09))
    start, end = float(width(np.array(high))), float(width(np.array(low)))
    for side in (1,) if look.variety == "jug" else (-1, 1):
        path = bezier((side * start * 0.9, high), (side * (start + out * 1.5), high - 0.12),
                      (side * (end + out), low - 0.1), (side * end * 0.92, low), steps=36)  # fmt: skip
        surface.fill(ribbon(path, thick), mixed(tincture.base, tincture.dark, 0.15), height=0.05)
        surface.emboss(path, 0.1, thick * 0.5)
        surface.outline(ribbon(path, thick), tincture.dark, 0.008, alpha=0.6)


def _friezes(
    surface: Surface, look: Look, rng: np.random.Generator, tall: float, width: Callable[[Floats], Floats]
) -> None:
    """Bands of ornament, bent as they go round: lines, zigzag, tongues, dots, a block or a running meander."""
    tincture = look.tincture
    inks = sorted((tincture.accent, tincture.dark, tincture.light), key=lambda ink: contrast(ink, tincture.base))
    ink = inks[int(rng.integers(1, 3))]

    def around(turned: Floats, level: Floats) -> Points:
        """Places on the visible half: `turned` from -pi/2 to pi/2, `level` the height of the band's front."""
        half = width(level)
        return np.stack([half * np.sin(turned), level + half * _TILT * (np.cos(turned) - 0.5)], -1)

    steps = np.linspace(-1.5, 1.5, 60)
    for level in tall * np.sort(rng.uniform(0.2, 0.88, int(rng.integers(2, 5)))) - tall / 2:
        band, count = float(rng.uniform(0.04, 0.11)), int(rng.integers(14, 30))
        style = str(rng.choice(["line", "zigzag", "tongue", "dots", "meander", "block"]))
        above, below = around(steps, np.full(60, level - band)), around(steps, np.full(60, level + band))
        surface.lines(np.stack([above, below]), ink, 0.013, alpha=0.9)
        if style == "block":
            surface.wash(np.concatenate([above, below[::-1]]), ink, 0.85)
        elif style == "zigzag":
            saw = np.where(np.arange(count * 2) % 2, 0.7, -0.7) * band
            surface.line(around(np.linspace(-1.5, 1.5, count * 2), level + saw), ink, 0.018, alpha=0.9)
        elif style == "meander":
            wave = np.tile([-0.6, -0.6, 0.6, 0.6], count) * band
            along = np.repeat(np.linspace(-1.5, 1.5, count * 2 + 1), 2)[1:-1]
            surface.line(around(along, level + wave), ink, 0.016, alpha=0.9)
        elif style in ("tongue", "dots"):
            places = (np.arange(count) + 0.5) / count * 3.0 - 1.5
            size = 1.3 / count * float(width(np.array(level)))
            for place, at in zip(places, around(places, np.full(count, level)), strict=True):
                squeeze = max(0.2, float(np.cos(place)))
                deep = band * (0.85 if style == "tongue" else 0.4)
                surface.wash(ellipse(at, size * squeeze * 0.8, deep, steps=14), ink, 0.9)
