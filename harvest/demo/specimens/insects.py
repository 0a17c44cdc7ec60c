"""Moths and beetles, pinned."""

from __future__ import annotations

import numpy as np

from harvest.demo.specimens.canvas import Floats, Surface
from harvest.demo.specimens.curves import Points, bezier, ellipse, mirrored, smooth, smoothstep
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import mixed, varied

__all__ = ["beetle", "moth"]

# Right wings as knots from the root along the front edge to the tip and back.
_FORE = {
    "broad-winged": [(0.05, -0.2), (0.45, -0.5), (0.92, -0.66), (1.0, -0.52), (0.86, -0.2), (0.66, 0.06), (0.3, 0.1), (0.06, 0.0)],
    "tailed": [(0.05, -0.22), (0.42, -0.52), (0.86, -0.7), (0.95, -0.6), (0.8, -0.32), (0.62, -0.08), (0.3, 0.02), (0.06, 0.0)],
    "hawk": [(0.05, -0.2), (0.5, -0.42), (0.98, -0.6), (1.0, -0.52), (0.72, -0.18), (0.45, 0.02), (0.22, 0.08), (0.06, 0.02)],
    "round-winged": [(0.05, -0.2), (0.4, -0.58), (0.76, -0.66), (0.92, -0.46), (0.84, -0.14), (0.6, 0.06), (0.3, 0.08), (0.06, 0.0)],
}
_HIND = {
    "broad-winged": [(0.06, -0.04), (0.42, 0.0), (0.74, 0.12), (0.78, 0.36), (0.56, 0.62), (0.28, 0.58), (0.1, 0.36)],
    "tailed": [(0.06, -0.04), (0.45, -0.04), (0.66, 0.14), (0.56, 0.4), (0.42, 0.62), (0.5, 0.94), (0.38, 1.0), (0.26, 0.66), (0.1, 0.34)],
    "hawk": [(0.06, 0.0), (0.36, 0.04), (0.56, 0.14), (0.5, 0.34), (0.28, 0.44), (0.1, 0.3)],
    "round-winged": [(0.06, -0.04), (0.44, 0.02), (0.7, 0.2), (0.68, 0.46), (0.44, 0.66), (0.2, 0.56), (0.08, 0.34)],
}  # fmt: skip
_FLIP = np.array([-1.0, 1.0])


def _wing(surface: Surface, look: Look, knots: Points, *, root: Points, fore: bool, rng: np.random.Generator) -> None:
    tincture = look.tincture
    outline = smooth(knots, steps=9, closed=True)
    reach = float(np.hypot(*(outline - root).T).max())
    base = tincture.base if fore else mixed(tincture.base, tincture.light, 0.35)
    bands = int(rng.integers(1, 4))
    band_shares = np.sort(rng.uniform(0.35, 0.9, bands))
    widths = rng.uniform(0.03, 0.1, bands)
    tones = [tincture.accent if rng.random() < 0.45 else tincture.dark for _ in range(bands)]  # noqa: PLR2004
    eye = rng.random() < (0.65 if fore else 0.5)  # noqa: PLR2004
    eye_at, eye_size = float(rng.uniform(0.42, 0.62)), float(rng.uniform(0.05, 0.085))
    wave = float(rng.uniform(4, 12))
    around = np.arctan2(*(outline - root).T[::-1])
    ripple = 1 + 0.03 * np.sin(wave * around)[:, None]
    for side in (np.ones(2), _FLIP):
        placed, foot = outline * side, root * side
        surface.fill(placed, base, height=0.07 if fore else 0.03)
        surface.wash((placed - foot) * 0.62 * ripple + foot, tincture.light, 0.22)
        for share, width, tone in zip(band_shares, widths, tones, strict=True):
            outer, inner = (placed - foot) * (share + width) * ripple + foot, (placed - foot) * share * ripple + foot
            surface.wash(np.concatenate([outer, outer[:1], inner[:1], inner[::-1]]), tone, 0.55)
        surface.wash((placed - foot) * 0.24 + foot, tincture.dark, 0.35)
        for tip in range(4, len(outline) - 4, 7):
            vein = np.stack([foot + (placed[tip] - foot) * s * [1, 0.9 + 0.1 * s] for s in np.linspace(0.1, 0.99, 8)])
            surface.line(vein, tincture.dark, np.linspace(0.011, 0.005, 8), alpha=0.42)
            surface.emboss(vein, 0.085 if fore else 0.045, 0.016)
        for spot in range(0, len(outline), 3):
            fringe = np.stack([placed[spot], foot + (placed[spot] - foot) * 0.965])
            surface.line(fringe, tincture.dark if spot % 2 else tincture.light, 0.02, alpha=0.55)
        if eye:
            middle = placed[round(len(outline) * (0.42 if fore else 0.5))]
            at = foot + (middle - foot) * eye_at
            for scale, tone in ((1.0, tincture.dark), (0.74, tincture.accent), (0.46, tincture.dark), (0.16, tincture.light)):
                surface.wash(ellipse(at, eye_size * scale, eye_size * scale, steps=24), tone, 0.95)
        surface.outline(placed, tincture.dark, 0.009, alpha=0.7)
    del reach


def moth(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A moth set with its wings spread: banded and eyed wings, a furred body, combed antennae."""
    tincture = look.tincture
    stretch = np.array([float(rng.uniform(0.92, 1.04)), float(rng.uniform(0.88, 1.1))])
    raised = float(rng.uniform(-0.05, 0.12))

    def knots(table: dict[str, list[tuple[float, float]]], lift: float) -> Points:
        wing = np.array(table[look.variety]) * stretch + rng.normal(0, 0.015, (len(table[look.variety]), 2))
        return wing - np.stack([np.zeros(len(wing)), lift * wing[:, 0]], 1) - [0, 0.05]

    _wing(surface, look, knots(_HIND, 0.0), root=np.array([0.05, 0.0]), fore=False, rng=rng)
    _wing(surface, look, knots(_FORE, raised), root=np.array([0.04, -0.1]), fore=True, rng=rng)
    fur = mixed(tincture.base, tincture.dark, float(rng.uniform(0.2, 0.6)))
    long = float(rng.uniform(0.42, 0.6))
    abdomen = ellipse((0, 0.02 + long / 2), 0.085, long / 2 + 0.06, steps=40)
    surface.fill(abdomen, fur, height=0.12)
    for ring in np.linspace(0.12, long, 7):
        surface.line(np.array([[-0.08, ring], [0, ring + 0.02], [0.08, ring]]), tincture.dark, 0.014, alpha=0.5)
    surface.fill(ellipse((0, -0.13), 0.11, 0.17, steps=40), mixed(fur, tincture.light, 0.2), height=0.16)
    surface.fill(ellipse((0, -0.33), 0.062, 0.06, steps=30), fur, height=0.12)
    for _ in range(70):
        way = float(rng.uniform(0, 2 * np.pi))
        start = np.array([0.085 * np.cos(way), -0.13 + 0.14 * np.sin(way)]) * float(rng.uniform(0.3, 1))
        hair = np.stack([start, start + [0.02 * np.cos(way), 0.045]])
        surface.line(hair, varied(mixed(tincture.light, fur, 0.4), rng, 10), 0.008, alpha=0.7)
    combed = rng.random() < 0.6  # noqa: PLR2004
    for side in (-1, 1):
        feeler = bezier((side * 0.03, -0.37), (side * 0.08, -0.5), (side * 0.2, -0.62), (side * 0.34, -0.66), steps=24)
        surface.line(feeler, tincture.dark, np.linspace(0.018, 0.008, 24), solid=True)
        if combed:
            for knot in range(3, 23):
                tooth = 0.055 * np.sin(np.pi * knot / 24)
                for away in ([side * 0.25, -0.9], [side * 0.7, 0.7]):
                    surface.line(np.stack([feeler[knot], feeler[knot] + np.array(away) * tooth]), tincture.dark, 0.007, solid=True)
    _pin(surface, (0.0, -0.14))
    surface.speckle(rng, tincture.dark, share=0.1, scale=0, alpha=0.22)
    return Material(relief=0.8, softness=0.005, shade=0.75, mottle=0.045, shadow=1.15)


def _pin(surface: Surface, at: tuple[float, float]) -> None:
    x, y = at
    surface.wash(ellipse((x + 0.02, y + 0.025), 0.024, 0.024, steps=14), (20, 16, 14), 0.4)
    surface.wash(ellipse(at, 0.021, 0.021, steps=14), (206, 198, 180), 1.0)
    surface.wash(ellipse((x - 0.006, y - 0.007), 0.008, 0.008, steps=8), (255, 255, 250), 1.0)


def _legs(surface: Surface, look: Look, rng: np.random.Generator, half: float, body: float) -> None:
    ink = mixed(look.tincture.dark, (20, 16, 14), 0.4)
    pairs = ((-0.34, -0.62, -0.72), (-0.02, 0.12, 0.3), (0.16, 0.56, 0.86))
    for root, knee, foot in pairs:
        sway = float(rng.normal(0, 0.05))
        for side in (-1, 1):
            thigh = np.array([[side * half * 0.55, root * body + 0.02], [side * (half + 0.2), (root + knee) / 2 + sway]])
            shin = np.array([thigh[1], [side * (half + 0.27), knee + sway], [side * (half + 0.36), foot + sway]])
            surface.line(np.linspace(thigh[0], thigh[1], 6), ink, [0.05, 0.06, 0.064, 0.06, 0.05, 0.036], solid=True)
            surface.line(smooth(shin, steps=6), ink, np.linspace(0.045, 0.012, 13), solid=True)
            surface.emboss(np.linspace(thigh[0], thigh[1], 6), 0.1, 0.02)


def beetle(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A beetle from above: grooved wing cases, shield, head, jaws or long antennae, six legs."""
    tincture = look.tincture
    horned, stag = look.variety == "long-horned", look.variety == "stag"
    half = {"stag": 0.34, "scarab": 0.45, "long-horned": 0.24, "spotted": 0.46}[look.variety] * float(rng.uniform(0.93, 1.1))
    end = {"stag": 0.86, "scarab": 0.78, "long-horned": 0.94, "spotted": 0.7}[look.variety]
    ink = mixed(tincture.dark, (20, 16, 14), 0.3)
    _legs(surface, look, rng, half, 0.9)
    shoulder = -0.2
    _head(surface, look, rng, half)
    shield = mirrored(smooth([(0, -0.52), (half * 0.6, -0.52), (half * 0.93, -0.34), (half * 0.86, shoulder), (0, shoulder + 0.04)], steps=10))
    surface.fill(shield, mixed(tincture.base, ink, 0.35 if stag or look.variety == "spotted" else 0.15), height=0.02)
    surface.outline(shield, ink, 0.014, alpha=0.8)
    knots = [(0, shoulder), (half * 0.8, shoulder), (half * 0.99, 0.02), (half * 0.97, end * 0.45), (half * 0.6, end * 0.88), (0, end)]
    cases = mirrored(smooth(knots, steps=12))
    surface.fill(cases, tincture.base)
    _markings(surface, look, rng, half, shoulder, end)
    surface.line(np.array([[0, shoulder], [0, end]]), ink, 0.016, alpha=0.9)
    surface.fill(np.array([[-0.06, shoulder], [0.06, shoulder], [0, shoulder + 0.1]]), ink)
    surface.outline(cases, ink, 0.014, alpha=0.8)
    grooves = int(rng.integers(5, 9)) if look.variety != "spotted" else 0

    def domed(x: Floats, y: Floats) -> Floats:
        middle, long = (shoulder + end) / 2, (end - shoulder) / 2
        round_ = np.clip(1 - (x / (half * 1.02)) ** 2 - np.abs((y - middle) / long) ** 3.2, 0, 1)
        across = np.abs(x) / half
        furrow = 0.008 * np.cos(2 * np.pi * grooves * across) * (round_ > 0) if grooves else 0.0
        case = 0.62 * half * np.sqrt(round_) - 0.03 * np.exp(-((x / 0.02) ** 2)) * (round_ > 0) + furrow
        plate = np.clip(1 - (x / (half * 0.95)) ** 2 - ((y + 0.35) / 0.19) ** 2, 0, 1)
        return np.asarray(np.maximum(np.where(y > shoulder, case, 0), 0.42 * half * np.sqrt(plate)))

    surface.lift(domed)
    sheen = varied(tincture.light, rng, 14)
    surface.tint(lambda x, y: 0.35 * np.exp(-(((np.abs(x) - half * 0.42) / (half * 0.22)) ** 2)) * (y > shoulder), sheen)
    _pin(surface, (half * 0.32, 0.0))
    del horned
    return Material(relief=1.1, softness=0.006, shade=0.85, gloss=0.5, mottle=0.03, shadow=1.15)


def _head(surface: Surface, look: Look, rng: np.random.Generator, half: float) -> None:
    tincture = look.tincture
    ink = mixed(tincture.dark, (20, 16, 14), 0.4)
    if look.variety == "stag":
        spread = float(rng.uniform(0.2, 0.32))
        for side in (-1, 1):
            jaw = bezier((side * 0.12, -0.66), (side * spread * 1.6, -0.72), (side * spread * 1.4, -0.98), (side * 0.06, -1.0), steps=26)
            surface.line(jaw, ink, np.linspace(0.11, 0.02, 26), solid=True)
            surface.emboss(jaw, 0.14, 0.03)
            tooth = jaw[14] + np.array([[side * 0.02, -0.03], [-side * 0.11, 0.01], [side * 0.02, 0.05]])
            surface.fill(tooth, ink, height=0.1)
    long = look.variety == "long-horned"
    reach = 1.0 if long else 0.42
    for side in (-1, 1):
        feeler = bezier((side * 0.08, -0.64), (side * 0.2, -0.64 - 0.4 * reach), (side * (0.3 + 0.25 * reach), -0.7 - 0.3 * reach),
                        (side * (0.3 + 0.5 * reach), -0.62 + 0.5 * (reach - 0.42)), steps=30)  # fmt: skip
        surface.line(feeler, ink, np.linspace(0.03, 0.014, 30), solid=True)
        for knot in range(3, 30, 3):
            surface.fill(ellipse(feeler[knot], 0.021, 0.021, steps=10), ink)
        if not long:
            surface.fill(ellipse(feeler[-1], 0.05, 0.03, angle=side * 0.5, steps=16), ink)
    head = ellipse((0, -0.58), max(0.16, half * 0.5), 0.13, steps=40)
    surface.fill(head, mixed(tincture.base, ink, 0.55), height=0.08)
    surface.outline(head, ink, 0.012, alpha=0.8)
    for side in (-1, 1):
        surface.fill(ellipse((side * max(0.14, half * 0.44), -0.6), 0.04, 0.05, steps=16), (24, 20, 20), height=0.12)


def _markings(surface: Surface, look: Look, rng: np.random.Generator, half: float, shoulder: float, end: float) -> None:
    tincture = look.tincture
    ink = mixed(tincture.dark, (20, 16, 14), 0.3)
    if look.variety == "spotted":
        rows = int(rng.integers(2, 5))
        for row in range(rows):
            y = shoulder + (end - shoulder) * (0.2 + 0.62 * row / max(1, rows - 1))
            size = float(rng.uniform(0.06, 0.1))
            for share in ((0.5,) if row % 2 else (0.28, 0.7)):
                for side in (-1, 1):
                    surface.wash(ellipse((side * half * share, y), size, size * 1.1, steps=24), ink, 0.92)
        return
    for side in (-1, 1):
        for share in np.linspace(0.14, 0.88, int(rng.integers(4, 8))):
            t = np.linspace(0, 1, 16)
            groove = np.stack([side * half * share * np.sin(np.pi * (0.28 + 0.66 * t)) ** 0.5, shoulder + (end - shoulder) * (0.03 + 0.9 * t)], 1)
            surface.line(groove, ink, 0.008, alpha=0.5)
    if look.variety == "long-horned" or rng.random() < 0.4:  # noqa: PLR2004
        for y in np.sort(rng.uniform(shoulder + 0.15, end - 0.2, int(rng.integers(2, 4)))):
            for side in (-1, 1):
                spot = ellipse((side * half * 0.52, y), half * 0.34, float(rng.uniform(0.03, 0.07)), angle=side * 0.2, steps=24)
                surface.wash(spot, tincture.accent, 0.85)
