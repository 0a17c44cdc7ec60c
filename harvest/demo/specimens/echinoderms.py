"""Starfish and sea urchins."""

from __future__ import annotations

import numpy as np

from harvest.demo.specimens.canvas import Floats, Surface
from harvest.demo.specimens.curves import ellipse, polar, ribbon, smoothstep, turn
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import mixed, varied

__all__ = ["starfish", "urchin"]


def starfish(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """Arms about a disc, each with a crest of tubercles; brittle stars have whips for arms."""
    tincture = look.tincture
    arms = int(rng.integers(8, 13)) if look.variety == "many-armed" else 5
    brittle, cushion = look.variety == "brittle", look.variety == "cushion"
    root = {"slender": 0.19, "cushion": 0.42, "brittle": 0.075, "many-armed": 0.15}[look.variety]
    root *= float(rng.uniform(0.85, 1.2))
    t = np.linspace(0, 1, 40)
    taper = (1 - t) ** (0.75 if brittle else 0.62) * 0.92 + 0.08 * np.sqrt(np.clip(1 - t**6, 0, 1))
    axes = []
    for index in range(arms):
        bow, swing = float(rng.normal(0, 0.22)), float(rng.normal(0, 0.5))
        reach = float(rng.normal(0.95, 0.04)) * (0.86 if cushion else 1.0)
        sideways = bow * t**2 + (0.10 * np.sin(5 * t + 3 * swing) * t if brittle else 0)
        axes.append(turn(np.stack([sideways, -reach * t], 1), 2 * np.pi * index / arms + float(rng.normal(0, 0.05))))
    outlines = [ribbon(axis, 2 * root * taper + 0.012) for axis in axes]
    disc = ellipse((0, 0), root * (2.4 if brittle else 1.32), root * (2.4 if brittle else 1.32), steps=60)
    for outline in outlines:
        surface.fill(outline, tincture.base)
        surface.outline(outline, tincture.dark, 0.012, alpha=0.55)
    surface.fill(disc, tincture.base)

    def rounded(x: Floats, y: Floats) -> Floats:
        height = np.sqrt(np.clip((root * 1.35) ** 2 - x**2 - y**2, 0, None))
        for axis in axes:
            for start, width in zip(axis[:-2:2], (root * taper)[::2], strict=False):
                height = np.maximum(height, np.sqrt(np.clip(width**2 - (x - start[0]) ** 2 - (y - start[1]) ** 2, 0, None)))
        return np.asarray(height * 0.8)

    if not brittle:
        surface.lift(_arms_field(axes, root * taper, root * 1.35))
    pale, warm = mixed(tincture.light, tincture.base, 0.15), tincture.accent
    crest = warm if rng.random() < 0.5 else pale  # noqa: PLR2004
    for axis in axes:
        if brittle:
            for share in range(2, 39, 2):
                half = root * taper[share]
                across = np.stack([axis[share] - [half, 0], axis[share] + [half, 0]])
                way = float(np.arctan2(*(axis[share] - axis[share - 1])[::-1]))
                across = turn(across - axis[share], way + np.pi / 2) + axis[share]
                surface.line(across, tincture.dark, 0.012, alpha=0.6)
                for end in across:
                    surface.line(np.stack([end, end + (end - axis[share]) * 1.1 + axis[share] * 0.03]), tincture.base,
                                 0.012, solid=True)  # fmt: skip
            continue
        for lane in (-0.62, -0.32, 0.0, 0.32, 0.62):
            for share in range(2 if lane == 0 else 4, 38, 2):
                normal = np.array([axis[share][1] - axis[share - 1][1], axis[share - 1][0] - axis[share][0]])
                normal /= max(float(np.hypot(*normal)), 1e-9)
                at = axis[share] + normal * lane * root * taper[share]
                dot = (0.16 if lane == 0 else 0.11) * root * (0.45 + 0.55 * taper[share]) * float(rng.uniform(0.8, 1.2))
                surface.wash(ellipse(at + [0.006, 0.008], dot, dot, steps=10), tincture.dark, 0.45)
                surface.wash(ellipse(at, dot, dot, steps=10), crest if lane == 0 else pale, 0.95)
    if brittle:
        surface.lift(lambda x, y: 0.6 * np.sqrt(np.clip((root * 2.4) ** 2 - x**2 - y**2, 0, None)))
        for index in range(5):
            surface.wash(turn(ellipse((0, -root * 1.2), root * 0.45, root * 0.95), 2 * np.pi * index / 5), crest, 0.55)
        surface.outline(disc, tincture.dark, 0.012, alpha=0.6)
    else:
        surface.wash(ellipse((root * 0.3, -root * 0.2), 0.03, 0.03, steps=16), tincture.light, 0.9)
    surface.tint(lambda x, y: 0.5 * smoothstep(0.35, 0.95, np.hypot(x, y)), tincture.light if rng.random() < 0.6 else warm)  # noqa: PLR2004
    surface.speckle(rng, tincture.dark, share=0.12, scale=0, alpha=0.3)
    return Material(relief=1.0, softness=0.007, shade=0.9, mottle=0.06)


def _arms_field(axes, widths, disc):  # type: ignore[no-untyped-def]
    def field(x: Floats, y: Floats) -> Floats:
        height = np.clip(disc**2 - x**2 - y**2, 0, None)
        for axis in axes:
            for place, width in zip(axis[::3], widths[::3], strict=True):
                height = np.maximum(height, width**2 - (x - place[0]) ** 2 - (y - place[1]) ** 2)
        return np.asarray(0.8 * np.sqrt(height))

    return field


def urchin(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A sea urchin's test from above, five double rows of tubercles; spined, or flat with a five-petalled figure."""
    tincture = look.tincture
    spined = look.variety == "spined"
    radius = float(rng.uniform(0.5, 0.62)) if spined else float(rng.uniform(0.84, 0.97))
    phase = float(rng.uniform(0, 1))
    if spined:
        for layer in range(2):
            for _ in range(110):
                way = float(rng.uniform(0, 2 * np.pi))
                end = float(rng.uniform(0.78, 1.0)) * (1 - 0.14 * layer)
                spine = polar(np.linspace(radius * (0.85 - 0.45 * layer), end, 6), way + float(rng.normal(0, 0.04)))
                tone = varied(mixed(tincture.dark, tincture.base, 0.25 + 0.5 * layer), rng, 9)
                surface.line(spine, tone, np.linspace(0.036, 0.007, 6), solid=True)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    outline = polar(radius * (1 + 0.012 * np.cos(5 * (angle - phase)) + 0.006 * np.cos(10 * angle)), angle)
    surface.fill(outline, tincture.base)
    flat = look.variety == "flat"
    depth = 0.16 if flat else 0.62

    def rounded(x: Floats, y: Floats) -> Floats:
        r = np.hypot(x, y) / radius
        lobes = 0.03 * np.cos(10 * (np.arctan2(y, x) - phase)) * smoothstep(0.05, 0.5, r) * (0 if flat else 1)
        return np.asarray(np.where(r < 1, depth * radius * np.sqrt(np.clip(1 - r**2, 0, 1)) + lobes * radius, 0))

    surface.lift(rounded)
    if flat:
        _star(surface, look, radius, phase)
    else:
        fives = float(rng.uniform(0.3, 0.7)) if look.variety == "banded" else 0.32
        surface.tint(lambda x, y: fives * smoothstep(-0.1, 0.6, np.cos(5 * (np.arctan2(y, x) - phase))), tincture.light)
        if look.variety == "banded":
            rings = int(rng.integers(2, 5))
            surface.tint(lambda x, y: 0.55 * smoothstep(0.2, 0.8, np.sin(np.hypot(x, y) / radius * rings * 6.28)), tincture.accent)
        _tubercles(surface, look, rng, radius, phase)
    surface.wash(ellipse((0, 0), radius * 0.1, radius * 0.1, steps=30), tincture.dark, 0.75)
    for index in range(5):
        plate = polar(radius * 0.135, phase + 2 * np.pi * index / 5)
        surface.wash(ellipse(plate, radius * 0.045, radius * 0.045, steps=12), tincture.light, 0.85)
    if spined:
        for _ in range(90):
            way, start = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.15, 0.8)) * radius
            end = start + float(rng.uniform(0.16, 0.4))
            spine = polar(np.linspace(start, end, 5), way + float(rng.normal(0, 0.06)))
            tone = varied(mixed(tincture.base, tincture.light, float(rng.uniform(0, 0.7))), rng, 8)
            surface.line(spine + [0.012, 0.016], tincture.dark, np.linspace(0.034, 0.008, 5), alpha=0.45)
            surface.line(spine, tone, np.linspace(0.030, 0.006, 5), solid=True)
    else:
        surface.outline(outline, tincture.dark, 0.01, alpha=0.5)
    return Material(relief=1.0, softness=0.004, shade=0.95, mottle=0.05, gloss=0.05)


def _tubercles(surface: Surface, look: Look, rng: np.random.Generator, radius: float, phase: float) -> None:
    """Rows of knobs along the meridians, foreshortened towards the rim."""
    tincture = look.tincture
    pale, size = mixed(tincture.light, (255, 250, 240), 0.3), float(rng.uniform(0.03, 0.044))
    for meridian in range(20):
        sector, lane = divmod(meridian, 4)
        offset = (-0.43, -0.17, 0.17, 0.43)[lane] * 0.72
        large = lane in (1, 2)
        for polar_angle in np.linspace(0.24, 1.46, 14 if large else 17):
            at = polar(radius * np.sin(polar_angle), phase + 2 * np.pi * sector / 5 + offset)
            knob = size * (1.0 if large else 0.55) * np.sin(polar_angle) ** 0.5 * radius
            squeeze = max(0.3, float(np.cos(polar_angle)))
            way = float(np.arctan2(at[1], at[0]))
            surface.wash(ellipse(at + [0.006, 0.008], knob * squeeze, knob, angle=way, steps=10), tincture.dark, 0.5)
            surface.wash(ellipse(at, knob * squeeze, knob, angle=way, steps=10), pale, 0.9)
    for sector in range(10):
        way = phase + np.pi / 5 * (sector + 0.5)
        surface.line(polar(np.linspace(0.14, 0.99, 12) * radius, way), tincture.dark, 0.008, alpha=0.4)


def _star(surface: Surface, look: Look, radius: float, phase: float) -> None:
    """The five petals of a sand dollar, pricked out in pores."""
    tincture = look.tincture
    t = np.linspace(0, 1, 24)
    for index in range(5):
        way = phase + 2 * np.pi * index / 5
        petal = ribbon(np.stack([radius * (0.1 + 0.62 * t), np.zeros(24)], 1), 0.26 * radius * np.sin(np.pi * t**0.8) + 0.004)
        surface.wash(turn(petal, way), tincture.light, 0.45)
        surface.outline(turn(petal, way), tincture.dark, 0.012, alpha=0.6)
        for share in np.linspace(0.15, 0.95, 22):
            half = 0.13 * radius * float(np.sin(np.pi * share**0.8))
            for side in (-1, 1):
                pore = np.array([[radius * (0.1 + 0.62 * share), side * half], [radius * (0.1 + 0.62 * share), side * half * 0.62]])
                surface.line(turn(pore, way), tincture.dark, 0.008, alpha=0.6)
        slot = ellipse((radius * 0.86, 0), radius * 0.06, radius * 0.022, steps=20)
        surface.wash(turn(slot, way + np.pi / 5), tincture.dark, 0.7)
