"""Laying a specimen down: the ground and its furniture, the shadow, the light, the grain of the print."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from harvest.demo.specimens.canvas import Surface, noise
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import Colour, mixed

__all__ = ["Material", "laid"]

_INK: Colour = (58, 48, 40)
_PAPER: Colour = (240, 232, 214)
_WOOD: Colour = (84, 58, 38)
_LEGIBLE = 200
_SHADOW = 128
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """How a kind takes the light: `relief` exaggerates its heights, `softness` rounds edges (share of the picture)."""

    relief: float = 1.0
    softness: float = 0.006
    shade: float = 0.75
    gloss: float = 0.0
    mottle: float = 0.05
    shadow: float = 1.0


def _enlarged(values: NDArray[np.float64], size: int) -> Floats:
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize((size, size), Image.Resampling.BILINEAR))


def _lit(surface: Surface, material: Material, rng: np.random.Generator) -> Image.Image:
    """The specimen's paint under the light, with the unevenness of a watercolour."""
    side = surface.size
    diffuse, gloss = surface.shaped(relief=material.relief, softness=material.softness)
    coarse = diffuse.shape[0]
    cloud = 0.6 * noise(2, coarse, int(rng.integers(1 << 16))) + 0.5 * noise(1, coarse, int(rng.integers(1 << 16)))
    factor = 1 + material.shade * np.minimum(diffuse, 0) * 1.25 + material.mottle * cloud
    lift = material.shade * np.maximum(diffuse, 0) * 0.75 + material.gloss * gloss
    paint = np.asarray(surface.coloured(), dtype=np.float32)
    paint = paint * _enlarged(factor, side)[..., None]
    paint += (np.float32(255) - paint) * _enlarged(lift, side)[..., None]
    return Image.fromarray(np.clip(paint, 0, 255).astype(np.uint8))


def _shadow(mask: Image.Image, look: Look, depth: float) -> Image.Image:
    """A contact shadow and a soft cast one, as how much light is left (L)."""
    small = mask.resize((_SHADOW, _SHADOW), Image.Resampling.BOX)
    unit = _SHADOW / 128
    contact = ImageChops.offset(small, round(unit), round(unit)).filter(ImageFilter.GaussianBlur(1.3 * unit))
    cast = ImageChops.offset(small, round(3 * unit), round(4 * unit)).filter(ImageFilter.GaussianBlur(4.5 * unit))
    strength = depth * (0.34 if look.ground.surface == "paper" else 0.5)
    left = 255 - np.asarray(contact, dtype=np.float32) * strength * 0.8
    left *= 1 - np.asarray(cast, dtype=np.float32) / 255 * strength
    return Image.fromarray(left).resize(mask.size, Image.Resampling.BICUBIC)


def _texture(look: Look, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The ground's own unevenness, around 0, in 8-bit steps."""
    fine, mid, broad, wide = (noise(scale, size, int(rng.integers(1 << 16))) for scale in range(4))
    if look.ground.surface == "paper":
        return np.asarray(1.6 * fine + 0.9 * mid + 1.3 * broad + 2.4 * wide - 5 * np.maximum(broad - 2.1, 0))
    if look.ground.surface == "linen":
        threads = np.sin(np.arange(size) * (2 * np.pi * 128 / size))
        weave = threads[None, :] + threads[:, None] if size >= _LEGIBLE else 0.0
        return np.asarray(1.7 * fine + 1.0 * mid + 0.8 * wide + 1.5 * weave)
    return np.asarray(1.9 * fine + 2.0 * mid + 1.6 * broad + 3.0 * wide)


def _light_falls(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A vignette with the light off centre, as a factor."""
    step = (np.arange(size) + 0.5) / size - 0.5
    x, y = step[None] + float(rng.uniform(0.0, 0.12)), step[:, None] + float(rng.uniform(0.02, 0.14))
    return np.asarray(1.05 - float(rng.uniform(0.18, 0.42)) * (x * x + y * y))


def _frame(pen: ImageDraw.ImageDraw, box: tuple[float, float, float, float], ink: Colour, alpha: float) -> None:
    pen.rectangle(box, outline=(*ink, round(255 * alpha)))


def _furnish(ground: Image.Image, look: Look, rng: np.random.Generator) -> None:
    """Plate line, sheet edge or drawer wall, and a label, drawn on the ground."""
    size = ground.width
    pen = ImageDraw.Draw(ground, "RGBA")
    dark = sum(look.ground.colour) < 330  # noqa: PLR2004
    if look.setting == "plate":
        ink = mixed(look.ground.colour, _INK, 0.75)
        margin = float(rng.uniform(0.035, 0.06)) * size
        _frame(pen, (margin, margin, size - 1 - margin, size - 1 - margin), ink, 0.6)
        if rng.random() < 0.5:  # noqa: PLR2004
            inner = margin + 0.012 * size
            _frame(pen, (inner, inner, size - 1 - inner, size - 1 - inner), ink, 0.35)
    elif look.setting == "drawer":
        _wall(ground, look, rng)
    if look.label:
        _label(pen, look, size, dark=dark)


def _wall(ground: Image.Image, look: Look, rng: np.random.Generator) -> None:
    """The walls of a cabinet compartment, the upper and left ones throwing shadow on the lining."""
    size = ground.width
    pen = ImageDraw.Draw(ground, "RGBA")
    edge = round(float(rng.uniform(0.018, 0.03)) * size)
    reach = max(2, round(0.07 * size))
    for step in range(reach):
        alpha = round(90 * (1 - step / reach) ** 2)
        near = edge + step
        pen.line((near, near, size - edge, near), fill=(0, 0, 0, alpha))
        pen.line((near, near, near, size - edge), fill=(0, 0, 0, round(alpha * 0.8)))
    wood = mixed(_WOOD, look.ground.colour, 0.12)
    lit, shaded = mixed(wood, (255, 255, 255), 0.16), mixed(wood, (0, 0, 0), 0.35)
    pen.polygon([(0, 0), (size, 0), (size - edge, edge), (edge, edge)], fill=shaded)
    pen.polygon([(0, 0), (edge, edge), (edge, size - edge), (0, size)], fill=mixed(shaded, wood, 0.4))
    pen.polygon([(0, size), (edge, size - edge), (size - edge, size - edge), (size, size)], fill=lit)
    pen.polygon([(size, 0), (size - edge, edge), (size - edge, size - edge), (size, size)], fill=wood)


def _label(pen: ImageDraw.ImageDraw, look: Look, size: int, *, dark: bool) -> None:
    """A small collection label in the lower right corner, legible where there are pixels for it."""
    right, bottom, wide, high = 0.955 * size, 0.955 * size, 0.17 * size, 0.075 * size
    box = (right - wide, bottom - high, right, bottom)
    pen.rectangle((box[0] + 0.004 * size, box[1] + 0.006 * size, right + 0.004 * size, bottom + 0.006 * size),
                  fill=(0, 0, 0, 70))  # fmt: skip
    pen.rectangle(box, fill=mixed(_PAPER, look.ground.colour, 0.08 if dark else 0.25))
    if size < _LEGIBLE:
        for line in (0.3, 0.62):
            y = box[1] + line * high
            pen.line((box[0] + 0.1 * wide, y, right - 0.15 * wide, y), fill=(*_INK, 130))
        return
    inset = 0.01 * size
    pen.rectangle((box[0] + inset / 2, box[1] + inset / 2, right - inset / 2, bottom - inset / 2),
                  outline=(*_INK, 90))  # fmt: skip
    font = ImageFont.load_default(size * 0.021)
    pen.text((box[0] + 1.6 * inset, box[1] + 1.0 * inset), f"No. {look.seed % 10_000:04d}", fill=_INK, font=font)
    pen.text((box[0] + 1.6 * inset, box[1] + 3.7 * inset), look.kind, fill=mixed(_INK, _PAPER, 0.2), font=font)


def laid(surface: Surface, look: Look, material: Material, rng: np.random.Generator) -> Image.Image:
    """The finished picture: `surface`'s specimen on its ground."""
    size = surface.size
    specimen = _lit(surface, material, rng)
    mask = surface.mask.reduce(surface.mask.width // size)
    flat = Image.new("RGB", (size, size), look.ground.colour)
    _furnish(flat, look, rng)
    flat = ImageChops.multiply(flat, _shadow(mask, look, material.shadow).convert("RGB"))
    flat.paste(specimen, (0, 0), mask)
    light = _light_falls(size, rng).astype(np.float32)[..., None]
    finished = np.asarray(flat, dtype=np.float32) * light
    finished += _texture(look, size, rng).astype(np.float32)[..., None]
    return Image.fromarray(np.clip(finished, 0, 255).astype(np.uint8))
