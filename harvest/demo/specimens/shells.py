"""Shells: ammonites, scallops and whelks. Their relief is worked out for each place from the shell's own geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harvest.demo.specimens.canvas import Floats, Surface, softened
from harvest.demo.specimens.curves import Points, polar, profile, read, smooth, smoothstep, taper
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import mixed, varied

__all__ = ["ammonite", "scallop", "whelk"]


def ammonite(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A plane spiral of whorls after the logarithmic spiral of Moseley (1838), ribbed, banded or smooth."""
    tincture = look.tincture
    close = look.variety == "close-coiled"
    growth = float(rng.uniform(0.13, 0.19)) if close else float(rng.uniform(0.075, 0.12))
    turns = float(rng.uniform(-0.6, 1.2)) + 2 * np.pi * (3 if close else 5)
    outer = np.linspace(turns - 2 * np.pi, turns, 220)
    inner = 0.98 * float(np.exp(-2 * np.pi * growth))
    lip = np.linspace(0, 1, 20)
    mouth = polar(0.98 + (inner - 0.98) * lip, turns + 0.13 * np.sin(np.pi * lip))
    surface.fill(np.concatenate([polar(0.98 * np.exp(growth * (outer - turns)), outer), mouth]), tincture.base)
    ribs = 0 if look.variety == "smooth" else int(rng.integers(18, 44))
    sweep, forked = float(rng.uniform(-0.35, 0.5)), bool(rng.random() < 0.4)

    x, y = surface.grid
    rho, phi = np.maximum(np.hypot(x, y) / 0.98, 1e-4), np.arctan2(y, x)
    winding = phi + 2 * np.pi * np.ceil((turns + np.log(rho) / growth - phi) / (2 * np.pi))
    outside = np.exp(growth * (winding - turns))
    width = outside * (1 - np.exp(-2 * np.pi * growth))
    across = 1 - (outside - rho) / width  # 0 at the whorl within, 1 at the rim
    bow = winding + 0.5 * sweep * np.sin(np.pi * across) + 0.12 * across
    wave = np.cos(ribs * bow)
    if forked:
        wave = np.where(across > 0.55, 2 * wave * wave - 1, wave)
    tube = np.sqrt(np.clip(1 - (2 * across - 1) ** 2, 0, 1)) * width * 0.62
    if ribs:
        tube *= 1 + (0.05 if look.variety == "banded" else 0.1) * wave
    surface.lift(tube * smoothstep(turns + 0.18, turns + 0.04, winding))

    surface.tint(0.75 * smoothstep(0.16, 0.0, across) + 0.35 * smoothstep(0.9, 1.0, across), tincture.dark)
    if look.variety == "banded":
        stripes = int(rng.integers(9, 16))
        flames = np.sin(stripes * (winding + 0.6 * across)) * across
        surface.tint(0.85 * smoothstep(0.1, 0.5, flames), tincture.accent)
    elif ribs:
        surface.tint(0.30 * smoothstep(0, 1, wave), tincture.light)
    young = float(rng.uniform(1.5, 5.0))
    surface.tint(0.5 * smoothstep(turns - young, turns, winding), varied(tincture.light, rng, 12))
    surface.tint(0.5 * smoothstep(0.35, 0.0, rho), varied(tincture.accent, rng, 12))
    surface.line(mouth, tincture.dark, 0.018, alpha=0.7)
    return Material(relief=1.15, shade=0.95, gloss=0.28, mottle=0.06)


def scallop(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A fan of ribs from the hinge, its ears below, growth rings in bands of colour."""
    tincture = look.tincture
    hinge = np.array([0.0, 0.82])
    spread = {"narrow": 0.62, "broad": 0.98}.get(look.variety, 0.82) * float(rng.uniform(0.95, 1.08))
    size = 0.94 if look.variety == "broad" else 1.0
    ribs = int(rng.integers(9, 15)) if look.variety != "ringed" else int(rng.integers(18, 28))
    bulge = float(rng.uniform(0.16, 0.3))
    beat = np.pi * ribs / (2 * spread)

    def margin(a: Floats) -> Floats:
        share = np.clip(np.abs(a) / spread, 0, 1)
        fan = 1.72 - bulge * share**2 - 0.75 * smoothstep(0.72, 1.0, share) ** 2
        return np.asarray(size * fan * (1 + 0.022 * np.abs(np.cos(beat * a))))

    _ears(surface, look, rng)
    angle = np.linspace(-spread, spread, 400)
    edge = hinge + np.stack([margin(angle) * np.sin(angle), -margin(angle) * np.cos(angle)], 1)
    outline = np.concatenate([edge, hinge[None]])
    surface.fill(outline, tincture.base)
    troughs = (np.arange(-ribs, ribs + 1) | 1) * spread / ribs
    troughs = np.unique(troughs[np.abs(troughs) < spread])
    ends = np.stack([np.sin(troughs), -np.cos(troughs)], 1) * margin(troughs)[:, None]
    furrows = hinge + taper(0.06, 0.99, 12)[None, :, None] * ends[:, None]
    surface.lines(furrows, tincture.dark, taper(0.004, 0.012, 12), alpha=0.4)

    x, y = surface.grid
    dx, dy = x - hinge[0], hinge[1] - y
    a = np.arctan2(dx, np.maximum(dy, 1e-6))
    r = np.hypot(dx, dy) / margin(a)
    crest = np.abs(np.cos(beat * a))
    dome = 0.36 * np.sqrt(np.clip(1 - r**2, 0, 1)) * np.cos(np.clip(a / spread, -1, 1) * 1.4) * smoothstep(0, 0.3, r)
    relief = dome + 0.055 * crest**0.8 * r**0.8 * 14 / ribs + 0.006 * np.sin(r**1.6 * 60)
    surface.lift(np.where((np.abs(a) < spread) & (r < 1), relief, 0))
    bands = int(rng.integers(2, 8)) if look.variety != "ringed" else int(rng.integers(6, 12))
    strength, offset = float(rng.uniform(0.25, 0.6)), float(rng.uniform(0, 6))
    rings = strength * (r < 1) * smoothstep(0.2, 0.9, np.sin(bands * 2 * np.pi * r**1.5 + offset))
    surface.tint(rings, tincture.accent if rng.random() < 0.5 else tincture.dark)
    surface.tint(0.7 * smoothstep(0.55, 0.05, np.hypot(dx, dy)), tincture.light)
    if look.variety == "ribbed" and rng.random() < 0.5:
        surface.tint(0.5 * smoothstep(0.3, 0.9, 2 * crest**2 - 1), tincture.light)
    surface.outline(outline, tincture.dark, 0.008, alpha=0.5)
    return Material(relief=1.25, shade=0.85, gloss=0.12, mottle=0.05)


def _ears(surface: Surface, look: Look, rng: np.random.Generator) -> None:
    tincture = look.tincture
    ear = float(rng.uniform(0.24, 0.36))
    for side, scale in ((-1, 1.0), (1, float(rng.uniform(0.7, 1.0)))):
        corner = np.array([[0, 0.86], [ear * scale, 0.88], [ear * scale * 0.92, 0.68], [ear * 0.62, 0.52], [0, 0.5]])
        wing = smooth(corner * [side, 1], steps=6)
        surface.fill(wing, mixed(tincture.base, tincture.dark, 0.18), height=0.04)
        for step in np.linspace(0.15, 0.9, 6):
            line = np.array([[side * ear * scale * step, 0.87], [side * ear * step * 0.62, 0.6]])
            surface.line(line, tincture.dark, 0.007, alpha=0.45)
        surface.outline(wing, tincture.dark, 0.009, alpha=0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spire:
    """A whelk's build: half-widths by height from 0 (apex) to 1, the sutures' heights, and their slant."""

    top: float
    high: float
    slim: float
    body: float
    slant: float
    sutures: NDArray[np.float64]
    widths: NDArray[np.float32]


def _spire(look: Look, rng: np.random.Generator) -> _Spire:
    turreted = look.variety == "turreted"
    slim = {"turreted": 0.34, "ribbed": 0.5, "banded": 0.56, "smooth": 0.52}[look.variety]
    slim *= float(rng.uniform(0.9, 1.12))
    whorls = int(rng.integers(7, 11)) if turreted else int(rng.integers(4, 7))
    body = 0.30 if turreted else float(rng.uniform(0.44, 0.56))
    steps = (0.80 if turreted else float(rng.uniform(0.60, 0.70))) ** np.arange(whorls)
    falls = np.concatenate([[0], np.cumsum(steps * (1 - body) / steps.sum())])[::-1]
    sutures = 1 - body - falls
    bulge = float(rng.uniform(0.06, 0.2))
    share = np.linspace(0, 1, 4096)
    knots = [(0, 0.02), (1 - body, 0.86), (1 - body * 0.62, 1.0), (1 - body * 0.25, 0.62), (1, 0.1)]
    index = np.clip(np.searchsorted(sutures, share, side="right") - 1, 0, whorls - 1)
    within = np.clip((share - sutures[index]) / (sutures[index + 1] - sutures[index]), 0, 1)
    waist = np.where(share < 1 - body, np.sin(np.pi * within) ** 0.6, smoothstep(0, 0.3, share - 1 + body) + 0.2)
    widths = slim * profile(share, knots) * (1 - bulge + bulge * np.clip(waist, 0, 1))
    return _Spire(top=-0.98, high=1.94, slim=slim, body=body, slant=float(rng.uniform(0.10, 0.2)) * slim,
                  sutures=sutures, widths=np.maximum(widths, 1e-3).astype(np.float32))  # fmt: skip


def whelk(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A high spire of whorls, the apex up, the mouth at the lower right."""
    tincture = look.tincture
    spire = _spire(look, rng)
    rows = np.linspace(0, 1, 260)
    y = spire.top + spire.high * rows
    width = read(spire.widths, rows)
    drop = spire.slant * smoothstep(spire.top, spire.top + 0.9, y) * width / spire.slim
    right, left = np.stack([width, y + drop], 1), np.stack([-width, y - drop], 1)
    outline = np.concatenate([right, left[::-1]])
    surface.fill(outline, tincture.base)

    lip = _lip(spire)
    shell = 1 - softened(surface.covered(lip), 2)
    gx, gy = surface.grid
    level = gy - spire.slant * gx / spire.slim * smoothstep(spire.top, spire.top + 0.9, gy)
    share = (level - spire.top) / spire.high
    half = read(spire.widths, share)
    bulk = np.where((share > 0) & (share < 1), np.sqrt(np.clip(half**2 - gx**2, 0, None)), 0)
    surface.lift(bulk * (0.4 + 0.5 * shell))
    _decorate(surface, look, rng, spire, shell=shell, share=share, turned=np.arcsin(np.clip(gx / half, -1, 1)))
    surface.outline(outline, tincture.dark, 0.009, alpha=0.5)
    _mouth(surface, look, lip)
    return Material(relief=1.0, softness=0.006, shade=0.9, gloss=0.2, mottle=0.05)


def _decorate(
    surface: Surface,
    look: Look,
    rng: np.random.Generator,
    spire: _Spire,
    *,
    shell: Floats,
    share: Floats,
    turned: Floats,
) -> None:
    """Sutures, ribs, bands and flames; `turned` is the angle about the axis, -pi/2 to pi/2."""
    tincture = look.tincture
    index = np.clip(np.searchsorted(spire.sutures, share, side="right") - 1, 0, len(spire.sutures) - 2)
    within = (share - spire.sutures[index]) / (spire.sutures[index + 1] - spire.sutures[index])
    ribs = int(rng.integers(9, 16))
    warm = tincture.accent if rng.random() < 0.6 else tincture.dark
    seam = 0.6 * smoothstep(0.1, 0.0, within) + 0.3 * smoothstep(0.93, 1.0, within) * (within < 1.01)
    surface.tint(seam * shell, tincture.dark)
    if look.variety in ("ribbed", "turreted"):
        wave = np.cos(ribs * turned + 0.8 * within)
        surface.lift(0.025 * wave * smoothstep(0, 0.2, within) * (share > 0) * shell)
        surface.tint(0.3 * smoothstep(0.2, 1, wave) * shell, tincture.light)
    if look.variety in ("banded", "turreted"):
        where, thick = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.08, 0.2))
        surface.tint(0.75 * smoothstep(thick, thick * 0.5, np.abs((within % 1.0) - where)) * shell, warm)
    if look.variety in ("smooth", "banded") and rng.random() < 0.6:
        flames = np.sin(int(rng.integers(5, 9)) * turned + 2.5 * np.sin(18 * share))
        surface.tint(0.55 * smoothstep(0.3, 0.8, flames) * shell, warm)
    surface.tint(0.5 * smoothstep(0.27, 0.0, share), varied(tincture.light, rng, 10))


def _lip(spire: _Spire) -> Points:
    """The aperture's outline: flared to the right, drawn out into a canal below."""
    high = spire.high * spire.body
    start = spire.top + spire.high - high
    knots = [(0.30, 0.18), (0.70, 0.26), (0.94, 0.48), (0.82, 0.76), (0.40, 0.97), (0.06, 1.04), (0.02, 0.86),
             (0.10, 0.64), (0.10, 0.38)]  # fmt: skip
    return smooth(np.array(knots) * [spire.slim, high] + np.array([0, start]), steps=8, closed=True)


def _mouth(surface: Surface, look: Look, lip: Points) -> None:
    """A pale rolled lip, and within it the dark."""
    tincture = look.tincture
    centre = lip.mean(axis=0)
    surface.fill(lip, mixed(tincture.light, (252, 244, 228), 0.45), height=0.07)
    surface.outline(lip, tincture.dark, 0.01, alpha=0.55)
    reach = float(np.ptp(lip[:, 0]))
    for scale, share in ((0.78, 0.15), (0.70, 0.4), (0.6, 0.65), (0.46, 0.9)):
        inner = (lip - centre) * [scale, scale * 1.1] + centre - np.array([0.1 * reach * (1 - scale), 0])
        surface.wash(inner, mixed(tincture.accent, tincture.dark, share), 0.85)
        if scale > 0.75:
            surface.fill(inner, mixed(tincture.accent, tincture.dark, share), height=0.0)
