"""Made things: keys and vessels."""

from __future__ import annotations

import numpy as np

from harvest.demo.specimens.canvas import Floats, Surface
from harvest.demo.specimens.curves import Points, bezier, ellipse, mirrored, profile, ribbon, smooth, smoothstep, turn
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import mixed, varied

__all__ = ["key", "vessel"]


def key(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """An old key: pierced bow above, collared shank, bit with its wards cut at the lower right."""
    tincture = look.tincture
    thick = float(rng.uniform(0.10, 0.16))
    top, low = -0.36, 0.96
    bow = float(rng.uniform(0.26, 0.34))
    centre = np.array([0.0, -0.98 + bow])
    _bit(surface, look, rng, low, thick)
    shank = np.array([[0, centre[1] + bow * 0.8], [0, low]])
    surface.fill(ribbon(shank, thick), tincture.base, height=0.0)
    if look.variety == "barrel":
        surface.fill(ellipse((0, low), thick / 2, thick * 0.22, steps=24), tincture.dark)
    else:
        surface.fill(ellipse((0, low), thick * 0.62, thick * 0.5, steps=24), tincture.base, height=0.05)
    for y in np.cumsum(rng.uniform(0.06, 0.12, int(rng.integers(1, 4)))) + top + 0.02:
        ring = ellipse((0, y), thick * float(rng.uniform(0.7, 0.95)), 0.035, steps=24)
        surface.fill(ring, mixed(tincture.base, tincture.light, 0.2), height=0.1)
        surface.outline(ring, tincture.dark, 0.008, alpha=0.6)
    _bow(surface, look, rng, centre, bow)

    def round_shank(x: Floats, y: Floats) -> Floats:
        on = (y > centre[1] + bow) & (y < low)
        return np.asarray(np.where(on, np.sqrt(np.clip((thick / 2) ** 2 - x**2, 0, None)), 0))

    surface.lift(round_shank)
    surface.speckle(rng, tincture.accent if rng.random() < 0.4 else tincture.dark, share=float(rng.uniform(0.05, 0.3)),  # noqa: PLR2004
                    scale=int(rng.integers(0, 2)), alpha=0.4)  # fmt: skip
    return Material(relief=1.2, softness=0.012, shade=1.0, gloss=0.55, mottle=0.06, shadow=1.15)


def _bow(surface: Surface, look: Look, rng: np.random.Generator, centre: Points, bow: float) -> None:
    tincture = look.tincture
    band = float(rng.uniform(0.2, 0.34)) * bow
    if look.variety == "trefoil":
        lobe = bow * 0.56
        rings = [(centre + turn(np.array([[0.0, -bow * 0.62]]), way)[0], lobe) for way in (0.0, 2.1, -2.1)]
        for at, radius in rings:
            surface.fill(ellipse(at, radius, radius, steps=50), tincture.base, height=0.1)
            surface.outline(ellipse(at, radius, radius, steps=50), tincture.dark, 0.008, alpha=0.6)
        surface.fill(ellipse(centre, lobe * 0.7, lobe * 0.7), tincture.base, height=0.12)
        for at, radius in rings:
            hole = radius - band * 0.75
            surface.cut(ellipse(at, hole, hole, steps=40))
        return
    if look.variety == "heart":
        t = np.linspace(0, 2 * np.pi, 90, endpoint=False)
        heart = np.stack([16 * np.sin(t) ** 3, -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))], 1) / 16
        shape, inner = heart * bow * 1.15 + centre, heart * (bow * 1.15 - band * 1.1) + centre - [0, band * 0.1]
    else:
        wide = float(rng.uniform(0.9, 1.4)) if look.variety == "ring" else float(rng.uniform(1.2, 1.5))
        shape = ellipse(centre, bow * wide, bow, steps=70)
        inner = ellipse(centre, bow * wide - band, bow - band, steps=70)
    surface.fill(shape, tincture.base, height=0.11)
    surface.outline(shape, tincture.dark, 0.008, alpha=0.6)
    surface.cut(inner)
    if look.variety == "barrel":
        for way in (0.0, np.pi / 2):
            bar = turn(np.array([[0, -bow * 0.9], [0, bow * 0.9]]), way + 0.0) * [1.2, 1.0] + centre
            surface.fill(ribbon(bar, band * 0.5), tincture.base, height=0.09)
        surface.fill(ellipse(centre, band * 0.7, band * 0.7), tincture.base, height=0.13)


def _bit(surface: Surface, look: Look, rng: np.random.Generator, low: float, thick: float) -> None:
    """The bit is a plate with stepped cuts, never the same twice."""
    tincture = look.tincture
    wide, high = float(rng.uniform(0.34, 0.5)), float(rng.uniform(0.32, 0.46))
    bottom = low - float(rng.uniform(0.05, 0.12))
    top = bottom - high
    steps = int(rng.integers(4, 8))
    rows = np.repeat(np.linspace(top, bottom, steps + 1), 2)[1:-1]
    depth = np.repeat(thick / 2 + wide * rng.choice([0.45, 0.7, 1.0], steps), 2)
    depth[:2] = depth[-2:] = thick / 2 + wide
    plate = np.concatenate([[[0, top]], np.stack([depth, rows], 1), [[0, bottom]]])
    surface.fill(plate, tincture.base, height=0.07)
    surface.outline(plate, tincture.dark, 0.008, alpha=0.6)
    for _ in range(int(rng.integers(0, 3))):
        y = float(rng.uniform(top + 0.2 * high, bottom - 0.2 * high))
        x = thick / 2 + wide * float(rng.uniform(0.25, 0.4))
        surface.cut(np.array([[x - 0.045, y - 0.03], [x + 0.045, y - 0.03], [x + 0.045, y + 0.03], [x - 0.045, y + 0.03]]))


_PROFILES = {
    "amphora": ((0, 0.2), (0.06, 0.16), (0.12, 0.13), (0.5, 0.55), (0.72, 0.5), (0.84, 0.17), (0.95, 0.17), (1, 0.25)),
    "jug": ((0, 0.34), (0.05, 0.33), (0.35, 0.55), (0.62, 0.42), (0.8, 0.23), (0.93, 0.25), (1, 0.3)),
    "bottle": ((0, 0.36), (0.04, 0.38), (0.3, 0.46), (0.52, 0.36), (0.66, 0.1), (0.93, 0.09), (1, 0.14)),
    "bowl": ((0, 0.3), (0.06, 0.26), (0.16, 0.24), (0.5, 0.72), (0.85, 0.93), (1, 0.97)),
    "urn": ((0, 0.3), (0.06, 0.28), (0.14, 0.16), (0.3, 0.4), (0.62, 0.68), (0.82, 0.56), (0.9, 0.42), (1, 0.52)),
}
_TALL = {"amphora": 1.94, "jug": 1.7, "bottle": 1.96, "bowl": 1.0, "urn": 1.6}


def vessel(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A turned vessel: profile from foot to lip, handles, painted friezes bent round the body."""
    tincture = look.tincture
    tall = _TALL[look.variety] * float(rng.uniform(0.92, 1.0))
    girth = float(rng.uniform(0.86, 1.16)) if look.variety != "bowl" else float(rng.uniform(0.92, 1.0))
    foot = tall / 2
    knots = [(s, w * girth * (1 + float(rng.normal(0, 0.03)))) for s, w in _PROFILES[look.variety]]
    y = np.linspace(foot, -foot, 200)
    half = profile((foot - y) / tall, knots)
    tilt = 0.13

    def width(py: Floats) -> Floats:
        return np.asarray(profile((foot - py) / tall, knots))

    lip = float(half[-1])
    if look.variety in ("amphora", "jug", "urn"):
        _handles(surface, look, rng, foot, tall, width)
    base = ellipse((0, foot), float(half[0]), float(half[0]) * tilt, steps=40)
    outline = np.concatenate([np.stack([half, y], 1), np.stack([-half, y], 1)[::-1]])
    for part in (base, outline):
        surface.fill(part, tincture.base)
    _friezes(surface, look, rng, foot, tall, width, tilt)
    surface.outline(outline, tincture.dark, 0.008, alpha=0.5)
    rim = ellipse((0, -foot), lip, lip * tilt, steps=60)
    surface.fill(rim, mixed(tincture.base, tincture.light, 0.35))
    surface.wash(ellipse((0, -foot + 0.006), lip * 0.88, lip * tilt * 0.8, steps=60), mixed(tincture.dark, (16, 12, 10), 0.5), 0.9)
    surface.outline(rim, tincture.dark, 0.008, alpha=0.5)

    def turned(px: Floats, py: Floats) -> Floats:
        on = (py > -foot) & (py < foot)
        return np.asarray(np.where(on, 0.95 * np.sqrt(np.clip(width(py) ** 2 - px**2, 0, None)), 0))

    surface.lift(turned)
    if rng.random() < 0.4:  # noqa: PLR2004
        drip = float(rng.uniform(-0.3, 0.3))
        glaze = varied(mixed(tincture.accent, tincture.dark, 0.25), rng, 10)
        surface.tint(lambda px, py: 0.6 * smoothstep(drip + 0.06, drip - 0.06, py + 0.07 * np.sin(9 * px + 2 * np.sin(23 * px))), glaze)
    if rng.random() < 0.35:  # noqa: PLR2004
        surface.speckle(rng, tincture.dark, share=0.08, scale=0, alpha=0.5)
    return Material(relief=1.0, softness=0.008, shade=0.95, gloss=float(rng.choice([0.08, 0.45])), mottle=0.045)


def _handles(surface, look, rng, foot, tall, width):  # type: ignore[no-untyped-def]
    tincture = look.tincture
    high, low = -foot + tall * float(rng.uniform(0.05, 0.1)), -foot + tall * (0.42 if look.variety == "jug" else 0.34)
    out = float(rng.uniform(0.24, 0.36))
    thick = float(rng.uniform(0.06, 0.09))
    for side in (-1, 1) if look.variety != "jug" else (1,):
        start, end = float(width(np.array(high))), float(width(np.array(low)))
        path = bezier((side * start * 0.9, high), (side * (start + out * 1.5), high - 0.12), (side * (end + out), low - 0.1), (side * end * 0.92, low), steps=36)
        surface.fill(ribbon(path, thick), mixed(tincture.base, tincture.dark, 0.15), height=0.05)
        surface.emboss(path, 0.1, thick * 0.5)
        surface.outline(ribbon(path, thick), tincture.dark, 0.008, alpha=0.6)


def _friezes(surface, look, rng, foot, tall, width, tilt):  # type: ignore[no-untyped-def]
    """Bands of ornament, bent as they go round: lines, zigzag, tongues, dots or a running meander."""
    tincture = look.tincture
    ink = tincture.accent if rng.random() < 0.5 else tincture.dark

    def around(turned_by: Floats, level: Floats) -> Points:
        """Place on the visible half: `turned_by` from -pi/2 to pi/2, `level` the height of the band's front."""
        half = width(np.asarray(level))
        return np.stack([half * np.sin(turned_by), level + half * tilt * (np.cos(turned_by) - 1) + half * tilt * 0.5], -1)

    steps = np.linspace(-1.5, 1.5, 60)
    levels = -foot + tall * np.sort(rng.uniform(0.2, 0.88, int(rng.integers(2, 5))))
    for level in levels:
        band = float(rng.uniform(0.04, 0.11))
        style = str(rng.choice(["line", "zigzag", "tongue", "dots", "meander", "block"]))
        for edge in (level - band, level + band):
            surface.line(around(steps, np.full(60, edge)), ink, 0.012, alpha=0.85)
        count = int(rng.integers(14, 30))
        places = (np.arange(count) + 0.5) / count * 3.0 - 1.5
        if style == "block":
            surface.wash(np.concatenate([around(steps, np.full(60, level - band)), around(steps, np.full(60, level + band))[::-1]]), ink, 0.85)
        elif style == "zigzag":
            saw = np.where(np.arange(count * 2) % 2, 0.7, -0.7) * band
            surface.line(around(np.linspace(-1.5, 1.5, count * 2), level + saw), ink, 0.016, alpha=0.9)
        elif style == "meander":
            wave = np.tile([-0.6, -0.6, 0.6, 0.6], count)[: count * 4] * band
            along = np.repeat(np.linspace(-1.5, 1.5, count * 2 + 1), 2)[1:-1]
            surface.line(around(along, level + wave), ink, 0.014, alpha=0.9)
        elif style in ("tongue", "dots"):
            for place in places:
                at = around(np.array([place]), np.array([level]))[0]
                squeeze = max(0.2, float(np.cos(place)))
                size = 1.3 / count * float(width(np.array(level)))
                surface.wash(ellipse(at, size * squeeze * 0.8, band * (0.85 if style == "tongue" else 0.4), steps=14), ink, 0.9)
