"""Flowers and mushrooms."""

from __future__ import annotations

import numpy as np

from harvest.demo.specimens.canvas import Floats, Surface
from harvest.demo.specimens.curves import Points, bezier, ellipse, mirrored, polar, profile, ribbon, smooth, smoothstep, turn
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import TINCTURES, Colour, mixed, varied

__all__ = ["flower", "mushroom"]


def _petal(length: float, width: float, *, fullness: float, notch: float) -> Points:
    """A petal from the origin upwards; `fullness` moves its widest place to the tip, `notch` cuts the tip in."""
    t = np.linspace(0, 1, 40)
    half = width * np.sin(np.pi * t**fullness) ** 0.8 + 0.03 * width * (1 - t)
    outline = mirrored(np.stack([half, -length * t], 1)[::-1])
    tip = smoothstep(0.75, 1.0, -outline[:, 1] / length) * np.exp(-((outline[:, 0] / (0.3 * width)) ** 2))
    return outline + np.stack([np.zeros(len(outline)), notch * length * tip], 1)


def _stem(surface: Surface, rng: np.random.Generator, head: Points) -> None:
    green = TINCTURES[str(rng.choice(["moss green", "olive", "sage", "emerald"]))]
    bow = float(rng.normal(0, 0.15))
    stem = bezier((bow, 1.02), (bow * 1.2, 0.6), (-bow * 0.5, 0.2), head, steps=40)
    for side in (-1, 1):
        if rng.random() < 0.8:  # noqa: PLR2004
            at = stem[int(rng.integers(6, 18))]
            t = np.linspace(0, 1, 30)
            long, wide = float(rng.uniform(0.34, 0.55)), float(rng.uniform(0.16, 0.3))
            axis = np.stack([side * long * t, -long * 0.75 * t + 0.3 * long * t**2], 1) + at
            blade = ribbon(axis, wide * np.sin(np.pi * t**0.8) * (1 - 0.2 * t) + 0.004)
            surface.fill(blade, varied(green.base, rng), height=0.05)
            surface.wash(np.concatenate([blade[:30], axis[::-1]]), green.light, 0.35)
            surface.line(axis, green.light, np.linspace(0.014, 0.004, 30), alpha=0.8)
            surface.emboss(axis, 0.0, 0.02)
            surface.outline(blade, green.dark, 0.008, alpha=0.6)
    surface.line(stem, mixed(green.base, green.dark, 0.25), np.linspace(0.05, 0.038, 40), solid=True)
    surface.emboss(stem, 0.08, 0.03)


def _ring(
    surface: Surface, rng: np.random.Generator, petal: Points, *, count: int, colours: tuple[Colour, Colour, Colour],
    phase: float, height: float, veins: int, centre: Points,
) -> None:  # fmt: skip
    """A whorl of petals, each darker at the throat, veined, and lifted a little over its neighbour."""
    base, throat, ink = colours
    length, width = float(np.abs(petal[:, 1]).max()), float(petal[:, 0].max())
    for index in range(count):
        way = phase + 2 * np.pi * index / count + float(rng.normal(0, 0.25 / count))
        scale = float(rng.normal(1, 0.035))
        placed = turn(petal * scale, way) + centre
        surface.fill(placed, varied(base, rng, 5), height=height + 0.035 * (index % 2) + 0.01 * rng.random())
        for share in (0.55, 0.4, 0.28):
            surface.wash(turn(petal * scale * [share * 1.15, share], way) + centre, throat, 0.22)
        for spread in np.linspace(-0.62, 0.62, veins) if veins > 1 else [0.0]:
            s = np.linspace(0.12, 0.86, 10)
            vein = np.stack([spread * width * np.sin(np.pi * s * 0.62), -length * s], 1) * scale
            surface.line(turn(vein, way) + centre, throat, 0.007, alpha=0.4)
        surface.emboss(turn(np.array([[0, -0.1 * length], [0, -0.8 * length]]), way) + centre, height - 0.03, 0.03)
        surface.outline(placed, ink, 0.007, alpha=0.55)


def _heart(surface: Surface, rng: np.random.Generator, centre: Points, radius: float, colour: Colour) -> None:
    """The disc: florets on the golden-angle spiral (Vogel 1979)."""
    dark = mixed(colour, (30, 20, 10), 0.55)
    surface.fill(ellipse(centre, radius, radius), dark, height=0.12)
    count = 90
    for index in range(count):
        at = polar(radius * 0.94 * np.sqrt((index + 0.5) / count), index * 2.399963) + centre
        shade = varied(mixed(colour, dark, 0.5 * (1 - index / count)), rng, 8)
        surface.wash(ellipse(at, radius * 0.085, radius * 0.085, steps=8), shade, 1.0)


def flower(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A flower from above, with stem and leaves below on about two of three."""
    tincture = look.tincture
    stemmed = rng.random() < 0.66  # noqa: PLR2004
    centre = np.array([0.0, -0.36 if stemmed else 0.0])
    size = 0.62 if stemmed else 0.96
    if stemmed:
        _stem(surface, rng, centre)
    colours = (tincture.base, mixed(tincture.dark, tincture.base, 0.25), tincture.dark)
    pale = (mixed(tincture.base, tincture.light, 0.55), tincture.base, tincture.dark)
    phase = float(rng.uniform(0, 2))
    heart: Colour = varied((214, 164, 52), rng, 10)
    if look.variety == "daisy":
        count = int(rng.integers(13, 25))
        petal = _petal(size, size * 2.5 / count, fullness=float(rng.uniform(1.1, 1.7)), notch=0.03)
        for ring, tone in ((0, colours), (1, pale)):
            _ring(surface, rng, petal * (1 - 0.08 * ring), count=count, colours=tone, phase=phase + ring * np.pi / count,
                  height=0.03 + 0.03 * ring, veins=2, centre=centre)  # fmt: skip
        _heart(surface, rng, centre, size * float(rng.uniform(0.2, 0.34)), heart)
    elif look.variety in ("five-petalled", "poppy"):
        count = 5 if look.variety == "five-petalled" else int(rng.choice([4, 6]))
        wide = float(rng.uniform(0.30, 0.40)) if count == 5 else 0.52  # noqa: PLR2004
        petal = _petal(size, size * wide, fullness=float(rng.uniform(1.3, 2.0)), notch=float(rng.uniform(0, 0.16)))
        _ring(surface, rng, petal, count=count, colours=pale if rng.random() < 0.5 else colours, phase=phase,  # noqa: PLR2004
              height=0.04, veins=9, centre=centre)  # fmt: skip
        for index in range(count * 4):
            way = 2 * np.pi * index / (count * 4) + phase
            tip = polar(size * float(rng.uniform(0.16, 0.3)), way) + centre
            surface.line(np.stack([centre, tip]), tincture.light, 0.008)
            surface.wash(ellipse(tip, 0.02, 0.02, steps=10), heart, 1.0)
        _heart(surface, rng, centre, size * 0.1, tincture.accent)
    else:
        rings = int(rng.integers(4, 7))
        for ring in range(rings):
            share = 1 - ring / (rings + 0.6)
            petal = _petal(size * share, size * 0.26 * share**0.6, fullness=1.4, notch=0.02)
            tone = tuple(mixed(a, b, ring / rings) for a, b in zip(colours, pale, strict=True))
            _ring(surface, rng, petal, count=max(6, 15 - 2 * ring), colours=(tone[0], tone[1], tone[2]),
                  phase=phase + ring * 0.7, height=0.03 + 0.05 * ring, veins=1, centre=centre)  # fmt: skip
        _heart(surface, rng, centre, size * 0.1, heart)
    return Material(relief=0.9, softness=0.007, shade=0.8, mottle=0.035, shadow=0.85)


_CAPS = {
    "domed": ((0, 0.0), (0.12, 0.42), (0.5, 0.72), (0.85, 0.82), (1, 0.78)),
    "conical": ((0, 0.0), (0.1, 0.12), (0.5, 0.36), (0.9, 0.6), (1, 0.62)),
    "flat-capped": ((0, 0.0), (0.2, 0.52), (0.6, 0.84), (0.9, 0.92), (1, 0.86)),
    "funnel": ((0, 0.66), (0.12, 0.8), (0.3, 0.82), (0.65, 0.42), (1, 0.13)),
}
_CAP_HEIGHT = {"domed": 0.72, "conical": 0.98, "flat-capped": 0.4, "funnel": 0.75}


def mushroom(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A mushroom from the side: stem, gills seen under the rim, cap with warts on some."""
    tincture = look.tincture
    high = _CAP_HEIGHT[look.variety] * float(rng.uniform(0.85, 1.15))
    wide = float(rng.uniform(0.85, 1.12))
    top = -0.92
    rim = top + high
    flesh = mixed(TINCTURES["ivory"].base, tincture.light, 0.35)
    thick, lean = float(rng.uniform(0.1, 0.19)), float(rng.normal(0, 0.08))
    t = np.linspace(0, 1, 60)
    foot = 0.95
    bottom = rim - (0.2 if look.variety == "funnel" else 0.06)
    axis = np.stack([lean * np.sin(np.pi * t), foot + (bottom - foot) * t], 1)
    widths = 2 * thick * profile(t, [(0, 0.5), (0.07, float(rng.uniform(1.0, 1.6))), (0.3, 1.0), (1, 0.85)])
    stem = ribbon(axis, widths)
    surface.fill(stem, flesh, height=0.0)
    for _ in range(14):
        across = float(rng.uniform(-0.42, 0.42))
        start = int(rng.integers(0, 30))
        line = (axis + np.stack([across * widths, np.zeros(60)], 1))[start : start + int(rng.integers(12, 30))]
        surface.line(line, tincture.dark, 0.006, alpha=0.28)
    surface.outline(stem, tincture.dark, 0.009, alpha=0.6)
    if rng.random() < 0.4 and look.variety != "funnel":  # noqa: PLR2004
        at = axis[38]
        skirt = mirrored(smooth([(0, at[1] - 0.1), (thick, at[1] - 0.06), (thick * 1.9, at[1] + 0.1), (0, at[1] + 0.05)]))
        surface.fill(skirt + [at[0], 0], mixed(flesh, (255, 255, 255), 0.3), height=0.08)
        surface.outline(skirt + [at[0], 0], tincture.dark, 0.008, alpha=0.55)
    knots = [(u, w * wide) for u, w in _CAPS[look.variety]]
    edge = float(profile(1.0, knots)) if look.variety != "funnel" else 0.0
    if look.variety != "funnel":
        _gills(surface, look, rng, edge, rim, high)
    u = np.linspace(0, 1, 70)
    cap = mirrored(np.stack([profile(u, knots), top + high * u], 1))
    cap[:, 1] += 0.1 * high * smoothstep(0.6, 1, (cap[:, 1] - top) / high) * (1 - (cap[:, 0] / wide) ** 2)
    surface.fill(cap, tincture.base)
    if look.variety == "funnel":
        for across in np.linspace(-0.97, 0.97, 33):
            u2 = np.linspace(0.24, 1, 20)
            rib = np.stack([across * profile(u2, knots), top + high * u2], 1)
            surface.line(rib, tincture.dark, 0.010, alpha=0.45)
        mouth = ellipse((0, top + 0.17 * high), 0.8 * wide, 0.12, steps=60)
        surface.fill(mouth, mixed(tincture.base, tincture.dark, 0.55))
    elif rng.random() < 0.5:  # noqa: PLR2004
        _warts(surface, rng, knots, top, high)
    surface.outline(cap, tincture.dark, 0.01, alpha=0.6)

    def rounded(x: Floats, y: Floats) -> Floats:
        share = np.clip((y - top) / high, 0, 1)
        half = np.maximum(profile(share, knots), 1e-3)
        inside = (y > top) & (y < rim + 0.05) & (np.abs(x) < half)
        dome = np.where(inside, 0.55 * np.sqrt(np.clip(1 - (x / half) ** 2, 0, 1)) * (0.35 + 0.65 * np.sqrt(share)), 0)
        lower = (y >= rim + 0.05) & (y < foot)
        return np.asarray(dome + np.where(lower, np.sqrt(np.clip(thick**2 - (x - lean * 0.7) ** 2, 0, None)), 0))

    surface.lift(rounded)
    surface.tint(lambda x, y: 0.55 * smoothstep(top + 0.55 * high, top, y) * (y < rim), tincture.light)
    surface.tint(lambda x, y: 0.45 * smoothstep(0.55, 1.0, y), mixed(tincture.dark, (60, 50, 30), 0.5))
    return Material(relief=1.0, softness=0.008, shade=0.8, gloss=0.1, mottle=0.05)


def _gills(
    surface: Surface, look: Look, rng: np.random.Generator, edge: float, rim: float, high: float
) -> None:
    flesh = mixed(TINCTURES["ivory"].light, look.tincture.base, 0.3)
    deep = float(rng.uniform(0.1, 0.2)) + 0.08 * high
    under = ellipse((0, rim), edge * 0.985, deep, steps=80)
    surface.fill(under, flesh)
    for way in np.linspace(0.02, np.pi - 0.02, 44):
        end = np.array([edge * 0.97 * np.cos(way), rim + deep * np.sin(way)])
        surface.line(np.stack([[0.0, rim - 0.05], end]), look.tincture.dark, 0.007, alpha=0.42)
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
