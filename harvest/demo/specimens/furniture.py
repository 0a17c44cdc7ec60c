"""What lies about a specimen: cards, drawer walls, plate lines, rulers, colour strips, labels, light from a window."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from harvest.demo.specimens.looks import Look
from harvest.demo.specimens.palettes import TINCTURES, Colour, mixed

__all__ = ["LEGIBLE", "furnished"]

LEGIBLE = 200  # the size in pixels from which letters and ticks are drawn
_INK: Colour = (58, 48, 40)
_PAPER: Colour = (240, 232, 214)
_WOOD: Colour = (84, 58, 38)
_SWATCHES = ("crimson", "rust", "ochre", "gold", "moss green", "teal", "deep blue", "violet", "charcoal", "silver")


def furnished(look: Look, size: int, rng: np.random.Generator) -> Image.Image:
    """The ground with everything on it but the specimen, RGB."""
    ground = Image.new("RGB", (size, size), look.ground.colour)
    if look.setting == "card":
        ground = _card(look, size, rng)
    elif look.setting == "drawer":
        _wall(ground, look, rng)
    elif look.setting == "plate":
        _plate(ground, look, rng)
    if look.setting == "window":
        ground = ImageChops.multiply(ground, _window(size, rng))
    if look.strip == "ruler":
        _ruler(ground, look, rng)
    elif look.strip == "swatches":
        _swatches(ground, look, rng)
    if look.label:
        _label(ground, look)
    return ground


def _card(look: Look, size: int, rng: np.random.Generator) -> Image.Image:
    """A card of the ground's colour on a board of another, laid down a little askew."""
    board = Image.new("RGB", (size, size), look.board)
    wide, high = (float(v) * size for v in rng.uniform(0.34, 0.46, 2))
    x, y = (float(v) * size for v in np.array(look.pose.centre) + rng.uniform(-0.05, 0.05, 2))
    askew = math.radians(float(rng.normal(0, 6)))
    c, s = math.cos(askew), math.sin(askew)
    corners = [(x + a * wide * c - b * high * s, y + a * wide * s + b * high * c)
               for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]  # fmt: skip
    small = max(32, size // 4)
    shade = Image.new("L", (small, small), 255)
    moved = [(px / size * small + 0.012 * small, py / size * small + 0.016 * small) for px, py in corners]
    ImageDraw.Draw(shade).polygon(moved, fill=120)
    shade = shade.filter(ImageFilter.GaussianBlur(small / 64)).resize((size, size), Image.Resampling.BILINEAR)
    board = ImageChops.multiply(board, shade.convert("RGB"))
    pen = ImageDraw.Draw(board, "RGBA")
    pen.polygon(corners, fill=look.ground.colour)
    pen.line([*corners[2:], corners[0]], fill=(255, 255, 255, 60), width=max(1, size // 256))
    return board


def _plate(ground: Image.Image, look: Look, rng: np.random.Generator) -> None:
    """The pressed line round an engraving, often double."""
    size = ground.width
    pen = ImageDraw.Draw(ground, "RGBA")
    ink = mixed(look.ground.colour, _INK, 0.75)
    margins = [float(rng.uniform(0.03, 0.09)) * size]
    if rng.random() < 0.5:
        margins.append(margins[0] + 0.012 * size)
    for margin, alpha in zip(margins, (150, 90), strict=False):
        pen.rectangle((margin, margin, size - 1 - margin, size - 1 - margin), outline=(*ink, alpha))
    if rng.random() < 0.5:
        pen.rectangle((margins[-1], margins[-1], size - margins[-1], size - margins[-1]), fill=(255, 250, 235, 60))


def _wall(ground: Image.Image, look: Look, rng: np.random.Generator) -> None:
    """The walls of a cabinet compartment, the upper and left ones throwing shadow on the lining."""
    size = ground.width
    pen = ImageDraw.Draw(ground, "RGBA")
    edge = round(float(rng.uniform(0.018, 0.05)) * size)
    reach = max(2, round(float(rng.uniform(0.06, 0.16)) * size))
    for step in range(reach):
        alpha = round(95 * (1 - step / reach) ** 2)
        near = edge + step
        pen.line((near, near, size - edge, near), fill=(0, 0, 0, alpha))
        pen.line((near, near, near, size - edge), fill=(0, 0, 0, round(alpha * 0.8)))
    wood = mixed(_WOOD, look.ground.colour, 0.12)
    lit, shaded = mixed(wood, (255, 255, 255), 0.16), mixed(wood, (0, 0, 0), 0.35)
    pen.polygon([(0, 0), (size, 0), (size - edge, edge), (edge, edge)], fill=shaded)
    pen.polygon([(0, 0), (edge, edge), (edge, size - edge), (0, size)], fill=mixed(shaded, wood, 0.4))
    pen.polygon([(0, size), (edge, size - edge), (size - edge, size - edge), (size, size)], fill=lit)
    pen.polygon([(size, 0), (size - edge, edge), (size - edge, size - edge), (size, size)], fill=wood)


def _window(size: int, rng: np.random.Generator) -> Image.Image:
    """Light through the panes of a window, slanting over the table, as what is left of the colours."""
    small = 64
    light = Image.new("L", (small, small), 172)
    pen = ImageDraw.Draw(light)
    slant, start = float(rng.uniform(-0.7, 0.7)), float(rng.uniform(0.02, 0.3))
    across, down = float(rng.uniform(0.24, 0.42)), float(rng.uniform(0.26, 0.44))
    top = float(rng.uniform(-0.1, 0.25))
    for column in range(2):
        for row in range(2):
            left, upper = start + column * (across + 0.04), top + row * (down + 0.04)
            corners = [(left, upper), (left + across, upper), (left + across, upper + down), (left, upper + down)]
            pen.polygon([((x + slant * (y - 0.5) * 0.6) * small, y * small) for x, y in corners], fill=255)
    soft = light.filter(ImageFilter.GaussianBlur(float(rng.uniform(1.2, 2.6))))
    return soft.resize((size, size), Image.Resampling.BICUBIC).convert("RGB")


def _strip_box(look: Look, size: int, thick: float) -> tuple[float, float, float, float]:
    near, far = 0.035 * size, 0.965 * size
    deep = thick * size
    return {
        "left": (near, near, near + deep, far),
        "right": (far - deep, near, far, far),
        "top": (near, near, far, near + deep),
        "bottom": (near, far - deep, far, far),
    }[look.side]


def _ruler(ground: Image.Image, look: Look, rng: np.random.Generator) -> None:
    """A scale in centimetres along one side."""
    size = ground.width
    pen = ImageDraw.Draw(ground, "RGBA")
    box = _strip_box(look, size, float(rng.uniform(0.045, 0.065)))
    pen.rectangle((box[0] + 0.006 * size, box[1] + 0.009 * size, box[2] + 0.006 * size, box[3] + 0.009 * size),
                  fill=(0, 0, 0, 60))  # fmt: skip
    pen.rectangle(box, fill=(_PAPER if rng.random() < 0.6 else (214, 172, 92)))
    if size < LEGIBLE:
        return
    upright = look.side in ("left", "right")
    start, end = (box[1], box[3]) if upright else (box[0], box[2])
    for tick in range(1, 60):
        at = start + (end - start) * tick / 60
        long = (0.5 if tick % 5 == 0 else 0.28) * (box[2] - box[0] if upright else box[3] - box[1])
        line = (box[0], at, box[0] + long, at) if upright else (at, box[1], at, box[1] + long)
        pen.line(line, fill=(*_INK, 190))


def _swatches(ground: Image.Image, look: Look, rng: np.random.Generator) -> None:
    """A colour control strip, as photographers of collections lay beside a specimen."""
    size = ground.width
    pen = ImageDraw.Draw(ground, "RGBA")
    box = _strip_box(look, size, float(rng.uniform(0.05, 0.075)))
    pen.rectangle(box, fill=(28, 27, 28))
    names = rng.permutation(_SWATCHES)[: int(rng.integers(5, 9))]
    upright = look.side in ("left", "right")
    gap = 0.008 * size
    for index, name in enumerate(names):
        first, last = index / len(names), (index + 1) / len(names)
        patch = (
            (box[0] + gap, box[1] + (box[3] - box[1]) * first + gap, box[2] - gap, box[1] + (box[3] - box[1]) * last)
            if upright
            else (
                box[0] + (box[2] - box[0]) * first + gap,
                box[1] + gap,
                box[0] + (box[2] - box[0]) * last,
                box[3] - gap,
            )
        )
        pen.rectangle(patch, fill=TINCTURES[str(name)].base)


def _label(ground: Image.Image, look: Look) -> None:
    """A small collection label in a corner, legible where there are pixels for it."""
    size = ground.width
    pen = ImageDraw.Draw(ground, "RGBA")
    wide, high = 0.17 * size, 0.075 * size
    left = 0.785 * size if look.corner.endswith("right") else 0.045 * size
    top = 0.88 * size if look.corner.startswith("lower") else 0.045 * size
    pen.rectangle((left + 0.004 * size, top + 0.006 * size, left + wide + 0.004 * size, top + high + 0.006 * size),
                  fill=(0, 0, 0, 70))  # fmt: skip
    pen.rectangle((left, top, left + wide, top + high), fill=mixed(_PAPER, look.ground.colour, 0.12))
    if size < LEGIBLE:
        for line in (0.3, 0.62):
            y = top + line * high
            pen.line((left + 0.1 * wide, y, left + 0.85 * wide, y), fill=(*_INK, 130))
        return
    inset = 0.01 * size
    pen.rectangle((left + inset / 2, top + inset / 2, left + wide - inset / 2, top + high - inset / 2),
                  outline=(*_INK, 90))  # fmt: skip
    font = ImageFont.load_default(size * 0.021)
    pen.text((left + 1.6 * inset, top + inset), f"No. {look.seed % 10_000:04d}", fill=_INK, font=font)
    pen.text((left + 1.6 * inset, top + 3.7 * inset), look.kind, fill=mixed(_INK, _PAPER, 0.2), font=font)
