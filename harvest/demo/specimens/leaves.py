"""Leaves and fern fronds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harvest.demo.specimens.canvas import Surface
from harvest.demo.specimens.curves import Points, normals, profile, ribbon, smooth, smoothstep, taper, turn
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import mixed, varied

__all__ = ["fern", "leaf"]

_BLADES = {
    "ovate": ((0, 0.02), (0.3, 0.42), (0.65, 0.26), (1, 0.0)),
    "lanceolate": ((0, 0.02), (0.35, 0.21), (0.7, 0.14), (1, 0.0)),
    "heart-shaped": ((0, 0.2), (0.06, 0.42), (0.3, 0.56), (0.65, 0.3), (1, 0.0)),
    "lobed": ((0, 0.03), (0.3, 0.36), (0.62, 0.48), (0.85, 0.35), (1, 0.05)),
    "toothed": ((0, 0.03), (0.32, 0.46), (0.65, 0.3), (1, 0.0)),
}
_STEPS = 160
_ALIKE = 5  # lobes of most palmate leaves


@dataclass(frozen=True, slots=True)
class _Blade:
    """A leaf's own coordinates: along the midrib from 0 (base) to 1 (tip), across from -1 to 1 (edges)."""

    along: NDArray[np.float64]
    rib: Points
    sides: Points
    width: NDArray[np.float64]

    def at(self, t: NDArray[np.float64], across: NDArray[np.float64] | float) -> Points:
        """Places on the blade; outside 0..1 the midrib's ends hold."""
        place = np.stack([np.interp(t, self.along, self.rib[:, axis]) for axis in (0, 1)], -1)
        side = np.stack([np.interp(t, self.along, self.sides[:, axis]) for axis in (0, 1)], -1)
        return np.asarray(place + side * (np.interp(t, self.along, self.width) * across)[..., None])


def _blade(look: Look, rng: np.random.Generator) -> _Blade:
    along = np.linspace(0, 1, _STEPS)
    bow = float(np.clip(rng.normal(0, 0.12), -0.2, 0.2))
    rib = smooth([(0, 0.62), (bow * 0.9, 0.2), (bow, -0.3), (bow * 0.2, -0.98)], steps=54)[:_STEPS]
    knots = _BLADES[look.variety]
    stretch = float(rng.uniform(0.8, 1.2))
    width = profile(along, [(t, w * stretch) for t, w in knots])
    if look.variety == "lobed":
        count = int(rng.integers(4, 7))
        wave = np.sin(2 * np.pi * (count * along**0.92 - 0.25))
        width = width * (0.80 + 0.28 * wave * smoothstep(0.02, 0.2, along) * (1 - 0.4 * along))
    return _Blade(along, rib, 0.4 * normals(rib) - np.array([0.6, 0.0]), width)


def _veins(surface: Surface, look: Look, blade: _Blade, rng: np.random.Generator) -> None:
    tincture = look.tincture
    pale, dark = mixed(tincture.light, tincture.base, 0.15), mixed(tincture.dark, tincture.base, 0.3)
    count = int(rng.integers(7, 13)) if look.variety != "lobed" else int(rng.integers(5, 8))
    rise = float(rng.uniform(0.12, 0.24))
    s = np.linspace(0, 0.93, 18)
    for side in (-1.0, 1.0):
        starts = (0.03 + 0.88 * (np.arange(count) + 0.35 * (side > 0)) / count)[:, None]
        veins = blade.at(starts + rise * s**1.25 * (1 - 0.5 * starts), side * s)
        between = blade.at(starts + 0.4 / count + rise * s**1.25 * (1 - 0.5 * starts), side * s * 0.9)
        surface.lines(between, pale, taper(0.006, 0.003, 18), alpha=0.4)
        surface.lines(veins + np.array([0.006, 0.008]), dark, taper(0.014, 0.004, 18), alpha=0.5)
        surface.lines(veins, pale, taper(0.014, 0.004, 18), alpha=0.9)
        knots = np.array([5, 9, 13])
        ends = blade.at(starts + rise * (0.55 + 0.05 * knots), side * (0.3 + knots / 20))
        twigs = np.stack([veins[:, knots], 0.45 * veins[:, knots] + 0.55 * ends], -2).reshape(-1, 2, 2)
        surface.lines(twigs, pale, 0.005, alpha=0.55)
        for vein in veins:
            surface.emboss(vein, 0.03, 0.026)


def leaf(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A leaf with its stalk, midrib and side veins; autumn creeps in from the tip of some."""
    tincture = look.tincture
    if look.variety in ("palmate", "fan-shaped"):
        _radiating(surface, look, rng)
    else:
        blade = _blade(look, rng)
        right, left = blade.at(blade.along, 1.0), blade.at(blade.along, -1.0)
        if look.variety == "toothed":
            saw = (blade.along * int(rng.integers(18, 30))) % 1.0
            tooth = (0.045 * saw * smoothstep(1, 0.85, blade.along) * smoothstep(0, 0.1, blade.along))[:, None]
            right, left = right + blade.sides * tooth, left - blade.sides * tooth
        outline = np.concatenate([right, left[::-1]])
        surface.fill(outline, tincture.base, height=0.05)
        surface.wash(np.concatenate([right, blade.rib[::-1]]), tincture.light, 0.28)
        _veins(surface, look, blade, rng)
        stalk = np.concatenate([smooth([(rng.normal(0, 0.06), 1.0), (0, 0.8), (0, 0.62)], steps=8), blade.rib[4::8]])
        widths = np.concatenate([taper(0.05, 0.034, 17), taper(0.034, 0.006, len(stalk) - 17)])
        surface.line(stalk, mixed(tincture.light, tincture.accent, 0.25), widths, solid=True)
        surface.emboss(stalk, 0.075, 0.024)
        surface.outline(outline, tincture.dark, 0.009, alpha=0.55)
    x, y = surface.grid
    if rng.random() < 0.45:
        edge = float(rng.uniform(-0.2, 0.5))
        autumn = 0.62 * smoothstep(edge, edge - 1.0, y + 0.35 * np.sin(4 * x))
        surface.tint(autumn, varied(tincture.accent, rng, 14))
    if rng.random() < 0.35:
        surface.speckle(rng, mixed(tincture.dark, tincture.accent, 0.4), share=0.025, scale=1, alpha=0.7)
    return Material(relief=1.0, softness=0.008, shade=0.9, gloss=0.06, mottle=0.055, shadow=0.9)


def _radiating(surface: Surface, look: Look, rng: np.random.Generator) -> None:
    """Leaves whose veins leave from one point: maples, ivies and the ginkgo."""
    tincture = look.tincture
    base = np.array([0.0, 0.52])
    angle = np.linspace(-np.pi, np.pi, 720, endpoint=False)
    strong = look.variety == "palmate"
    if strong:
        lobes = int(rng.choice([_ALIKE, _ALIKE, 7]))
        spread = float(rng.uniform(2.0, 2.5))
        tips = np.linspace(-spread, spread, lobes)
        lengths = (1.45 - 0.75 * (np.abs(tips) / spread) ** 1.3) * rng.normal(1, 0.04, lobes)
        lobe = lengths[:, None] * np.exp(-float(rng.uniform(2.0, 4.5)) * np.abs(angle[None] - tips[:, None]) ** 1.25)
        body = 0.42 * smoothstep(spread + 0.75, spread + 0.1, np.abs(angle))
        radius = np.maximum(lobe.max(axis=0), body) + 0.05
        radius *= 1 + float(rng.uniform(0.02, 0.06)) * ((angle * 9 / np.pi * 2) % 1.0 - 0.5)
        lengths *= 0.92
        radius, lengths = radius * 0.9, lengths * 0.9
    else:
        spread = float(rng.uniform(0.75, 1.05))
        radius = 1.42 * smoothstep(spread + 0.13, spread - 0.1, np.abs(angle)) * (1 - 0.1 * np.abs(angle))
        radius *= 1 - float(rng.uniform(0.15, 0.5)) * np.exp(-((angle / 0.05) ** 2)) + 0.018 * np.sin(21 * angle)
        radius = np.maximum(radius, 0.02)
        tips = np.linspace(-spread + 0.04, spread - 0.04, 41)
        lengths = 1.38 * (1 - 0.12 * np.abs(tips))
    outline = base + np.stack([radius * np.sin(angle), -radius * np.cos(angle)], 1)
    surface.fill(outline, tincture.base, height=0.05)
    stalk = base + smooth([(rng.normal(0, 0.1), 0.5), (0, 0.25), (0, -0.05)], steps=8)
    surface.line(stalk, mixed(tincture.light, tincture.accent, 0.3), taper(0.045, 0.03, len(stalk)), solid=True)
    surface.emboss(stalk, 0.07, 0.024)
    ways = np.stack([np.sin(tips), -np.cos(tips)], 1) * lengths[:, None]
    veins = base + np.linspace(0, 1, 20)[None, :, None] * ways[:, None]
    pale = mixed(tincture.light, tincture.base, 0.15)
    surface.lines(veins, pale, taper(0.024, 0.006, 20) if strong else 0.006, alpha=0.85 if strong else 0.5)
    for vein in veins:
        surface.emboss(vein, 0.025 if strong else 0.045, 0.024)
    for side in (-0.6, 0.6) if strong else ():
        for share in (0.3, 0.45, 0.6, 0.75):
            away = turn(ways, side) * (0.30 * (1 - share))
            twigs = base + ways[:, None] * share + np.linspace(0, 1, 5)[None, :, None] * away[:, None]
            surface.lines(twigs, pale, 0.007, alpha=0.65)
    surface.outline(outline, tincture.dark, 0.009, alpha=0.55)


def _pinna(length: float, width: float, teeth: int, *, curl: float) -> Points:
    """One leaflet from the origin along x, its edge cut into `teeth` rounded lobes."""
    t = np.linspace(0, 1, 40)
    half = width * (1 - t) ** 0.7 * smoothstep(0, 0.08, t) * (0.72 + 0.28 * np.abs(np.sin(np.pi * teeth * t)))
    return ribbon(np.stack([length * t, curl * length * t**2], 1), 2 * half)


def _stem(look: Look, rng: np.random.Generator) -> Points:
    bow = float(rng.normal(0, 0.22))
    if look.variety != "curled":
        return smooth([(bow * 0.4, 1.0), (0, 0.5), (bow * 0.5, -0.2), (bow * 1.6, -0.98)], steps=40)
    theta = np.linspace(0, float(rng.uniform(3.6, 5.0)) * np.pi, 130)
    spiral = np.exp(-0.13 * theta)[:, None] * np.stack([-np.cos(theta), -np.sin(theta)], 1) * 0.44 + [0.36, -0.44]
    return np.concatenate([smooth([(-0.2 - bow, 1.0), (-0.2, 0.5), (-0.12, 0.0), spiral[0]], steps=30), spiral[1:]])


def fern(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A frond: leaflets in pairs along a bowed stem, rolled up at the tip in the curled variety."""
    tincture = look.tincture
    stem = _stem(look, rng)
    sides = normals(stem)
    curled = look.variety == "curled"
    pairs = {"tall": 21, "broad": 15, "fine": 25, "curled": 32}[look.variety] + int(rng.integers(-2, 3))
    reach = {"tall": 0.44, "broad": 0.68, "fine": 0.42, "curled": 0.15}[look.variety] * float(rng.uniform(0.85, 1.15))
    slope = float(rng.uniform(0.25, 0.6))
    first = 0.12 if curled else 0.2
    shares = np.arange(pairs) / pairs
    if curled:
        lengths = reach * (1 - 0.72 * shares) * smoothstep(-0.1, 0.25, shares)
    else:
        lengths = reach * profile(shares, [(0, 0.62), (0.22, 1.0), (0.6, 0.68), (1, 0.06)])
    for index in reversed(range(pairs)):
        share = float(shares[index])
        at = round((first + (0.995 - first) * share**0.9) * (len(stem) - 1))
        length = float(lengths[index]) * float(rng.normal(1, 0.04))
        width = 0.03 + 0.2 * length if curled else (0.34 + 0.4 * length) * 1.6 / pairs
        pinna = _pinna(length, width, max(3, round(16 * length)), curl=-slope * 0.4)
        outward = float(np.arctan2(sides[at, 1], sides[at, 0]))
        for side in (0, 1):
            way = outward + (slope if side == 0 else np.pi - slope)
            piece = turn(pinna if side == 0 else pinna * [1, -1], way) + stem[at]
            shade = varied(mixed(tincture.base, tincture.light, 0.35 * (1 - share) + 0.25 * side), rng, 5)
            surface.fill(piece, shade, height=0.05 + 0.03 * (index % 2))
            surface.outline(piece, tincture.dark, 0.006, alpha=0.4)
            middle = np.stack([stem[at], (piece[36] + piece[-37]) / 2])
            surface.line(middle, tincture.dark, 0.008, alpha=0.45)
            surface.emboss(middle, 0.035, 0.02)
    thick = taper(0.065, 0.028, len(stem)) if curled else taper(0.05, 0.012, len(stem))
    surface.line(stem, mixed(tincture.dark, tincture.accent, 0.35), thick, solid=True)
    surface.emboss(stem, 0.1, 0.024)
    if rng.random() < 0.3:
        surface.tint(0.55 * smoothstep(0.1, -0.9, surface.grid[1]), varied(tincture.accent, rng, 10))
    return Material(relief=0.9, softness=0.006, shade=0.8, mottle=0.05, shadow=0.9)
