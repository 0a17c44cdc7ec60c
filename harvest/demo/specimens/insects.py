"""Moths and beetles, pinned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from harvest.demo.specimens.canvas import Surface
from harvest.demo.specimens.curves import Points, bezier, ellipse, mirrored, smooth, taper
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import Colour, mixed, varied

__all__ = ["beetle", "moth"]

# Right wings as knots from the root along the front edge to the tip and back.
_FORE: Final = {
    "broad-winged": ((5, -20), (45, -50), (92, -66), (100, -52), (86, -20), (66, 6), (30, 10), (6, 0)),
    "tailed": ((5, -22), (42, -52), (86, -70), (95, -60), (80, -32), (62, -8), (30, 2), (6, 0)),
    "hawk": ((5, -20), (50, -42), (98, -60), (100, -52), (72, -18), (45, 2), (22, 8), (6, 2)),
    "round-winged": ((5, -20), (40, -58), (76, -66), (92, -46), (84, -14), (60, 6), (30, 8), (6, 0)),
}
_HIND: Final = {
    "broad-winged": ((6, -4), (42, 0), (74, 12), (78, 36), (56, 62), (28, 58), (10, 36)),
    "tailed": ((6, -4), (45, -4), (66, 14), (56, 40), (42, 62), (50, 94), (38, 100), (26, 66), (10, 34)),
    "hawk": ((6, 0), (36, 4), (56, 14), (50, 34), (28, 44), (10, 30)),
    "round-winged": ((6, -4), (44, 2), (70, 20), (68, 46), (44, 66), (20, 56), (8, 34)),
}
_SIDES = (np.array([1.0, 1.0]), np.array([-1.0, 1.0]))


def _wing(surface: Surface, look: Look, knots: Points, root: Points, rng: np.random.Generator, *, fore: bool) -> None:
    """Both wings of a pair, the left the mirror of the right."""
    tincture = look.tincture
    outline = smooth(knots, steps=9, closed=True)
    around = np.arctan2(outline[:, 1] - root[1], outline[:, 0] - root[0])
    ripple = 1 + 0.03 * np.sin(float(rng.uniform(4, 12)) * around)[:, None]
    count = int(rng.integers(1, 4))
    bands = [
        (float(share), float(rng.uniform(0.03, 0.1)), tincture.accent if rng.random() < 0.45 else tincture.dark)
        for share in np.sort(rng.uniform(0.35, 0.9, count))
    ]
    eye = rng.random() < (0.65 if fore else 0.5)
    eye_at, eye_size = float(rng.uniform(0.42, 0.62)), float(rng.uniform(0.05, 0.085))
    height = 0.07 if fore else 0.03
    for side in _SIDES:
        wing, foot = outline * side, root * side
        arms = wing - foot
        surface.fill(wing, tincture.base if fore else mixed(tincture.base, tincture.light, 0.35), height=height)
        surface.wash(arms * 0.62 * ripple + foot, tincture.light, 0.24)
        for share, width, tone in bands:
            outer, inner = arms * (share + width) * ripple + foot, arms * share * ripple + foot
            surface.wash(np.concatenate([outer, outer[:1], inner[:1], inner[::-1]]), tone, 0.6)
        surface.wash(arms * 0.24 + foot, tincture.dark, 0.35)
        s = np.linspace(0.1, 0.99, 8)
        veins = foot + arms[4:-4:7, None] * np.stack([s, s * (0.9 + 0.1 * s)], 1)
        surface.lines(veins, tincture.dark, taper(0.011, 0.005, 8), alpha=0.42)
        for vein in veins:
            surface.emboss(vein, height + 0.015, 0.016)
        fringe = np.stack([wing[::3], foot + arms[::3] * 0.96], 1)
        surface.lines(fringe[::2], tincture.dark, 0.022, alpha=0.55)
        surface.lines(fringe[1::2], tincture.light, 0.022, alpha=0.55)
        if eye:
            at = foot + arms[round(len(arms) * (0.42 if fore else 0.5))] * eye_at
            rings = ((1.0, tincture.dark), (0.76, tincture.accent), (0.46, tincture.dark), (0.16, tincture.light))
            for scale, tone in rings:
                surface.wash(ellipse(at, eye_size * scale, eye_size * scale, steps=24), tone, 0.95)
        surface.outline(wing, tincture.dark, 0.009, alpha=0.7)


def moth(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A moth set with its wings spread: banded and eyed wings, a furred body, combed antennae."""
    tincture = look.tincture
    stretch = np.array([float(rng.uniform(0.92, 1.04)), float(rng.uniform(0.88, 1.1))])

    def knots(table: Mapping[str, tuple[tuple[int, int], ...]], lift: float) -> Points:
        wing = np.array(table[look.variety]) / 100 * stretch
        wing = wing + rng.normal(0, 0.015, wing.shape)
        return np.asarray(wing - np.stack([np.zeros(len(wing)), lift * wing[:, 0]], 1) - [0, 0.05])

    _wing(surface, look, knots(_HIND, 0.0), np.array([0.05, 0.0]), rng, fore=False)
    _wing(surface, look, knots(_FORE, float(rng.uniform(-0.05, 0.12))), np.array([0.04, -0.1]), rng, fore=True)
    fur = mixed(tincture.base, tincture.dark, float(rng.uniform(0.2, 0.6)))
    long = float(rng.uniform(0.42, 0.6))
    surface.fill(ellipse((0, 0.02 + long / 2), 0.085, long / 2 + 0.06, steps=40), fur, height=0.12)
    for ring in np.linspace(0.12, long, 7):
        surface.line(np.array([[-0.08, ring], [0, ring + 0.02], [0.08, ring]]), tincture.dark, 0.014, alpha=0.5)
    surface.fill(ellipse((0, -0.13), 0.11, 0.17, steps=40), mixed(fur, tincture.light, 0.2), height=0.16)
    surface.fill(ellipse((0, -0.33), 0.062, 0.06, steps=30), fur, height=0.12)
    ways = rng.uniform(0, 2 * np.pi, 70)
    out = np.stack([np.cos(ways), np.sin(ways)], 1)
    starts = (out * [0.085, 0.14] - [0, 0.13]) * rng.uniform(0.3, 1, 70)[:, None]
    hairs = np.stack([starts, starts + out * [0.02, 0.0] + [0, 0.045]], 1)
    surface.lines(hairs, [varied(mixed(tincture.light, fur, 0.4), rng, 10) for _ in ways], 0.008, alpha=0.7)
    _antennae(surface, tincture.dark, combed=bool(rng.random() < 0.6))
    _pin(surface, (0.0, -0.14))
    surface.speckle(rng, tincture.dark, share=0.1, scale=0, alpha=0.22)
    return Material(relief=0.8, softness=0.005, shade=0.75, mottle=0.045, shadow=1.15)


def _antennae(surface: Surface, ink: Colour, *, combed: bool) -> None:
    for side in (-1, 1):
        feeler = bezier((side * 0.03, -0.37), (side * 0.08, -0.5), (side * 0.2, -0.62), (side * 0.34, -0.66), steps=24)
        surface.line(feeler, ink, taper(0.018, 0.008, 24), solid=True)
        if combed:
            teeth = 0.055 * np.sin(np.pi * np.arange(3, 23) / 24)[:, None]
            for away in ((side * 0.25, -0.9), (side * 0.7, 0.7)):
                surface.lines(np.stack([feeler[3:23], feeler[3:23] + teeth * away], 1), ink, 0.007, solid=True)


def _pin(surface: Surface, at: tuple[float, float]) -> None:
    x, y = at
    surface.wash(ellipse((x + 0.02, y + 0.025), 0.024, 0.024, steps=14), (20, 16, 14), 0.4)
    surface.wash(ellipse(at, 0.021, 0.021, steps=14), (206, 198, 180), 1.0)
    surface.wash(ellipse((x - 0.006, y - 0.007), 0.008, 0.008, steps=8), (255, 255, 250), 1.0)


_WIDTH = {"stag": 0.34, "scarab": 0.45, "long-horned": 0.24, "spotted": 0.46}
_END = {"stag": 0.86, "scarab": 0.78, "long-horned": 0.94, "spotted": 0.7}
_SHOULDER = -0.2


def beetle(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A beetle from above: grooved wing cases, shield, head, jaws or long antennae, six legs."""
    tincture = look.tincture
    spotted = look.variety == "spotted"
    half, end = _WIDTH[look.variety] * float(rng.uniform(0.93, 1.1)), _END[look.variety]
    ink = mixed(tincture.dark, (20, 16, 14), 0.35)
    _legs(surface, rng, ink, half)
    _head(surface, look, rng, ink, half)
    neck = [(0, -0.52), (half * 0.6, -0.52), (half * 0.93, -0.34), (half * 0.86, _SHOULDER), (0, _SHOULDER + 0.04)]
    shield = mirrored(smooth(neck, steps=10))
    surface.fill(shield, mixed(tincture.base, ink, 0.35 if spotted or look.variety == "stag" else 0.15), height=0.02)
    surface.outline(shield, ink, 0.014, alpha=0.8)
    knots = [(0, _SHOULDER), (half * 0.8, _SHOULDER), (half * 0.99, 0.02), (half * 0.97, end * 0.45),
             (half * 0.6, end * 0.88), (0, end)]  # fmt: skip
    cases = mirrored(smooth(knots, steps=12))
    surface.fill(cases, tincture.base)
    _markings(surface, look, rng, ink=ink, half=half, end=end)
    surface.line(np.array([[0, _SHOULDER], [0, end]]), ink, 0.016, alpha=0.9)
    surface.fill(np.array([[-0.06, _SHOULDER], [0.06, _SHOULDER], [0, _SHOULDER + 0.1]]), ink)
    surface.outline(cases, ink, 0.014, alpha=0.8)

    x, y = surface.grid
    middle, long = (_SHOULDER + end) / 2, (end - _SHOULDER) / 2
    bulk = np.clip(1 - (x / (half * 1.02)) ** 2 - np.abs((y - middle) / long) ** 3.2, 0, 1)
    case = 0.62 * half * np.sqrt(bulk) - 0.03 * np.exp(-((x / 0.02) ** 2)) * (bulk > 0)
    if not spotted:
        case += 0.008 * np.cos(2 * np.pi * int(rng.integers(5, 9)) * np.abs(x) / half) * (bulk > 0)
    plate = np.clip(1 - (x / (half * 0.95)) ** 2 - ((y + 0.35) / 0.19) ** 2, 0, 1)
    surface.lift(np.maximum(np.where(y > _SHOULDER, case, 0), 0.42 * half * np.sqrt(plate)))
    sheen = 0.35 * np.exp(-(((np.abs(x) - half * 0.42) / (half * 0.22)) ** 2)) * (y > _SHOULDER)
    surface.tint(sheen, varied(tincture.light, rng, 14))
    _pin(surface, (half * 0.32, 0.0))
    return Material(relief=1.1, softness=0.006, shade=0.85, gloss=0.5, mottle=0.03, shadow=1.15)


def _legs(surface: Surface, rng: np.random.Generator, ink: Colour, half: float) -> None:
    for root, knee, foot in ((-0.34, -0.62, -0.72), (-0.02, 0.12, 0.3), (0.16, 0.56, 0.86)):
        for side in (-1, 1):
            sway = float(rng.normal(0, 0.05))
            joint = np.array([side * (half + 0.2), (root + knee) / 2 + sway])
            thigh = np.linspace([side * half * 0.55, root * 0.9 + 0.02], joint, 6)
            shin = smooth(
                [tuple(joint), (side * (half + 0.27), knee + sway), (side * (half + 0.36), foot + sway)], steps=6
            )
            surface.line(thigh, ink, [0.05, 0.06, 0.064, 0.06, 0.05, 0.036], solid=True)
            surface.line(shin, ink, taper(0.045, 0.012, len(shin)), solid=True)
            surface.emboss(thigh, 0.1, 0.02)


def _head(surface: Surface, look: Look, rng: np.random.Generator, ink: Colour, half: float) -> None:
    spread = float(rng.uniform(0.2, 0.32))
    reach = 1.0 if look.variety == "long-horned" else 0.42
    for side in (-1, 1):
        if look.variety == "stag":
            jaw = bezier((side * 0.12, -0.66), (side * spread * 1.6, -0.72), (side * spread * 1.4, -0.98),
                         (side * 0.06, -1.0), steps=26)  # fmt: skip
            surface.line(jaw, ink, taper(0.11, 0.02, 26), solid=True)
            surface.emboss(jaw, 0.14, 0.03)
            tooth = jaw[14] + np.array([[side * 0.02, -0.03], [-side * 0.11, 0.01], [side * 0.02, 0.05]])
            surface.fill(tooth, ink, height=0.1)
        bow = (side * (0.3 + 0.25 * reach), -0.7 - 0.3 * reach)
        tip = (side * (0.3 + 0.5 * reach), -0.62 + 0.5 * (reach - 0.42))
        feeler = bezier((side * 0.08, -0.64), (side * 0.2, -0.64 - 0.4 * reach), bow, tip, steps=30)
        surface.line(feeler, ink, taper(0.03, 0.014, 30), solid=True)
        for knot in range(3, 30, 3):
            surface.fill(ellipse(feeler[knot], 0.021, 0.021, steps=10), ink)
        if look.variety != "long-horned":
            surface.fill(ellipse(feeler[-1], 0.05, 0.03, angle=side * 0.5, steps=16), ink)
    head = ellipse((0, -0.58), max(0.16, half * 0.5), 0.13, steps=40)
    surface.fill(head, mixed(look.tincture.base, ink, 0.55), height=0.08)
    surface.outline(head, ink, 0.012, alpha=0.8)
    for side in (-1, 1):
        surface.fill(ellipse((side * max(0.14, half * 0.44), -0.6), 0.04, 0.05, steps=16), (24, 20, 20), height=0.12)


def _markings(surface: Surface, look: Look, rng: np.random.Generator, *, ink: Colour, half: float, end: float) -> None:
    if look.variety == "spotted":
        rows = int(rng.integers(2, 5))
        for row in range(rows):
            y = _SHOULDER + (end - _SHOULDER) * (0.2 + 0.62 * row / max(1, rows - 1))
            size = float(rng.uniform(0.06, 0.1))
            for share in (0.5,) if row % 2 else (0.28, 0.7):
                for side in (-1, 1):
                    surface.wash(ellipse((side * half * share, y), size, size * 1.1, steps=24), ink, 0.92)
        return
    t = np.linspace(0, 1, 16)
    down = _SHOULDER + (end - _SHOULDER) * (0.03 + 0.9 * t)
    for share in np.linspace(0.14, 0.88, int(rng.integers(4, 8))):
        out = half * share * np.sqrt(np.sin(np.pi * (0.28 + 0.66 * t)))
        grooves = np.stack([np.stack([side * out, down], 1) for side in (-1, 1)])
        surface.lines(grooves, ink, 0.008, alpha=0.5)
    if look.variety == "long-horned" or rng.random() < 0.4:
        for y in np.sort(rng.uniform(_SHOULDER + 0.15, end - 0.2, int(rng.integers(2, 4)))):
            tall = float(rng.uniform(0.03, 0.07))
            for side in (-1, 1):
                spot = ellipse((side * half * 0.52, y), half * 0.34, tall, angle=side * 0.2, steps=24)
                surface.wash(spot, look.tincture.accent, 0.85)
