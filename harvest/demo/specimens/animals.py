"""Fish, feathers and birds' eggs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harvest.demo.specimens.canvas import Floats, Surface
from harvest.demo.specimens.curves import Points, bend, ellipse, normals, profile, ribbon, smooth, smoothstep, taper
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import Colour, mixed, varied

__all__ = ["egg", "feather", "fish"]


@dataclass(frozen=True, slots=True)
class _Body:
    """A fish's body by its length: middle line and half depth at each `x`."""

    x: NDArray[np.float64]
    middle: NDArray[np.float64]
    depth: NDArray[np.float64]

    def at(self, x: Floats | float) -> tuple[Floats, Floats]:
        """Middle and half depth at `x`."""
        return np.asarray(np.interp(x, self.x, self.middle)), np.asarray(np.interp(x, self.x, self.depth))

    def edge(self, side: int) -> Points:
        """The back (-1) or the belly (1)."""
        return np.stack([self.x, self.middle + side * self.depth], 1)


_DEPTHS = {"slender": 0.21, "deep-bodied": 0.5, "striped": 0.36, "spotted": 0.3}


def _fish_body(look: Look, rng: np.random.Generator) -> _Body:
    deep = _DEPTHS[look.variety] * float(rng.uniform(0.88, 1.15))
    x = np.linspace(-0.97, 0.66, 160)
    share = (x + 0.97) / 1.63
    back = deep * profile(share, [(0, 0.02), (0.08, 0.36), (0.34, 1.0), (0.7, 0.55), (0.92, 0.2), (1, 0.22)])
    belly = deep * profile(share, [(0, 0.02), (0.1, 0.34), (0.42, 0.92), (0.72, 0.46), (0.92, 0.18), (1, 0.2)])
    arch = 0.05 * np.sin(np.pi * share) * float(rng.uniform(-1, 1))
    return _Body(x, arch + (belly - back) / 2, np.maximum((belly + back) / 2, 1e-3))


def fish(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A fish: fins with rays, scales, gill cover, eye; striped, spotted or countershaded."""
    tincture = look.tincture
    body = _fish_body(look, rng)
    deep = float(body.depth.max())
    fin = varied(mixed(tincture.base, tincture.accent, float(rng.uniform(0.2, 0.75))), rng)
    _tail(surface, look, rng, fin, deep)
    first, last = float(rng.uniform(0.26, 0.36)), float(rng.uniform(0.62, 0.82))
    _fin(surface, look, body.edge(-1), fin, span=(first, last), rise=-float(rng.uniform(0.16, 0.34)))
    _fin(
        surface,
        look,
        body.edge(1),
        fin,
        span=(0.6, float(rng.uniform(0.78, 0.88))),
        rise=float(rng.uniform(0.12, 0.26)),
    )
    _fin(surface, look, body.edge(1), fin, span=(0.36, 0.44), rise=float(rng.uniform(0.14, 0.24)))
    outline = np.concatenate([body.edge(-1), body.edge(1)[::-1]])
    surface.fill(outline, tincture.base, height=0.0)

    x, y = surface.grid
    middle, depth = body.at(x)
    across = (y - middle) / depth  # -1 at the back, 1 at the belly
    on = (np.abs(across) < 1.02) & (x > body.x[0]) & (x < 0.64)
    surface.lift(np.where(on, 0.75 * depth * np.sqrt(np.clip(1 - across**2, 0, 1)), 0))
    surface.tint(0.85 * smoothstep(0.0, 0.95, across) * on, tincture.light)
    surface.tint(0.7 * smoothstep(-0.25, -1.0, across) * on, tincture.dark)
    mark = tincture.accent if rng.random() < 0.5 else tincture.dark
    flank = on & (x > -0.5) & (x < 0.6)
    if look.variety == "striped":
        count, slope = float(rng.uniform(4, 8)), float(rng.uniform(-0.12, 0.12))
        surface.tint(0.8 * smoothstep(0.25, 0.6, np.sin((x + slope * across) * count * np.pi)) * flank, mark)
    elif look.variety == "spotted":
        surface.speckle(rng, mark, share=float(rng.uniform(0.12, 0.25)), scale=1, alpha=0.75)
    elif rng.random() < 0.5:
        surface.tint(0.6 * np.exp(-((across / 0.16) ** 2)) * flank, mark)
    _scales(surface, look, body)
    _face(surface, look, body)
    spine = smooth([(-0.42, 0.1 * deep), (-0.26, 0.3 * deep), (-0.06, 0.62 * deep)], steps=10)
    pectoral = ribbon(spine, taper(0.05, 0.2, 21))
    surface.wash(pectoral, fin, 0.85)
    share = np.linspace(0, 1, 7)[:, None]
    tips = pectoral[20] * share + pectoral[21] * (1 - share)
    roots = np.broadcast_to(np.array([-0.42, 0.1 * deep]), tips.shape)
    surface.lines(np.stack([roots, tips], 1), tincture.dark, 0.006, alpha=0.5)
    surface.outline(pectoral, tincture.dark, 0.007, alpha=0.6)
    surface.outline(outline, tincture.dark, 0.009, alpha=0.65)
    return Material(relief=1.0, softness=0.005, shade=0.75, gloss=0.3, mottle=0.04)


def _rays(surface: Surface, look: Look, outer: Points, inner: Points, colour: Colour) -> None:
    web = np.concatenate([outer, inner[::-1]])
    surface.fill(web, colour, height=0.03)
    rays = np.stack([inner[::2], outer[::2]], 1)
    surface.lines(rays, look.tincture.dark, 0.007, alpha=0.45)
    for ray in rays:
        surface.emboss(ray, 0.045, 0.012)
    surface.outline(web, look.tincture.dark, 0.008, alpha=0.6)


def _fin(surface: Surface, look: Look, edge: Points, colour: Colour, *, span: tuple[float, float], rise: float) -> None:
    root = edge[round(span[0] * 159) : round(span[1] * 159) + 1 : 2]
    t = np.linspace(0, 1, len(root))
    height = rise * profile(t, [(0, 0.25), (0.22, 1.0), (0.6, 0.6), (1, 0.3)])
    spikes = 1 + 0.10 * np.cos(np.pi * np.arange(len(root)))
    outer = root + np.stack([0.16 * np.abs(height) + 0.06 * t, height * spikes], 1)
    _rays(surface, look, outer, root - np.array([0, 0.25 * rise]), colour)


def _tail(surface: Surface, look: Look, rng: np.random.Generator, colour: Colour, deep: float) -> None:
    high, fork = float(rng.uniform(0.26, 0.46)), float(rng.uniform(0.02, 0.26))
    s = np.linspace(-1, 1, 33)
    outer = np.stack([0.98 - fork * (1 - np.abs(s) ** 1.2), high * s], 1)
    _rays(surface, look, outer, np.stack([np.full(33, 0.6), 0.19 * deep * s], 1), colour)


def _scales(surface: Surface, look: Look, body: _Body) -> None:
    """Arcs in brick rows over the flank."""
    arc = np.linspace(-1.15, 1.15, 5)
    scales = []
    for column, x in enumerate(np.arange(-0.46, 0.6, 0.058)):
        middle, half = body.at(float(x))
        rows = max(2, int(half * 2 / 0.075))
        down = middle - half + 2 * half * (np.arange(rows) + 0.5 * (column % 2) + 0.25) / rows
        rim = np.stack([x + 0.036 * np.cos(arc), half / rows * 1.05 * np.sin(arc)], 1)
        scales.append(rim[None] + np.stack([np.zeros(rows), down], 1)[:, None])
    surface.lines(np.concatenate(scales), look.tincture.dark, 0.005, alpha=0.3)


def _face(surface: Surface, look: Look, body: _Body) -> None:
    tincture = look.tincture
    middle, half = body.at(-0.55)
    s = np.linspace(-1, 1, 20)
    gill = np.stack([-0.6 + 0.14 * np.cos(s * 1.5), middle + half * 0.86 * s], 1)
    surface.line(gill, tincture.dark, 0.016 * (1 - 0.6 * s**2) + 0.004, alpha=0.75)
    surface.emboss(gill, -0.016, 0.02)
    middle, half = body.at(-0.76)
    eye, size = np.array([-0.76, middle - 0.28 * half]), 0.055 + 0.05 * float(half)
    for scale, colour in ((1.25, tincture.dark), (1.08, tincture.light), (0.62, (16, 14, 16))):
        surface.fill(ellipse(eye, size * scale, size * scale, steps=30), colour)
    surface.fill(ellipse(eye - size * 0.22, size * 0.16, size * 0.16, steps=10), (255, 255, 255))
    lips = np.stack([np.array([-0.965, -0.9, -0.85]), body.middle[[2, 6, 9]] + [0.01, 0.035, 0.03]], 1)
    surface.line(lips, tincture.dark, 0.014, alpha=0.85)


_BARBS = 66
_VANE = (
    (0, 0),
    (0.2, 0.02),
    (0.26, 0.5),
    (0.36, 0.84),
    (0.56, 1.0),
    (0.82, 0.82),
    (0.97, 0.48),
    (1.06, 0.18),
    (1.1, 0.0),
)
_SHAFT = 150


def feather(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A feather: two vanes of barbs about a bowed shaft, split here and there, down at the foot."""
    tincture = look.tincture
    bow, wide = float(rng.normal(0, 0.17)), float(rng.uniform(0.26, 0.4))
    t = np.linspace(0, 1.1, 165)  # barbs reach beyond the shaft's end at 1
    axis = bend(np.stack([np.zeros(165), 1.0 - 1.8 * t], 1), bow) - np.array([bow * 0.3, 0])
    shaft, sides = axis[:_SHAFT], normals(axis)
    starts = 0.19 + 0.80 * np.arange(_BARBS + 1) / _BARBS
    ends = np.minimum(1.1, starts + float(rng.uniform(0.14, 0.2)) * (1 - 0.45 * starts))
    first, last = (np.round(share / 1.1 * 164).astype(int) for share in (starts, ends))
    colours = _barb_colours(look, rng, starts)
    s = np.linspace(0, 1, 7)[None, :, None]
    for side, share in ((1.0, 1.0), (-1.0, float(rng.uniform(0.6, 1.0)))):
        length = np.interp(ends, t, wide * share * profile(t, _VANE))[:, None]
        roots, tips = axis[np.minimum(first, _SHAFT - 1)], axis[last] + side * sides[last] * length
        lean = (roots + tips) / 2 + side * sides[first] * 0.16 * length
        barbs = (1 - s) ** 2 * roots[:, None] + 2 * s * (1 - s) * lean[:, None] + s**2 * tips[:, None]
        splits = set(rng.integers(14, _BARBS - 6, int(rng.integers(1, 4))).tolist())
        for index in range(_BARBS):
            after = 0.25 * barbs[index] + 0.75 * barbs[index + 1] if index in splits else barbs[index + 1]
            surface.fill(np.concatenate([barbs[index], after[::-1]]), varied(colours[index], rng, 4), height=0.0)
        surface.lines(barbs, tincture.dark, 0.005, alpha=0.32)
        surface.lines((barbs[1:] + barbs[:-1]) / 2, tincture.light, 0.004, alpha=0.28)
        _down(surface, look, rng, axis, side * sides * wide * share)
    if look.variety == "eyed":
        _eyespot(surface, look, axis[round(float(rng.uniform(0.68, 0.76)) * _SHAFT)], wide)
    quill = mixed(tincture.light, (250, 240, 220), 0.5)
    surface.line(shaft, tincture.dark, taper(0.040, 0.006, _SHAFT), solid=True, alpha=0.7)
    surface.line(shaft - np.array([0.005, 0.004]), quill, taper(0.028, 0.004, _SHAFT), solid=True)
    surface.emboss(shaft, 0.04, 0.024)
    x, y = surface.grid
    surface.lift(0.2 * np.sqrt(np.clip(1 - ((x - bow * y**2 + bow * 0.3) / (wide * 1.2)) ** 2, 0, 1)))
    return Material(relief=0.9, softness=0.006, shade=0.8, gloss=0.08, mottle=0.03, shadow=0.8)


def _down(surface: Surface, look: Look, rng: np.random.Generator, axis: Points, away: Points) -> None:
    """Loose barbs at the foot of one vane, `away` from the shaft."""
    at = np.round(rng.uniform(0.13, 0.25, 44) * _SHAFT).astype(int)
    reach = away[at] * rng.uniform(0.15, 1.0, 44)[:, None]
    s = np.linspace(0, 1, 6)[None, :, None]
    droop = np.stack([rng.normal(0, 0.03, 44), rng.uniform(-0.02, 0.1, 44)], 1)
    curls = axis[at][:, None] + reach[:, None] * s + s**2 * droop[:, None] - np.array([0, 0.06]) * s * (1 - s)
    surface.lines(curls, mixed(look.tincture.light, (250, 248, 240), 0.35), taper(0.014, 0.006, 6), solid=True)


def _barb_colours(look: Look, rng: np.random.Generator, starts: Points) -> list[Colour]:
    tincture = look.tincture
    marked = tincture.dark if rng.random() < 0.65 else tincture.accent
    bands, offset = int(rng.integers(4, 10)), float(rng.uniform(0, 6))
    if look.variety == "barred":
        share = 0.85 * smoothstep(0.1, 0.35, np.sin(starts**1.1 * bands * 6.283 + offset))
    elif look.variety == "tipped":
        share = 0.9 * smoothstep(0.66, 0.74, starts)
    else:
        share = np.zeros(len(starts))
    grounds = [mixed(tincture.base, tincture.light, 0.45 * (1 - start)) for start in starts.tolist()]
    return [mixed(ground, marked, part) for ground, part in zip(grounds, share.tolist(), strict=True)]


def _eyespot(surface: Surface, look: Look, centre: Points, wide: float) -> None:
    tincture = look.tincture
    for scale, colour in ((0.8, tincture.accent), (0.62, tincture.light), (0.46, tincture.base), (0.28, tincture.dark)):
        surface.wash(ellipse(centre, wide * scale * 0.8, wide * scale, steps=40), colour, 0.85)


_CLUTCHES = {1: [(0.0, 0.0)], 2: [(-0.48, 0.06), (0.48, -0.06)], 3: [(-0.48, -0.42), (0.48, -0.42), (0.0, 0.5)]}
_EGG_SIZES = {1: 0.88, 2: 0.62, 3: 0.52}


def egg(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A bird's egg, or a small clutch, as collectors laid them in wool; marked more at the blunt end."""
    tincture = look.tincture
    count = int(rng.choice([1, 1, 2, 3]))
    size = _EGG_SIZES[count] * float(rng.uniform(0.88, 1.04))
    pointed, slim = float(rng.uniform(0.06, 0.3)), float(rng.uniform(0.66, 0.84))
    t = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    shell = size * np.stack([slim * np.sin(t) * (1 + pointed * np.cos(t)), np.cos(t)], 1)
    x, y = surface.grid
    height = np.zeros_like(x)
    for place in _CLUTCHES[count]:
        outline = shell + place
        surface.fill(outline, varied(tincture.base, rng, 4))
        if look.variety == "scrawled":
            _scrawl(surface, look, rng, at=place, size=size, slim=slim)
        elif look.variety != "plain":
            _spots(surface, look, rng, at=place, size=size, slim=slim)
        surface.outline(outline, tincture.dark, 0.008, alpha=0.35)
        v = np.clip((y - place[1]) / size, -1, 1)
        half = slim * np.sqrt(1 - v**2) * (1 + pointed * v)
        height = np.maximum(height, size * np.sqrt(np.clip(half**2 - ((x - place[0]) / size) ** 2, 0, None)))
    surface.lift(0.72 * height)
    shine = 0.28 if look.variety == "plain" else 0.1
    return Material(relief=0.85, softness=0.004, shade=0.85, gloss=shine, mottle=0.025)


def _spots(
    surface: Surface, look: Look, rng: np.random.Generator, *, at: tuple[float, float], size: float, slim: float
) -> None:
    """Spots as they lie on a round shell, crowded at the blunt end on some."""
    tincture = look.tincture
    tone = tincture.accent if rng.random() < 0.6 else mixed(tincture.dark, (40, 28, 22), 0.4)
    blotched = look.variety == "blotched"
    count = 60 if blotched else 170
    v = 0.96 - rng.uniform(0, 1, count) ** float(rng.uniform(0.5, 2.2)) * 1.9
    u = rng.uniform(-0.93, 0.93, count)
    dots = (np.abs(rng.normal(0, 0.06, count)) + 0.012) if blotched else (np.abs(rng.normal(0, 0.014, count)) + 0.007)
    places = np.stack([at[0] + u * slim * np.sqrt(1 - v**2) * size, at[1] + v * size], 1)
    squeeze = np.maximum(0.25, np.sqrt(1 - u * u))
    if not blotched:
        surface.dots(places, dots * size, tone, alpha=0.85, squeeze=squeeze)
        return
    for place, dot, narrow in zip(places, (dots * size).tolist(), squeeze.tolist(), strict=True):
        knots = ellipse((0, 0), dot * narrow, dot, steps=7) * rng.uniform(0.55, 1.3, (7, 1))
        surface.wash(smooth(knots, steps=3, closed=True) + place, tone, float(rng.choice([0.9, 0.9, 0.4])))


def _scrawl(
    surface: Surface, look: Look, rng: np.random.Generator, *, at: tuple[float, float], size: float, slim: float
) -> None:
    """Ink-like lines that wander over the shell, as on buntings' eggs."""
    tone = mixed(look.tincture.dark, (30, 22, 20), 0.5)
    for _ in range(int(rng.integers(18, 34))):
        v = float(rng.uniform(-0.8, 0.9))
        start = np.array([float(rng.uniform(-0.8, 0.8)) * slim * np.sqrt(1 - v * v), v])
        headings = float(rng.uniform(0, 6.28)) + np.cumsum(rng.normal(0, 0.7, 9))
        walk = start + np.cumsum(np.stack([np.cos(headings), np.sin(headings)], 1) * 0.06, axis=0)
        walk[:, 1] = np.clip(walk[:, 1], -0.9, 0.9)
        edge = 0.9 * slim * np.sqrt(1 - walk[:, 1] ** 2)
        walk[:, 0] = np.clip(walk[:, 0], -edge, edge)
        widths = float(rng.uniform(0.012, 0.03)) * np.sin(np.linspace(0.3, 2.9, 41))
        surface.line(smooth(walk, steps=5) * size + at, tone, widths * size, alpha=0.8)
