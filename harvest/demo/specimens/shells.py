"""Shells: ammonites, scallops and whelks. Their relief is worked out for each place from the shell's own geometry."""

from __future__ import annotations

import numpy as np

from harvest.demo.specimens.canvas import Floats, Surface
from harvest.demo.specimens.curves import Points, ellipse, polar, profile, smooth, smoothstep
from harvest.demo.specimens.grounds import Material
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import mixed, varied

__all__ = ["ammonite", "scallop", "whelk"]


def ammonite(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A plane spiral of whorls after the logarithmic spiral of Moseley (1838), ribbed, banded or smooth."""
    tincture = look.tincture
    close = look.variety == "close-coiled"
    growth = float(rng.uniform(0.13, 0.19)) if close else float(rng.uniform(0.075, 0.12))
    mouth = float(rng.uniform(-0.6, 1.2))
    turns = mouth + 2 * np.pi * (3 if close else 5)
    outer = np.linspace(turns - 2 * np.pi, turns, 220)
    radius = np.exp(growth * (outer - turns)) * 0.98
    inner = np.exp(growth * (turns - 2 * np.pi - turns)) * 0.98
    lip = np.linspace(0, 1, 20)
    mouth_edge = polar(0.98 + (inner - 0.98) * lip, turns + 0.13 * np.sin(np.pi * lip))
    surface.fill(np.concatenate([polar(radius, outer), mouth_edge]), tincture.base)
    ribs = 0 if look.variety == "smooth" else int(rng.integers(18, 44))
    sweep, forked = float(rng.uniform(-0.35, 0.5)), rng.random() < 0.4  # noqa: PLR2004

    def shell(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
        """Winding angle, place across the whorl (0 inside, 1 outside) and the whorl's width."""
        rho, phi = np.maximum(np.hypot(x, y) / 0.98, 1e-4), np.arctan2(y, x)
        free = turns + np.log(rho) / growth
        winding = phi + 2 * np.pi * np.ceil((free - phi) / (2 * np.pi))
        outside = np.exp(growth * (winding - turns))
        inside = outside * np.exp(-2 * np.pi * growth)
        return winding, (rho - inside) / (outside - inside), outside - inside

    def wave(winding: Floats, u: Floats) -> Floats:
        bow = winding + sweep * np.sin(np.pi * u) * 0.5 + 0.12 * u
        single = np.cos(ribs * bow)
        return np.asarray(np.where(u > 0.55, np.cos(2 * ribs * bow), single) if forked else single)

    def relief(x: Floats, y: Floats) -> Floats:
        winding, u, width = shell(x, y)
        tube = np.sqrt(np.clip(1 - (2 * u - 1) ** 2, 0, 1)) * width * 0.62
        body = tube * (1 + (0.1 if ribs else 0.0) * wave(winding, u)) if ribs else tube
        return np.asarray(np.where(winding <= turns, body, 0))

    surface.lift(relief)

    def seam(x: Floats, y: Floats) -> Floats:
        _, u, _ = shell(x, y)
        return 0.75 * smoothstep(0.16, 0.0, u) + 0.35 * smoothstep(0.9, 1.0, u)

    surface.tint(seam, tincture.dark)
    if look.variety == "banded":
        stripes = int(rng.integers(9, 16))
        surface.tint(
            lambda x, y: (lambda w, u, _: 0.8 * smoothstep(0.1, 0.5, np.sin(stripes * (w + 0.6 * u)) * u))(*shell(x, y)),
            tincture.accent,
        )
    elif ribs:
        surface.tint(lambda x, y: (lambda w, u, _: 0.30 * smoothstep(0, 1, wave(w, u)))(*shell(x, y)), tincture.light)
    fade = float(rng.uniform(1.5, 5.0))
    surface.tint(lambda x, y: 0.5 * smoothstep(turns - fade, turns, shell(x, y)[0]), varied(tincture.light, rng, 12))
    surface.tint(lambda x, y: 0.5 * smoothstep(0.35, 0.0, np.hypot(x, y)), varied(tincture.accent, rng, 12))
    surface.line(mouth_edge, tincture.dark, 0.018, alpha=0.7)
    return Material(relief=1.15, shade=0.95, gloss=0.28, mottle=0.06)


def scallop(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A fan of ribs from the hinge, its ears below, growth rings in bands of colour."""
    tincture = look.tincture
    hinge = np.array([0.0, 0.82])
    spread = {"narrow": 0.62, "broad": 0.98}.get(look.variety, 0.82) * float(rng.uniform(0.95, 1.08))
    ribs = int(rng.integers(9, 15)) if look.variety != "ringed" else int(rng.integers(18, 28))
    angle = np.linspace(-spread, spread, 400)
    bulge = float(rng.uniform(0.16, 0.3))

    def margin(a: Floats) -> Floats:
        share = np.clip(np.abs(a) / spread, 0, 1)
        fan = 1.72 - bulge * share**2 - 0.75 * smoothstep(0.72, 1.0, share) ** 2
        return np.asarray(fan * (1 + 0.022 * np.abs(np.cos(np.pi * ribs * a / (2 * spread)))))

    size = 1.0 if look.variety != "broad" else 0.94
    edge = hinge + np.stack([margin(angle) * np.sin(angle), -margin(angle) * np.cos(angle)], 1) * size
    ear = float(rng.uniform(0.24, 0.36))
    for side, scale in ((-1, 1.0), (1, float(rng.uniform(0.7, 1.0)))):
        corner = np.array([[0, 0.86], [ear * scale, 0.88], [ear * scale * 0.92, 0.68], [ear * 0.62, 0.52], [0, 0.5]])
        wing = smooth(corner * [side, 1], steps=6)
        surface.fill(wing, mixed(tincture.base, tincture.dark, 0.18), height=0.04)
        for step in np.linspace(0.15, 0.9, 6):
            surface.line(np.array([[side * ear * scale * step, 0.87], [side * ear * step * 0.62, 0.6]]), tincture.dark, 0.007,
                         alpha=0.45)  # fmt: skip
        surface.outline(wing, tincture.dark, 0.009, alpha=0.6)
    outline = np.concatenate([edge, hinge[None]])
    surface.fill(outline, tincture.base)
    for a in angle[:: max(1, 400 // ribs)]:
        way = np.array([np.sin(a), -np.cos(a)]) * float(margin(np.array(a))) * size
        surface.line(hinge + np.linspace(0.06, 0.99, 12)[:, None] * way, tincture.dark, np.linspace(0.004, 0.012, 12), alpha=0.4)

    def fan(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        dx, dy = x - hinge[0], hinge[1] - y
        a = np.arctan2(dx, np.maximum(dy, 1e-6))
        return a, np.hypot(dx, dy) / (margin(a) * size)

    def relief(x: Floats, y: Floats) -> Floats:
        a, r = fan(x, y)
        inside = (np.abs(a) < spread) & (r < 1)
        dome = 0.36 * np.sqrt(np.clip(1 - r**2, 0, 1)) * np.cos(np.clip(a / spread, -1, 1) * 1.4) * smoothstep(0, 0.3, r)
        rib = 0.055 * np.abs(np.cos(np.pi * ribs * a / (2 * spread))) ** 0.8 * r ** 0.8 * 14 / ribs
        rings = 0.006 * np.sin(r**1.6 * 60)
        return np.asarray(np.where(inside, dome + rib + rings, 0))

    surface.lift(relief)
    bands = int(rng.integers(2, 8)) if look.variety != "ringed" else int(rng.integers(6, 12))
    strength, offset = float(rng.uniform(0.25, 0.6)), float(rng.uniform(0, 6))
    warm = tincture.accent if rng.random() < 0.5 else tincture.dark  # noqa: PLR2004
    surface.tint(
        lambda x, y: strength * (fan(x, y)[1] < 1) * smoothstep(0.2, 0.9, np.sin(bands * 2 * np.pi * fan(x, y)[1] ** 1.5 + offset)),
        warm,
    )
    surface.tint(lambda x, y: 0.7 * smoothstep(0.55, 0.05, np.hypot(x, y - hinge[1])), tincture.light)
    if look.variety == "ribbed" and rng.random() < 0.5:  # noqa: PLR2004
        surface.tint(lambda x, y: 0.5 * smoothstep(0.3, 0.9, np.cos(np.pi * ribs * fan(x, y)[0] / spread)), tincture.light)
    surface.outline(outline, tincture.dark, 0.008, alpha=0.5)
    return Material(relief=1.25, shade=0.85, gloss=0.12, mottle=0.05)


def whelk(surface: Surface, look: Look, rng: np.random.Generator) -> Material:
    """A high spire of whorls, the apex up, the mouth at the lower right."""
    tincture = look.tincture
    slim = {"turreted": 0.34, "ribbed": 0.5, "banded": 0.56, "smooth": 0.52}[look.variety] * float(rng.uniform(0.9, 1.12))
    whorls = int(rng.integers(7, 11)) if look.variety == "turreted" else int(rng.integers(4, 7))
    body = 0.30 if look.variety == "turreted" else float(rng.uniform(0.44, 0.56))
    ratio = 0.80 if look.variety == "turreted" else float(rng.uniform(0.60, 0.70))
    steps = ratio ** np.arange(whorls)
    bounds = np.concatenate([[0], np.cumsum(steps * (1 - body) / steps.sum())])[::-1]
    top, high = -0.98, 1.94
    slant = float(rng.uniform(0.10, 0.2)) * slim
    bulge = float(rng.uniform(0.06, 0.2))
    sutures = top + high * ((1 - body) - bounds)

    def half_width(y: Floats) -> Floats:
        share = np.clip((y - top) / high, 0, 1)
        cone = slim * profile(share, [(0, 0.02), (1 - body, 0.86), (1 - body * 0.62, 1.0), (1 - body * 0.25, 0.62), (1, 0.1)])
        index = np.clip(np.searchsorted(sutures, y, side="right") - 1, 0, whorls - 1)
        within = (y - sutures[index]) / (sutures[index + 1] - sutures[index])
        waist = np.where(y < sutures[-1], np.sin(np.pi * np.clip(within, 0, 1)) ** 0.6, smoothstep(0, 0.3, share - 1 + body) + 0.2)
        return np.asarray(cone * (1 - bulge + bulge * np.clip(waist, 0, 1)))

    def straightened(x: Floats, y: Floats) -> Floats:
        """Height with the slant of the whorls taken out."""
        return np.asarray(y - slant * x / slim * smoothstep(top, top + 0.9, y))

    y = np.linspace(top, top + high, 260)
    width = half_width(y)
    shear = slant * smoothstep(top, top + 0.9, y)
    right = np.stack([width, y + shear * width / slim], 1)
    left = np.stack([-width, y - shear * width / slim], 1)
    outline = np.concatenate([right, left[::-1]])
    surface.fill(outline, tincture.base)
    _decorate(surface, look, rng, sutures, half_width, straightened)
    _mouth(surface, look, rng, slim, body, top + high)
    surface.outline(outline, tincture.dark, 0.009, alpha=0.5)

    def relief(x: Floats, y: Floats) -> Floats:
        level = straightened(x, y)
        half = np.maximum(half_width(level), 1e-3)
        return np.asarray(np.where((level > top) & (level < top + high), np.sqrt(np.clip(half**2 - x**2, 0, None)), 0) * 0.9)

    surface.lift(relief)
    return Material(relief=1.0, softness=0.006, shade=0.9, gloss=0.2, mottle=0.05)


def _decorate(surface, look, rng, sutures, half_width, straightened):  # type: ignore[no-untyped-def]
    tincture = look.tincture
    ribs = int(rng.integers(9, 16))
    warm = tincture.accent if rng.random() < 0.6 else tincture.dark

    def within(x: Floats, y: Floats) -> Floats:
        level = straightened(x, y)
        index = np.clip(np.searchsorted(sutures, level, side="right") - 1, 0, len(sutures) - 2)
        return np.asarray((level - sutures[index]) / (sutures[index + 1] - sutures[index]))

    def turned(x: Floats, y: Floats) -> Floats:
        half = np.maximum(half_width(straightened(x, y)), 1e-3)
        return np.asarray(np.arcsin(np.clip(x / half, -1, 1)))

    surface.tint(lambda x, y: 0.6 * smoothstep(0.1, 0.0, within(x, y)) + 0.3 * smoothstep(0.93, 1.0, within(x, y)) * (within(x, y) < 1.01), tincture.dark)
    if look.variety in ("ribbed", "turreted"):
        surface.lift(lambda x, y: 0.025 * np.cos(ribs * turned(x, y) + 0.8 * within(x, y)) * smoothstep(0, 0.2, within(x, y)))
        surface.tint(lambda x, y: 0.3 * smoothstep(0.2, 1, np.cos(ribs * turned(x, y) + 0.8 * within(x, y))), tincture.light)
    if look.variety in ("banded", "turreted"):
        where, thick = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.08, 0.2))
        surface.tint(lambda x, y: 0.7 * smoothstep(thick, thick * 0.5, np.abs((within(x, y) % 1.0) - where)), warm)
    if look.variety in ("smooth", "banded") and rng.random() < 0.6:
        flames = int(rng.integers(5, 9))
        surface.tint(lambda x, y: 0.55 * smoothstep(0.3, 0.8, np.sin(flames * turned(x, y) + 2.5 * np.sin(9 * y))), warm)
    surface.tint(lambda x, y: 0.5 * smoothstep(-0.45, -1.0, y), varied(tincture.light, rng, 10))


def _mouth(surface: Surface, look: Look, rng: np.random.Generator, slim: float, body: float, bottom: float) -> None:
    tincture = look.tincture
    high = 1.94 * body
    centre = np.array([slim * 0.42, bottom - high * 0.45])
    lip = ellipse(centre, slim * 0.47, high * 0.40, angle=0.22, steps=60)
    canal = smooth([centre + [-slim * 0.1, high * 0.2], centre + [-slim * 0.32, high * 0.44], centre + [slim * 0.05, high * 0.36]],
                   steps=8)  # fmt: skip
    surface.fill(np.concatenate([canal]), mixed(tincture.light, tincture.base, 0.4), height=0.05)
    surface.fill(lip, mixed(tincture.light, (255, 246, 230), 0.5), height=0.08)
    surface.outline(lip, tincture.dark, 0.01, alpha=0.6)
    inner: Points = (lip - centre) * [0.70, 0.82] + centre + [0.01, 0.0]
    surface.fill(inner, mixed(tincture.accent, tincture.dark, 0.55), height=-0.1)
    surface.wash((inner - centre) * 0.75 + centre - [slim * 0.06, 0.02], tincture.dark, 0.6)
