"""Flowers and mushrooms."""

from __future__ import annotations

import numpy as np

from harvest.demo.specimens.canvas import Surface
from harvest.demo.specimens.curves import (
    Points,
    bezier,
    ellipse,
    mirrored,
    polar,
    profile,
    read,
    ribbon,
    smooth,
    smoothstep,
    table,
    taper,
    turn,
)
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import TINCTURES, Colour, mixed, varied

__all__ = ["flower", "mushroom"]

_GOLDEN_ANGLE = 2.399963


def _petal(length: float, width: float, *, fullness: float, notch: float) -> Points:
    """A petal from the origin upwards; `fullness` moves its widest place to the tip, `notch` cuts the tip in."""
    t = np.linspace(0, 1, 32)
    half = width * np.sin(np.pi * t**fullness) ** 0.8 + 0.03 * width * (1 - t)
    outline = mirrored(np.stack([half, -length * t], 1)[::-1])
    tip = smoothstep(0.75, 1.0, -outline[:, 1] / length) * np.exp(-((outline[:, 0] / (0.3 * width)) ** 2))
    return np.asarray(outline + np.stack([np.zeros(len(outline)), notch * length * tip], 1))


def _stem(surface: Surface, rng: np.random.Generator, head: Points) -> None:
    green = TINCTURES[str(rng.choice(["moss green", "olive", "sage", "emerald"]))]
    bow = float(rng.normal(0, 0.15))
    stem = bezier((bow, 1.02), (bow * 1.2, 0.6), (-bow * 0.5, 0.2), head, steps=40)
    t = np.linspace(0, 1, 30)
    for side in (-1, 1):
        if rng.random() < 0.8:
            at = stem[int(rng.integers(6, 18))]
            long, wide = float(rng.uniform(0.34, 0.55)), float(rng.uniform(0.16, 0.3))
            axis = np.stack([side * long * t, -long * 0.75 * t + 0.3 * long * t**2], 1) + at
            blade = ribbon(axis, wide * np.sin(np.pi * t**0.8) * (1 - 0.2 * t) + 0.004)
            surface.fill(blade, varied(green.base, rng), height=0.05)
            surface.wash(np.concatenate([blade[:30], axis[::-1]]), green.light, 0.35)
            surface.line(axis, green.light, taper(0.014, 0.004, 30), alpha=0.8)
            surface.emboss(axis, 0.02, 0.02)
            surface.outline(blade, green.dark, 0.008, alpha=0.6)
    surface.line(stem, mixed(green.base, green.dark, 0.25), taper(0.05, 0.038, 40), solid=True)
    surface.emboss(stem, 0.08, 0.03)


def _ring(
    surface: Surface,
    rng: np.random.Generator,
    petal: Points,
    colours: tuple[Colour, Colour, Colour],
    *,
    count: int,
    phase: float,
    height: float,
    veins: int,
    centre: Points,
) -> None:
    """A whorl of petals, each darker at the throat, veined, and lifted a little over its neighbour."""
    base, throat, ink = colours
    length, width = float(np.abs(petal[:, 1]).max()), float(petal[:, 0].max())
    s = np.linspace(0.12, 0.86, 8)
    spreads = np.linspace(-0.62, 0.62, veins) if veins > 1 else np.zeros(1)
    lines = np.stack(
        [spreads[:, None] * width * np.sin(np.pi * s * 0.62), np.broadcast_to(-length * s, (len(spreads), 8))], -1
    )
    for index in range(count):
        way = phase + 2 * np.pi * index / count + float(rng.normal(0, 0.25 / count))
        scale = float(rng.normal(1, 0.035))
        placed = turn(petal * scale, way) + centre
        lifted = height + 0.03 * (index % 2) + 0.01 * float(rng.random())
        surface.fill(placed, varied(base, rng, 5), height=lifted)
        for share in (0.68, 0.52, 0.38, 0.26):
            surface.wash(turn(petal * scale * [share * 1.15, share], way) + centre, throat, 0.15)
        surface.lines(turn(lines * scale, way) + centre, throat, 0.007, alpha=0.4)
        surface.emboss(turn(np.array([[0, -0.1 * length], [0, -0.8 * length]]), way) + centre, lifted - 0.012, 0.035)
        surface.outline(placed, ink, 0.007, alpha=0.55)


def _heart(surface: Surface, rng: np.random.Generator, centre: Points, radius: float, colour: Colour) -> None:
    """The disc: florets on the golden-angle spiral (Vogel 1979)."""
    dark = mixed(colour, (30, 20, 10), 0.55)
    surface.fill(ellipse(centre, radius, radius), dark, height=0.12)
    index = np.arange(90)
    shades = [varied(mixed(colour, dark, 0.5 * (1 - i / 90)), rng, 8) for i in range(90)]
    florets = polar(radius * 0.94 * np.sqrt((index + 0.5) / 90), index * _GOLDEN_ANGLE) + centre
    surface.dots(florets, radius * 0.085, shades)


def flower(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A flower from above, with stem and leaves below on about two of three."""
    tincture = look.tincture
    stemmed = rng.random() < 0.66
    centre = np.array([0.0, -0.36 if stemmed else 0.0])
    size = 0.62 if stemmed else 0.96
    if stemmed:
        _stem(surface, rng, centre)
    full = (tincture.base, mixed(tincture.dark, tincture.base, 0.25), tincture.dark)
    pale = (mixed(tincture.base, tincture.light, 0.55), tincture.base, tincture.dark)
    phase = float(rng.uniform(0, 2))
    heart = varied((214, 164, 52), rng, 10)
    if look.variety == "daisy":
        count = int(rng.integers(13, 25))
        petal = _petal(size, size * 2.5 / count, fullness=float(rng.uniform(1.1, 1.7)), notch=0.03)
        for ring, colours in ((0, full), (1, pale)):
            turned = phase + ring * np.pi / count
            _ring(surface, rng, petal * (1 - 0.08 * ring), colours, count=count, phase=turned,
                  height=0.03 + 0.03 * ring, veins=2, centre=centre)  # fmt: skip
        _heart(surface, rng, centre, size * float(rng.uniform(0.2, 0.34)), heart)
    elif look.variety == "double":
        rings = int(rng.integers(4, 7))
        for ring in range(rings):
            share = 1 - ring / (rings + 0.6)
            petal = _petal(size * share, size * 0.26 * share**0.6, fullness=1.4, notch=0.02)
            first, second, third = (mixed(a, b, ring / rings) for a, b in zip(full, pale, strict=True))
            _ring(surface, rng, petal, (first, second, third), count=max(6, 15 - 2 * ring), phase=phase + ring * 0.7,
                  height=0.03 + 0.05 * ring, veins=1, centre=centre)  # fmt: skip
        _heart(surface, rng, centre, size * 0.1, heart)
    else:
        poppy = look.variety == "poppy"
        count = int(rng.choice([4, 6])) if poppy else 5
        wide = (0.62 if count == 4 else 0.52) if poppy else float(rng.uniform(0.30, 0.40))
        petal = _petal(size, size * wide, fullness=float(rng.uniform(1.3, 2.0)), notch=float(rng.uniform(0, 0.16)))
        _ring(surface, rng, petal, pale if rng.random() < 0.5 else full, count=count, phase=phase,
              height=0.04, veins=9, centre=centre)  # fmt: skip
        ways = 2 * np.pi * np.arange(count * 5) / (count * 5) + phase
        tips = polar(size * rng.uniform(0.16, 0.3, count * 5), ways) + centre
        surface.lines(np.stack([np.broadcast_to(centre, tips.shape), tips], 1), tincture.light, 0.008)
        surface.dots(tips, 0.02, heart)
        _heart(surface, rng, centre, size * 0.1, tincture.accent)
    return Material(relief=0.9, softness=0.007, shade=0.8, mottle=0.035, shadow=0.85)


_CAPS = {
    "domed": ((0, 0.0), (0.12, 0.42), (0.5, 0.72), (0.85, 0.82), (1, 0.78)),
    "conical": ((0, 0.0), (0.1, 0.12), (0.5, 0.36), (0.9, 0.6), (1, 0.62)),
    "flat-capped": ((0, 0.0), (0.2, 0.52), (0.6, 0.84), (0.9, 0.92), (1, 0.86)),
    "funnel": ((0, 0.86), (0.1, 0.85), (0.35, 0.6), (0.7, 0.3), (1, 0.13)),
}
_CAP_HEIGHT = {"domed": 0.72, "conical": 0.98, "flat-capped": 0.4, "funnel": 0.75}
_FOOT = 0.95


def mushroom(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A mushroom from the side: stem, gills seen under the rim, cap with warts on some."""
    tincture = look.tincture
    funnel = look.variety == "funnel"
    high = _CAP_HEIGHT[look.variety] * float(rng.uniform(0.85, 1.15))
    wide = float(rng.uniform(0.85, 1.12))
    top = -0.84 if funnel else -0.92
    rim = top + high
    thick, lean = float(rng.uniform(0.1, 0.19)), float(rng.normal(0, 0.08))
    flesh = mixed(TINCTURES["ivory"].base, tincture.light, 0.35)
    girth = ((0, 0.9), (0.09, float(rng.uniform(1.0, 1.6))), (0.3, 1.0), (1, 0.85))
    neck = rim - (0.2 if funnel else 0.06)
    t = np.linspace(0, 1, 60)
    axis = np.stack([lean * np.sin(np.pi * t), _FOOT + (neck - _FOOT) * t], 1)
    _stalk(surface, look, rng, flesh, axis=axis, widths=2 * thick * profile(t, girth))
    if rng.random() < 0.4 and not funnel:
        x, y = axis[38]
        skirt = mirrored(smooth([(0, y - 0.1), (thick, y - 0.06), (thick * 1.9, y + 0.1), (0, y + 0.05)])) + np.array(
            [x, 0]
        )
        surface.fill(skirt, mixed(flesh, (255, 255, 255), 0.3), height=0.08)
        surface.outline(skirt, tincture.dark, 0.008, alpha=0.55)
    knots = [(u, w * wide) for u, w in _CAPS[look.variety]]
    if not funnel:
        _gills(surface, look, rng, edge=knots[-1][1], rim=rim, high=high)
    u = np.linspace(0, 1, 70)
    cap = mirrored(np.stack([profile(u, knots), top + high * u], 1))
    if not funnel:
        cap[:, 1] += 0.1 * high * smoothstep(0.6, 1, (cap[:, 1] - top) / high) * (1 - (cap[:, 0] / wide) ** 2)
    surface.fill(cap, tincture.base)
    if funnel:
        _throat(surface, look, knots, top, high)
    elif rng.random() < 0.5:
        _warts(surface, rng, knots, top, high)
    surface.outline(cap, tincture.dark, 0.01, alpha=0.6)
    px, py = surface.grid
    share = np.clip((py - top) / high, 0, 1)
    half = np.maximum(read(table(knots), share), 1e-3)
    dome = 0.55 * np.sqrt(np.clip(1 - (px / half) ** 2, 0, 1)) * (0.35 + 0.65 * np.sqrt(share)) * (py > top)
    dome *= smoothstep(rim + 0.12, rim + 0.02, py)
    up = (_FOOT - py) / (_FOOT - neck)
    girths = thick * read(table(girth), up)
    stalk = np.sqrt(np.clip(girths**2 - (px - lean * np.sin(np.pi * up)) ** 2, 0, None))
    surface.lift(np.maximum(dome, stalk * smoothstep(rim, rim + 0.12, py) * (py < _FOOT + 0.1)))
    surface.tint(0.5 * smoothstep(top + 0.55 * high, top, py) * (py < rim), tincture.light)
    surface.tint(0.45 * smoothstep(0.55, 1.0, py), mixed(tincture.dark, (60, 50, 30), 0.5))
    return Material(relief=1.0, softness=0.008, shade=0.8, gloss=0.1, mottle=0.05)


def _stalk(
    surface: Surface, look: Look, rng: np.random.Generator, flesh: Colour, *, axis: Points, widths: Points
) -> None:
    stem = ribbon(axis, widths)
    foot = ellipse(axis[0], widths[0] / 2, 0.04, steps=24)
    surface.fill(foot, flesh)
    surface.fill(stem, flesh, height=0.0)
    for _ in range(14):
        across, start = float(rng.uniform(-0.42, 0.42)), int(rng.integers(0, 30))
        fibre = (axis + np.stack([across * widths, np.zeros(60)], 1))[start : start + int(rng.integers(12, 30))]
        surface.line(fibre, look.tincture.dark, 0.006, alpha=0.28)
    for edge in (stem[:60], stem[60:]):
        surface.line(edge, look.tincture.dark, 0.009, alpha=0.6)


def _throat(surface: Surface, look: Look, knots: list[tuple[float, float]], top: float, high: float) -> None:
    """The ridges outside a funnel and the hollow seen over its rim."""
    tincture = look.tincture
    down = np.linspace(0.06, 1, 20)
    across = np.linspace(-0.97, 0.97, 33)[:, None]
    ridges = np.stack([across * profile(down, knots), np.broadcast_to(top + high * down, (33, 20))], -1)
    surface.lines(ridges, tincture.dark, 0.010, alpha=0.45)
    rim = knots[0][1]
    surface.fill(ellipse((0, top), rim, 0.15, steps=60), mixed(tincture.base, tincture.light, 0.45))
    surface.wash(ellipse((0, top + 0.012), rim * 0.93, 0.12, steps=60), tincture.base, 1.0)
    for share in (0.8, 0.6, 0.4):
        surface.wash(ellipse((0, top + 0.02 + 0.03 * (1 - share)), rim * share, 0.12 * share), tincture.dark, 0.28)
    surface.outline(ellipse((0, top), rim, 0.15, steps=60), tincture.dark, 0.008, alpha=0.55)


def _gills(surface: Surface, look: Look, rng: np.random.Generator, *, edge: float, rim: float, high: float) -> None:
    deep = float(rng.uniform(0.1, 0.2)) + 0.08 * high
    under = ellipse((0, rim), edge * 0.985, deep, steps=80)
    surface.fill(under, mixed(TINCTURES["ivory"].light, look.tincture.base, 0.3))
    ways = np.linspace(0.02, np.pi - 0.02, 44)
    ends = np.stack([edge * 0.97 * np.cos(ways), rim + deep * np.sin(ways)], 1)
    starts = np.broadcast_to(np.array([0.0, rim - 0.05]), ends.shape)
    surface.lines(np.stack([starts, ends], 1), look.tincture.dark, 0.007, alpha=0.42)
    surface.outline(under, look.tincture.dark, 0.009, alpha=0.6)


def _warts(
    surface: Surface, rng: np.random.Generator, knots: list[tuple[float, float]], top: float, high: float
) -> None:
    """Flakes of the veil, foreshortened towards the cap's edge."""
    for _ in range(int(rng.integers(14, 34))):
        share, across = float(rng.uniform(0.06, 0.9)), float(rng.uniform(-0.92, 0.92))
        at = (across * float(profile(share, knots)), top + high * share)
        size = float(rng.uniform(0.018, 0.05))
        wart = ellipse(at, size * (1.1 - 0.7 * abs(across)), size * 0.8, angle=float(rng.uniform(-0.4, 0.4)), steps=14)
        surface.fill(wart, varied((238, 226, 200), rng, 8), height=0.03)
        surface.outline(wart, (90, 60, 40), 0.005, alpha=0.4)
