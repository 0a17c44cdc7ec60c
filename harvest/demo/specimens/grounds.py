"""Laying a specimen down: the ground and its furniture, the shadow, the light, the grain of the print."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from harvest.demo.specimens.canvas import Floats, Surface, noise
from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import Colour, mixed

__all__ = ["Material", "laid"]

_INK: Colour = (58, 48, 40)
_PAPER: Colour = (240, 232, 214)
_WOOD: Colour = (84, 58, 38)
_LEGIBLE = 200
_SHADOW = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """How a kind takes the light: `relief` exaggerates its heights, `softness` rounds edges (share of the picture)."""

    relief: float = 1.0
    softness: float = 0.006
    shade: float = 0.75
    gloss: float = 0.0
    mottle: float = 0.05
    shadow: float = 1.0


def _grey(values: Floats, size: int) -> Image.Image:
    """Values 0 to 1 as an 8-bit RGB picture of `size` pixels."""
    small = Image.fromarray((np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8))
    return small.resize((size, size), Image.Resampling.BILINEAR).convert("RGB")


def _lit(surface: Surface, material: Material, rng: np.random.Generator) -> Image.Image:
    """The specimen's paint under the light, with the unevenness of a watercolour."""
    diffuse, gloss = surface.shaped(relief=material.relief, softness=material.softness)
    coarse = diffuse.shape[0]
    cloud = 0.6 * noise(2, coarse, int(rng.integers(1 << 16))) + 0.5 * noise(1, coarse, int(rng.integers(1 << 16)))
    shade = 1 - material.mottle + material.shade * 1.25 * np.minimum(diffuse, 0) + material.mottle * cloud
    shine = material.shade * 0.75 * np.maximum(diffuse, 0) + material.gloss * gloss
    darkened = ImageChops.multiply(surface.coloured(), _grey(shade, surface.size))
    return ImageChops.screen(darkened, _grey(shine, surface.size))


def _shadow(mask: Image.Image, look: Look, depth: float) -> Image.Image:
    """A contact shadow and a soft cast one, as how much light is left (L)."""
    side = min(_SHADOW, mask.width)
    unit = side / 128
    small = mask.resize((side, side), Image.Resampling.BOX)
    contact = ImageChops.offset(small, round(unit), round(unit)).filter(ImageFilter.GaussianBlur(1.3 * unit))
    cast = ImageChops.offset(small, round(3 * unit), round(4 * unit)).filter(ImageFilter.GaussianBlur(4.5 * unit))
    strength = depth * (0.34 if look.ground.surface == "paper" else 0.5)
    left = 255 - np.asarray(contact, dtype=np.float32) * np.float32(strength * 0.8)
    left *= 1 - np.asarray(cast, dtype=np.float32) * np.float32(strength / 255)
    return Image.fromarray(left.astype(np.uint8)).resize(mask.size, Image.Resampling.BILINEAR)


@functools.cache
def _texture(surface: str, size: int) -> Image.Image:
    """A ground's own unevenness as a seamless grey tile, 128 where it is even."""
    fine, mid, broad, wide = (noise(scale, size, 0) for scale in range(4))
    if surface == "paper":
        steps = 1.5 * fine + 0.8 * mid + 1.0 * broad + 1.6 * wide - 5 * np.maximum(broad - 2.3, 0)
    elif surface == "linen":
        threads = np.sin(np.arange(size, dtype=np.float32) * np.float32(2 * np.pi * 128 / size))
        weave = 1.5 * (threads[None, :] + threads[:, None]) if size >= _LEGIBLE else 0.0
        steps = 1.7 * fine + 1.0 * mid + 0.8 * wide + weave
    else:
        steps = 1.9 * fine + 1.6 * mid + 1.3 * broad + 2.2 * wide
    return Image.fromarray(np.clip(128.5 + steps, 0, 255).astype(np.uint8)).convert("RGB")


@functools.cache
def _vignette(side: int) -> Image.Image:
    """Light falling off from the middle of a square (L), made large enough to be taken off centre."""
    step = ((np.arange(side) + 0.5) / side - 0.5) * 1.4
    distance = step[None] ** 2 + step[:, None] ** 2
    return Image.fromarray((255 * np.clip(1.03 - 0.36 * distance, 0, 1)).astype(np.uint8))


def _light_falls(size: int, rng: np.random.Generator) -> Image.Image:
    """A vignette with the light off centre, to the upper left, as on a page by a window."""
    large = round(size * 1.4)
    across, down = (round(float(rng.uniform(0.2, 0.36)) * size) for _ in range(2))
    return _vignette(large).crop((across, down, across + size, down + size)).convert("RGB")


def _frame(pen: ImageDraw.ImageDraw, box: tuple[float, float, float, float], ink: Colour, alpha: float) -> None:
    pen.rectangle(box, outline=(*ink, round(255 * alpha)))


def _furnish(ground: Image.Image, look: Look, rng: np.random.Generator) -> None:
    """Plate line, sheet edge or drawer wall, and a label, drawn on the ground."""
    size = ground.width
    pen = ImageDraw.Draw(ground, "RGBA")
    dark = sum(look.ground.colour) < 330
    if look.setting == "plate":
        ink = mixed(look.ground.colour, _INK, 0.75)
        margin = float(rng.uniform(0.035, 0.06)) * size
        _frame(pen, (margin, margin, size - 1 - margin, size - 1 - margin), ink, 0.6)
        if rng.random() < 0.5:
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
    flat = ImageChops.multiply(flat, _light_falls(size, rng))
    grain = ImageChops.offset(_texture(look.ground.surface, size), *(int(step) for step in rng.integers(0, size, 2)))
    return ImageChops.add(flat, grain, scale=1, offset=-128)
