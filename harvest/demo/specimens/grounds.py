"""Laying a specimen down: its own light, its shadow, the light on the whole and the grain of the ground."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from harvest.demo.specimens.canvas import Floats, Surface, noise
from harvest.demo.specimens.furniture import LEGIBLE, furnished
from harvest.demo.specimens.looks import Look

__all__ = ["Material", "laid"]

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


def _grey(values: Floats, size: int, box: tuple[int, int, int, int]) -> Image.Image:
    """Values 0 to 1 as an 8-bit RGB picture: the `box` of what would be `size` pixels square."""
    small = Image.fromarray((np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8))
    return small.resize((size, size), Image.Resampling.BILINEAR).crop(box).convert("RGB")


def _lit(surface: Surface, material: Material, rng: np.random.Generator, box: tuple[int, int, int, int]) -> Image.Image:
    """The specimen's paint within `box` under the light, with the unevenness of a watercolour."""
    diffuse, gloss = surface.shaped(relief=material.relief, softness=material.softness)
    coarse = diffuse.shape[0]
    cloud = 0.6 * noise(2, coarse, int(rng.integers(1 << 16))) + 0.25 * noise(1, coarse, int(rng.integers(1 << 16)))
    shade = 1 - material.mottle + material.shade * 1.25 * np.minimum(diffuse, 0) + material.mottle * cloud
    shine = material.shade * 0.75 * np.maximum(diffuse, 0) + material.gloss * gloss
    darkened = ImageChops.multiply(surface.coloured().crop(box), _grey(shade, surface.size, box))
    return ImageChops.screen(darkened, _grey(shine, surface.size, box))


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
        steps = 1.6 * fine + 0.7 * mid + 0.6 * broad + 1.2 * wide - 5 * np.maximum(broad - 2.3, 0)
    elif surface == "linen":
        threads = np.sin(np.arange(size, dtype=np.float32) * np.float32(2 * np.pi * 128 / size))
        weave = 1.5 * (threads[None, :] + threads[:, None]) if size >= LEGIBLE else 0.0
        steps = 1.7 * fine + 1.0 * mid + 0.8 * wide + weave
    else:
        steps = 1.9 * fine + 1.4 * mid + 0.9 * broad + 1.6 * wide
    return Image.fromarray(np.clip(128.5 + steps, 0, 255).astype(np.uint8)).convert("RGB")


@functools.cache
def _vignette(side: int) -> Image.Image:
    """Light falling off from the middle of a square (L), made large enough to be taken far off centre."""
    step = ((np.arange(side) + 0.5) / side - 0.5) * 2
    distance = step[None] ** 2 + step[:, None] ** 2
    return Image.fromarray((255 * np.clip(1.03 - 0.42 * distance, 0, 1)).astype(np.uint8))


def _light_falls(size: int, rng: np.random.Generator) -> Image.Image:
    """A vignette with the light off centre, mostly to the upper left, as on a page by a window."""
    across, down = (round(float(v) * size) for v in rng.uniform(0.3, 0.95, 2))
    return _vignette(size * 2).crop((across, down, across + size, down + size)).convert("RGB")


def laid(surface: Surface, look: Look, material: Material, rng: np.random.Generator) -> Image.Image:
    """The finished picture: `surface`'s specimen on its ground."""
    size = surface.size
    mask = surface.mask.reduce(surface.mask.width // size)
    box = mask.getbbox() or (0, 0, size, size)
    specimen = _lit(surface, material, rng, box)
    flat = ImageChops.multiply(furnished(look, size, rng), _shadow(mask, look, material.shadow).convert("RGB"))
    flat.paste(specimen, box, mask.crop(box))
    flat = ImageChops.multiply(flat, _light_falls(size, rng))
    grain = ImageChops.offset(_texture(look.ground.surface, size), *(int(step) for step in rng.integers(0, size, 2)))
    return ImageChops.add(flat, grain, scale=1, offset=-128)
