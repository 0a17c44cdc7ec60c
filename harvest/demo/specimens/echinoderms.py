"""Starfish and sea urchins."""

from __future__ import annotations

import numpy as np

from harvest.demo.specimens.canvas import Surface
from harvest.demo.specimens.curves import Points, ellipse, normals, polar, ribbon, smoothstep, taper, turn
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import Colour, mixed, varied

__all__ = ["starfish", "urchin"]

_ROOTS = {"slender": 0.19, "cushion": 0.36, "brittle": 0.075, "many-armed": 0.15}


def _axes(look: Look, rng: np.random.Generator, arms: int) -> Points:
    """The arms' middle lines from the centre outwards, (arms, 40, 2)."""
    t = np.linspace(0, 1, 40)
    axes = []
    for index in range(arms):
        bow, swing = float(rng.normal(0, 0.2)), float(rng.normal(0, 0.5))
        reach = float(rng.normal(0.95, 0.04)) * (0.88 if look.variety == "cushion" else 1.0)
        sideways = bow * t**2
        if look.variety == "brittle":
            sideways = sideways + 0.10 * np.sin(5 * t + 3 * swing) * t
        way = 2 * np.pi * index / arms + float(rng.normal(0, 0.05))
        axes.append(turn(np.stack([sideways, -reach * t], 1), way))
    return np.stack(axes)


def starfish(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """Arms about a disc, each with a crest of tubercles; brittle stars have whips for arms."""
    tincture = look.tincture
    brittle = look.variety == "brittle"
    arms = int(rng.integers(8, 13)) if look.variety == "many-armed" else 5
    root = _ROOTS[look.variety] * float(rng.uniform(0.85, 1.2))
    t = np.linspace(0, 1, 40)
    widths = root * ((1 - t) ** (0.75 if brittle else 0.66) * 0.92 + 0.08 * np.sqrt(np.clip(1 - t**6, 0, 1)))
    axes = _axes(look, rng, arms)
    hub = root * (2.4 if brittle else 1.25)
    disc = ellipse((0, 0), hub, hub, steps=60)
    outlines = ribbon(axes, 2 * widths + 0.012)
    for outline in outlines:
        surface.outline(outline, tincture.dark, 0.016)
    for outline in outlines:
        surface.fill(outline, tincture.base)
    surface.fill(disc, tincture.base)
    for share in (0.97, 0.86, 0.7, 0.52, 0.32, 0.12):
        level = root * float(np.sqrt(1 - share**2)) * 0.85
        for axis in axes:
            surface.emboss(axis, level, 2 * widths * share)
        surface.emboss(np.array([[-hub * share, 0], [hub * share, 0]]) * 0.8, level, 1.6 * hub * share)
    crest = mixed(tincture.light, tincture.base, 0.15)
    if sum(tincture.accent) > sum(tincture.base) and rng.random() < 0.6:
        crest = tincture.accent
    x, y = surface.grid
    if brittle:
        surface.lift(0.6 * np.sqrt(np.clip(hub**2 - x**2 - y**2, 0, None)))
        _whips(surface, look, axes, widths)
        for index in range(5):
            surface.wash(turn(ellipse((0, -root * 1.2), root * 0.45, root * 0.95), 2 * np.pi * index / 5), crest, 0.55)
        surface.outline(disc, tincture.dark, 0.012, alpha=0.6)
    else:
        _crests(surface, look, rng, axes=axes, widths=widths, crest=crest)
        surface.wash(ellipse((root * 0.3, -root * 0.2), 0.03, 0.03, steps=16), tincture.light, 0.9)
    tips = tincture.light if rng.random() < 0.6 else tincture.accent
    surface.tint(0.5 * smoothstep(0.35, 0.95, np.hypot(x, y)), tips)
    surface.speckle(rng, tincture.dark, share=0.12, scale=0, alpha=0.3)
    return Material(relief=1.0, softness=0.011, shade=0.9, mottle=0.06)


def _crests(
    surface: Surface, look: Look, rng: np.random.Generator, *, axes: Points, widths: Points, crest: Colour
) -> None:
    pale = mixed(look.tincture.light, look.tincture.base, 0.15)
    root = float(widths[0])
    lanes = (-0.62, -0.32, 0.32, 0.62, 0.0) if len(axes) == 5 else (-0.45, 0.45, 0.0)
    for axis in axes:
        across = normals(axis)
        for lane in lanes:
            shares = np.arange(2 if lane == 0 else 5, 37, 2 if lane == 0 else 3)
            at = axis[shares] + across[shares] * (lane * widths[shares])[:, None]
            size = (0.17 if lane == 0 else 0.12) * root * (0.45 + 0.55 * widths[shares] / root)
            size *= rng.uniform(0.8, 1.2, len(shares))
            surface.dots(at + np.array([0.007, 0.009]), size, look.tincture.dark, alpha=0.5)
            surface.dots(at, size, crest if lane == 0 else pale, alpha=0.95)


def _whips(surface: Surface, look: Look, axes: Points, widths: Points) -> None:
    """Joints across a brittle star's arms, and the small spines at their sides."""
    tincture = look.tincture
    for axis in axes:
        across = normals(axis)[2:39:2] * widths[2:39:2, None]
        places = axis[2:39:2]
        surface.lines(np.stack([places - across, places + across], 1), tincture.dark, 0.012, alpha=0.6)
        ahead = (axis[3:40:2] - axis[2:39:2]) * 0.8
        for side in (-1, 1):
            spines = np.stack([places + side * across, places + side * across * 2.0 + ahead], 1)
            surface.lines(spines, tincture.base, 0.012, solid=True)


def urchin(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A sea urchin's test from above, five double rows of tubercles; spined, or flat with a five-petalled figure."""
    tincture = look.tincture
    spined, flat = look.variety == "spined", look.variety == "flat"
    radius = float(rng.uniform(0.48, 0.6)) if spined else float(rng.uniform(0.84, 0.97))
    phase = float(rng.uniform(0, 1))
    if spined:
        _spines(surface, look, rng, radius)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    outline = polar(radius * (1 + 0.012 * np.cos(5 * (angle - phase)) + 0.006 * np.cos(10 * angle)), angle)
    surface.fill(outline, tincture.base)
    x, y = surface.grid
    r, five = np.hypot(x, y) / radius, np.arctan2(y, x) - phase
    dome = (0.16 if flat else 0.5) * np.sqrt(np.clip(1 - r**2, 0, 1))
    lobes = 0.0 if flat else 0.022 * np.cos(10 * five) * smoothstep(0.05, 0.5, r)
    surface.lift(np.where(r < 1, (dome + lobes) * radius, 0))
    if flat:
        _star(surface, look, radius, phase)
        surface.tint(0.4 * smoothstep(0.5, 1.0, r), tincture.light if rng.random() < 0.5 else tincture.accent)
    else:
        banded = look.variety == "banded"
        surface.tint((0.6 if banded else 0.34) * smoothstep(-0.1, 0.6, np.cos(5 * five)), tincture.light)
        if banded:
            rings = int(rng.integers(2, 5))
            surface.tint(0.55 * smoothstep(0.2, 0.8, np.sin(r * rings * 6.28)), tincture.accent)
        _tubercles(surface, look, rng, radius, phase)
    surface.wash(ellipse((0, 0), radius * 0.1, radius * 0.1, steps=30), tincture.dark, 0.75)
    plates = polar(radius * 0.135, phase + 2 * np.pi * np.arange(5) / 5)
    surface.dots(plates, radius * 0.045, tincture.light, alpha=0.85)
    if spined:
        _bristles(surface, look, rng, radius)
    else:
        surface.outline(outline, tincture.dark, 0.01, alpha=0.5)
    return Material(relief=1.0, softness=0.004, shade=0.85, mottle=0.05, gloss=0.05)


def _spines(surface: Surface, look: Look, rng: np.random.Generator, radius: float) -> None:
    """Spines that stand out beyond the rim, the lower ones longer and darker."""
    tincture = look.tincture
    for layer in range(2):
        ways = rng.uniform(0, 2 * np.pi, 110)
        ends = rng.uniform(0.78, 1.0, 110) * (1 - 0.14 * layer)
        starts = radius * (0.85 - 0.45 * layer)
        reach = starts + (ends - starts)[:, None] * np.linspace(0, 1, 4)
        tones = [varied(mixed(tincture.dark, tincture.base, 0.25 + 0.5 * layer), rng, 9) for _ in range(110)]
        surface.lines(polar(reach, ways[:, None]), tones, taper(0.036, 0.007, 4), solid=True)


def _bristles(surface: Surface, look: Look, rng: np.random.Generator, radius: float) -> None:
    """Spines towards the eye, each with its shadow on the test."""
    tincture = look.tincture
    ways, starts = rng.uniform(0, 2 * np.pi, 90), rng.uniform(0.15, 0.8, 90) * radius
    reach = starts[:, None] + rng.uniform(0.16, 0.4, 90)[:, None] * np.linspace(0, 1, 4)
    spines = polar(reach, (ways + rng.normal(0, 0.06, 90))[:, None])
    surface.lines(spines + np.array([0.012, 0.016]), tincture.dark, taper(0.034, 0.008, 4), alpha=0.45)
    tones = [varied(mixed(tincture.base, tincture.light, share), rng, 8) for share in rng.uniform(0, 0.7, 90).tolist()]
    surface.lines(spines, tones, taper(0.03, 0.006, 4), solid=True)


def _tubercles(surface: Surface, look: Look, rng: np.random.Generator, radius: float, phase: float) -> None:
    """Rows of knobs along the meridians, foreshortened towards the rim."""
    tincture = look.tincture
    pale, size = mixed(tincture.light, (255, 250, 240), 0.3), float(rng.uniform(0.03, 0.044))
    sectors = phase + np.pi / 5 * (np.arange(10) + 0.5)
    surface.lines(polar(np.linspace(0.14, 0.99, 12) * radius, sectors[:, None]), tincture.dark, 0.008, alpha=0.4)
    for lanes, count, scale in (((-0.31, 0.31), 14, 0.55), ((-0.122, 0.122), 13, 1.0)):
        down = np.linspace(0.24, 1.46, count)
        ways = (phase + 2 * np.pi * np.arange(5)[:, None] / 5 + np.array(lanes)).ravel()
        at = polar(radius * np.sin(down), ways[:, None]).reshape(-1, 2)
        knobs = np.tile(size * scale * np.sqrt(np.sin(down)) * radius, len(ways))
        squeeze = np.tile(np.maximum(0.3, np.cos(down)), len(ways))
        turned = np.repeat(ways, count)
        surface.dots(at + np.array([0.007, 0.009]), knobs, tincture.dark, alpha=0.5, squeeze=squeeze, angles=turned)
        surface.dots(at, knobs, pale, alpha=0.9, squeeze=squeeze, angles=turned)


def _star(surface: Surface, look: Look, radius: float, phase: float) -> None:
    """The five petals of a sand dollar, pricked out in pores."""
    tincture = look.tincture
    t, shares = np.linspace(0, 1, 24), np.linspace(0.15, 0.95, 22)
    axis = np.stack([radius * (0.1 + 0.62 * t), np.zeros(24)], 1)
    petal = ribbon(axis, 0.26 * radius * np.sin(np.pi * t**0.8) + 0.004)
    half = 0.13 * radius * np.sin(np.pi * shares**0.8)
    along = radius * (0.1 + 0.62 * shares)
    for index in range(5):
        way = phase + 2 * np.pi * index / 5
        surface.wash(turn(petal, way), tincture.light, 0.45)
        surface.outline(turn(petal, way), tincture.dark, 0.012, alpha=0.6)
        for side in (-1, 1):
            pores = np.stack([np.stack([along, side * half], 1), np.stack([along, side * half * 0.62], 1)], 1)
            surface.lines(turn(pores, way), tincture.dark, 0.008, alpha=0.6)
        slot = ellipse((radius * 0.86, 0), radius * 0.06, radius * 0.022, steps=20)
        surface.wash(turn(slot, way + np.pi / 5), tincture.dark, 0.7)
