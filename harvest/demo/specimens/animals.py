"""Fish, feathers and birds' eggs."""

from __future__ import annotations

import numpy as np

from harvest.demo.specimens.canvas import Floats, Surface
from harvest.demo.specimens.curves import bend, ellipse, normals, profile, ribbon, smooth, smoothstep
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import mixed, varied

__all__ = ["egg", "feather", "fish"]


def fish(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A fish swimming to the left: fins with rays, scales, gill cover, eye; striped, spotted or countershaded."""
    tincture = look.tincture
    deep = {"slender": 0.21, "deep-bodied": 0.5, "striped": 0.36, "spotted": 0.3}[look.variety] * float(rng.uniform(0.88, 1.15))
    x = np.linspace(-0.97, 0.66, 160)
    share = (x + 0.97) / 1.63
    back = deep * profile(share, [(0, 0.02), (0.08, 0.36), (0.34, 1.0), (0.7, 0.55), (0.92, 0.2), (1, 0.22)])
    belly = deep * profile(share, [(0, 0.02), (0.1, 0.34), (0.42, 0.92), (0.72, 0.46), (0.92, 0.18), (1, 0.2)])
    arch = 0.05 * np.sin(np.pi * share) * float(rng.uniform(-1, 1))
    upper, lower = np.stack([x, arch - back], 1), np.stack([x, arch + belly], 1)
    fin = varied(mixed(tincture.base, tincture.accent, float(rng.uniform(0.2, 0.75))), rng)
    _tail(surface, look, rng, fin, deep)
    first, last = float(rng.uniform(0.26, 0.36)), float(rng.uniform(0.62, 0.82))
    _fin(surface, look, rng, upper, fin, first, last, rise=-float(rng.uniform(0.16, 0.34)))
    _fin(surface, look, rng, lower, fin, 0.6, float(rng.uniform(0.78, 0.88)), rise=float(rng.uniform(0.12, 0.26)))
    _fin(surface, look, rng, lower, fin, 0.36, 0.44, rise=float(rng.uniform(0.14, 0.24)))
    body = np.concatenate([upper, lower[::-1]])
    surface.fill(body, tincture.base)
    middle, spread = (upper[:, 1] + lower[:, 1]) / 2, np.maximum((lower[:, 1] - upper[:, 1]) / 2, 1e-3)

    def across(px: Floats, py: Floats) -> Floats:
        """-1 at the back, 1 at the belly."""
        return np.asarray((py - np.interp(px, x, middle)) / np.interp(px, x, spread))

    surface.tint(lambda px, py: 0.85 * smoothstep(0.0, 0.95, across(px, py)) * (np.abs(across(px, py)) < 1.02) * (px < 0.64), tincture.light)
    surface.tint(lambda px, py: 0.7 * smoothstep(-0.25, -1.0, across(px, py)) * (np.abs(across(px, py)) < 1.02) * (px < 0.64), tincture.dark)
    _pattern(surface, look, rng, across)
    _scales(surface, look, x, middle, spread)

    def rounded(px: Floats, py: Floats) -> Floats:
        inside = (px > x[0]) & (px < x[-1])
        return np.asarray(np.where(inside, 0.75 * np.interp(px, x, spread) * np.sqrt(np.clip(1 - across(px, py) ** 2, 0, 1)), 0))

    surface.lift(rounded)
    _face(surface, look, rng, x, middle, spread)
    pectoral = ribbon(smooth([(-0.42, 0.1 * deep), (-0.26, 0.3 * deep), (-0.06, 0.62 * deep)], steps=10), np.linspace(0.05, 0.2, 21))
    surface.wash(pectoral, fin, 0.85)
    for end in np.linspace(0, 1, 7):
        tip = pectoral[20] * end + pectoral[21] * (1 - end)
        surface.line(np.stack([[-0.42, 0.1 * deep], tip]), tincture.dark, 0.006, alpha=0.5)
    surface.outline(pectoral, tincture.dark, 0.007, alpha=0.6)
    surface.outline(body, tincture.dark, 0.009, alpha=0.65)
    return Material(relief=1.0, softness=0.005, shade=0.75, gloss=0.3, mottle=0.04)


def _rays(surface, look, outer, inner, colour):  # type: ignore[no-untyped-def]
    surface.fill(np.concatenate([outer, inner[::-1]]), colour, height=0.03)
    for index in range(0, len(outer), 2):
        surface.line(np.stack([inner[index], outer[index]]), look.tincture.dark, 0.007, alpha=0.45)
        surface.emboss(np.stack([inner[index], outer[index]]), 0.045, 0.012)
    surface.outline(np.concatenate([outer, inner[::-1]]), look.tincture.dark, 0.008, alpha=0.6)


def _fin(surface, look, rng, edge, colour, first, last, *, rise):  # type: ignore[no-untyped-def]
    a, b = round(first * 159), round(last * 159)
    root = edge[a : b + 1 : 2]
    t = np.linspace(0, 1, len(root))
    height = rise * profile(t, [(0, 0.25), (0.22, 1.0), (0.6, 0.6), (1, 0.3)])
    spikes = 1 + 0.10 * np.cos(np.pi * np.arange(len(root)))
    outer = root + np.stack([0.16 * np.abs(height) + 0.06 * t, height * spikes], 1)
    _rays(surface, look, outer, root + [0, -0.25 * rise], colour)


def _tail(surface, look, rng, colour, deep):  # type: ignore[no-untyped-def]
    high = float(rng.uniform(0.26, 0.46))
    fork = float(rng.uniform(0.02, 0.26))
    s = np.linspace(-1, 1, 33)
    outer = np.stack([0.98 - fork * (1 - np.abs(s) ** 1.2), high * s], 1)
    inner = np.stack([np.full(33, 0.6), 0.19 * deep * s], 1)
    _rays(surface, look, outer, inner, colour)


def _pattern(surface, look, rng, across):  # type: ignore[no-untyped-def]
    tincture = look.tincture
    mark = tincture.accent if rng.random() < 0.5 else tincture.dark
    if look.variety == "striped":
        count, slope = float(rng.uniform(4, 8)), float(rng.uniform(-0.12, 0.12))
        surface.tint(
            lambda x, y: 0.75 * smoothstep(0.25, 0.6, np.sin((x + slope * across(x, y)) * count * 3.14)) * (np.abs(across(x, y)) < 1) * (x > -0.5) * (x < 0.6),
            mark,
        )
    elif look.variety == "spotted":
        surface.speckle(rng, mark, share=float(rng.uniform(0.12, 0.25)), scale=1, alpha=0.75)
    elif rng.random() < 0.5:
        surface.tint(lambda x, y: 0.6 * np.exp(-((across(x, y) / 0.16) ** 2)) * (x > -0.55) * (x < 0.62), mark)


def _scales(surface, look, x, middle, spread):  # type: ignore[no-untyped-def]
    """Arcs in brick rows over the flank."""
    arc = np.linspace(-1.15, 1.15, 6)
    step = 0.058
    for column, px in enumerate(np.arange(-0.46, 0.6, step)):
        half, centre = float(np.interp(px, x, spread)), float(np.interp(px, x, middle))
        rows = max(2, int(half * 2 / 0.075))
        for row in range(rows):
            py = centre - half + 2 * half * (row + 0.5 * (column % 2) + 0.25) / rows
            scale = np.stack([px + 0.036 * np.cos(arc), py + half / rows * 1.05 * np.sin(arc)], 1)
            surface.line(scale, look.tincture.dark, 0.005, alpha=0.3)


def _face(surface, look, rng, x, middle, spread):  # type: ignore[no-untyped-def]
    tincture = look.tincture
    half, centre = float(np.interp(-0.55, x, spread)), float(np.interp(-0.55, x, middle))
    s = np.linspace(-1, 1, 20)
    gill = np.stack([-0.6 + 0.14 * np.cos(s * 1.5), centre + half * 0.86 * s], 1)
    surface.line(gill, tincture.dark, 0.016 * (1 - 0.6 * s**2) + 0.004, alpha=0.75)
    surface.emboss(gill, -0.05, 0.03)
    eye = np.array([-0.76, float(np.interp(-0.76, x, middle)) - 0.28 * float(np.interp(-0.76, x, spread))])
    size = 0.055 + 0.05 * float(np.interp(-0.76, x, spread))
    for scale, colour in ((1.25, tincture.dark), (1.08, tincture.light), (0.62, (16, 14, 16))):
        surface.fill(ellipse(eye, size * scale, size * scale, steps=30), colour)
    surface.fill(ellipse(eye - size * 0.22, size * 0.16, size * 0.16, steps=10), (255, 255, 255))
    mouth = np.array([[-0.965, float(middle[2]) + 0.01], [-0.9, float(middle[6]) + 0.035], [-0.85, float(middle[9]) + 0.03]])
    surface.line(mouth, tincture.dark, 0.014, alpha=0.85)


def feather(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A feather: two vanes of barbs about a bowed shaft, split here and there, down at the foot."""
    tincture = look.tincture
    bow = float(rng.normal(0, 0.17))
    wide = float(rng.uniform(0.2, 0.34))
    t = np.linspace(0, 1, 150)
    shaft = bend(np.stack([np.zeros(150), 1.0 - 1.96 * t], 1) + [0, 0], bow) - [bow * 0.3, 0]
    sides = normals(shaft)
    barbs = 104
    rise = float(rng.uniform(0.14, 0.2))
    tone = [float(rng.uniform(0, 1)) for _ in range(3)]
    bands, eye = int(rng.integers(4, 10)), float(rng.uniform(0.72, 0.8))
    for side, share in ((1.0, 1.0), (-1.0, float(rng.uniform(0.6, 1.0)))):
        half = wide * share * profile(t, [(0, 0), (0.2, 0.02), (0.26, 0.75), (0.55, 1.0), (0.85, 0.75), (0.97, 0.3), (1, 0.05)])
        splits = rng.uniform(0.3, 0.9, int(rng.integers(1, 4)))
        for index in range(barbs):
            start = 0.2 + 0.79 * index / barbs
            if np.abs(start - splits).min() < 0.006:  # noqa: PLR2004
                continue
            end = min(1.0, start + rise * (1 - 0.55 * start))
            root, length = shaft[round(start * 149)], float(np.interp((start + end) / 2, t, half))
            tip = shaft[round(end * 149)] + side * sides[round(end * 149)] * length
            lean = (root + tip) / 2 + side * sides[round(start * 149)] * 0.16 * length
            barb = smooth([root, lean, tip], steps=5)
            colour = _barb_colour(look, start, tone, bands, eye)
            surface.line(barb, varied(colour, rng, 4), np.linspace(0.036, 0.018, len(barb)), solid=True)
            surface.line(barb, tincture.dark, 0.004, alpha=0.3)
        for _ in range(26):
            start = float(rng.uniform(0.12, 0.26))
            root = shaft[round(start * 149)]
            away = side * sides[round(start * 149)] * float(rng.uniform(0.1, 0.9)) * wide * share
            down = smooth([root, root + away * 0.6 + [0, -0.02], root + away + [float(rng.normal(0, 0.03)), 0.05]], steps=5)
            surface.line(down, mixed(tincture.light, (250, 248, 240), 0.4), 0.011, alpha=0.85, solid=True)
    quill = mixed(tincture.light, (250, 240, 220), 0.5)
    surface.line(shaft, tincture.dark, np.linspace(0.040, 0.008, 150), solid=True, alpha=0.7)
    surface.line(shaft - [0.005, 0.004], quill, np.linspace(0.028, 0.006, 150), solid=True)
    if look.variety == "eyed":
        _eyespot(surface, look, shaft[round(eye * 149)], wide)
    surface.emboss(shaft, 0.1, 0.02)

    def vaulted(x: Floats, y: Floats) -> Floats:
        spine = bow * y**2 - bow * 0.3
        return np.asarray(0.12 * np.sqrt(np.clip(1 - ((x - spine) / (wide * 1.2)) ** 2, 0, 1)))

    surface.lift(vaulted)
    return Material(relief=0.9, softness=0.006, shade=0.8, gloss=0.08, mottle=0.03, shadow=0.8)


def _barb_colour(look, start, tone, bands, eye):  # type: ignore[no-untyped-def]
    tincture = look.tincture
    ground = mixed(tincture.base, tincture.light, 0.45 * (1 - start))
    if look.variety == "barred":
        stripe = float(smoothstep(0.1, 0.35, np.sin(start**1.1 * bands * 6.283 + tone[0] * 6)))
        return mixed(ground, tincture.dark if tone[1] < 0.7 else tincture.accent, 0.85 * stripe)
    if look.variety == "tipped":
        return mixed(ground, tincture.accent if tone[1] < 0.6 else tincture.dark, float(smoothstep(0.66, 0.74, start)) * 0.9)
    return ground


def _eyespot(surface, look, centre, wide):  # type: ignore[no-untyped-def]
    tincture = look.tincture
    for scale, colour in ((0.95, tincture.accent), (0.74, tincture.light), (0.54, tincture.base), (0.34, tincture.dark)):
        surface.wash(ellipse(centre, wide * scale * 0.8, wide * scale, steps=40), colour, 0.85)


def egg(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A bird's egg, or a small clutch, as collectors laid them in wool; marked more at the blunt end."""
    tincture = look.tincture
    count = int(rng.choice([1, 1, 1, 2, 3]))
    places = {1: [(0, 0)], 2: [(-0.48, 0.06), (0.48, -0.06)], 3: [(-0.48, -0.42), (0.48, -0.42), (0, 0.5)]}[count]
    size = {1: 0.93, 2: 0.62, 3: 0.54}[count]
    pointed, slim = float(rng.uniform(0.08, 0.3)), float(rng.uniform(0.68, 0.82))
    t = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    shell = np.stack([slim * np.sin(t) * (1 + pointed * np.cos(t)), -np.cos(t)], 1) * [1, -1]
    shell[:, 1] *= -1
    shell *= size
    for x, y in places:
        outline = shell + [x, y]
        surface.fill(outline, tincture.base)
        if look.variety == "scrawled":
            _scrawl(surface, look, rng, (x, y), size, slim)
        if look.variety in ("blotched", "speckled"):
            _spots(surface, look, rng, (x, y), size, slim)
        surface.outline(outline, tincture.dark, 0.008, alpha=0.4)

    def domed(x: Floats, y: Floats) -> Floats:
        height = np.zeros_like(x)
        for cx, cy in places:
            v = np.clip((y - cy) / size, -1, 1)
            half = slim * np.sqrt(1 - v**2) * (1 - pointed * v)
            height = np.maximum(height, size * np.sqrt(np.clip((half**2 - ((x - cx) / size) ** 2), 0, None)))
        return np.asarray(0.85 * height)

    surface.lift(domed)
    return Material(relief=0.9, softness=0.004, shade=0.95, gloss=0.1 if look.variety != "plain" else 0.28, mottle=0.025, shadow=1.2)


def _spots(surface, look, rng, at, size, slim):  # type: ignore[no-untyped-def]
    tincture = look.tincture
    tone = tincture.accent if rng.random() < 0.6 else mixed(tincture.dark, (40, 28, 22), 0.4)
    blotched = look.variety == "blotched"
    crowd = float(rng.uniform(0.5, 2.2))
    for _ in range(60 if blotched else 170):
        v = float(rng.uniform(0, 1)) ** crowd * 1.9 - 0.96
        u = float(rng.uniform(-0.93, 0.93))
        half = slim * np.sqrt(max(0.0, 1 - v**2))
        dot = (abs(float(rng.normal(0, 0.06))) + 0.012 if blotched else abs(float(rng.normal(0, 0.014))) + 0.007) * size
        squeeze = max(0.25, np.sqrt(1 - u * u))
        knots = ellipse((0, 0), dot * squeeze, dot, steps=7) * rng.uniform(0.55, 1.3, (7, 1))
        place = np.array([at[0] + u * half * size, at[1] + v * size])
        surface.wash(smooth(knots, steps=4, closed=True) + place, tone, float(rng.choice([0.9, 0.9, 0.4])))


def _scrawl(surface, look, rng, at, size, slim):  # type: ignore[no-untyped-def]
    tone = mixed(look.tincture.dark, (30, 22, 20), 0.5)
    for _ in range(int(rng.integers(16, 30))):
        v = float(rng.uniform(-0.85, 0.4))
        u = float(rng.uniform(-0.7, 0.7))
        place = np.array([u * slim * np.sqrt(1 - v * v), v])
        walk = place + np.cumsum(rng.normal(0, 0.07, (7, 2)), axis=0)
        walk[:, 0] = np.clip(walk[:, 0], -0.62 * slim, 0.62 * slim)
        walk[:, 1] = np.clip(walk[:, 1], -0.9, 0.8)
        surface.line(smooth(walk, steps=6) * size + at, tone, float(rng.uniform(0.01, 0.03)) * size, alpha=0.8)
