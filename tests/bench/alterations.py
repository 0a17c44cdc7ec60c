"""What happens to pictures on their way from one site to another: each change from the picture itself and a seed."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

__all__ = ["ALTERATIONS", "CROPS_AND_PADDING", "PHOTOMETRIC", "Alteration"]

Alteration = Callable[[Image.Image, int], Image.Image]
_WORDS = ("© archive", "sample", "stock photo", "do not copy")


def _coded(kind: str, quality: int) -> Alteration:
    def change(picture: Image.Image, seed: int) -> Image.Image:
        buffer = io.BytesIO()
        picture.save(buffer, kind, quality=quality)
        return Image.open(buffer).convert("RGB")

    return change


def _resized(share: float) -> Alteration:
    def change(picture: Image.Image, seed: int) -> Image.Image:
        size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
        return picture.resize(size, Image.Resampling.BICUBIC)

    return change


def _gamma(power: float) -> Alteration:
    curve = [round(255 * (value / 255) ** power) for value in range(256)] * 3

    def change(picture: Image.Image, seed: int) -> Image.Image:
        return picture.point(curve)

    return change


def _blurred(share: float) -> Alteration:
    def change(picture: Image.Image, seed: int) -> Image.Image:
        return picture.filter(ImageFilter.GaussianBlur(share * min(picture.size)))

    return change


def _noisy(strength: float) -> Alteration:
    def change(picture: Image.Image, seed: int) -> Image.Image:
        plane = np.asarray(picture, dtype=np.float32)
        noise = np.random.default_rng(seed).normal(0, strength, plane.shape)
        return Image.fromarray(np.clip(plane + noise, 0, 255).astype(np.uint8))

    return change


def _watermarked(picture: Image.Image, seed: int) -> Image.Image:
    """White words at half strength across a third of the picture, in its middle or near one of its corners."""
    rng = np.random.default_rng(seed)
    words = _WORDS[int(rng.integers(len(_WORDS)))]
    font = ImageFont.load_default(picture.width / 3 / len(words) * 2)
    place = (picture.width * rng.choice((0.04, 0.33, 0.6)), picture.height * rng.choice((0.05, 0.45, 0.85)))
    layer = Image.new("L", picture.size)
    ImageDraw.Draw(layer).text(place, words, fill=128, font=font)
    return Image.composite(Image.new("RGB", picture.size, "white"), picture, layer)


def _cropped(share: float, *, centred: bool) -> Alteration:
    """`share` of width and height cut away at each side; off centre, twice that from one side and nothing opposite."""

    def change(picture: Image.Image, seed: int) -> Image.Image:
        across, down = picture.width * share, picture.height * share
        rng = np.random.default_rng(seed)
        left, top = (across, down) if centred else (across * 2 * rng.integers(2), down * 2 * rng.integers(2))
        box = (left, top, left + picture.width - 2 * across, top + picture.height - 2 * down)
        return picture.crop(tuple(round(edge) for edge in box))  # type: ignore[arg-type]

    return change


def _padded(share: float, colour: str, *, square: bool = False) -> Alteration:
    """A border of `share` of each side, or bars that make the picture square."""

    def change(picture: Image.Image, seed: int) -> Image.Image:
        size = (round(picture.width * (1 + 2 * share)), round(picture.height * (1 + 2 * share)))
        if square:
            size = (round(max(picture.size) * 1.05),) * 2
        canvas = Image.new("RGB", size, colour)
        canvas.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
        return canvas

    return change


def _rotated(degrees: float) -> Alteration:
    def change(picture: Image.Image, seed: int) -> Image.Image:
        return picture.rotate(degrees * (1 if seed % 2 else -1), Image.Resampling.BICUBIC, fillcolor=(0, 0, 0))

    return change


def _flipped(picture: Image.Image, seed: int) -> Image.Image:
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


PHOTOMETRIC: Final[dict[str, Alteration]] = {
    "jpeg 90": _coded("JPEG", 90),
    "jpeg 60": _coded("JPEG", 60),
    "jpeg 30": _coded("JPEG", 30),
    "webp 50": _coded("WEBP", 50),
    "half size": _resized(0.5),
    "quarter size": _resized(0.25),
    "twice the size": _resized(2.0),
    "gamma 0.6": _gamma(0.6),
    "gamma 1.6": _gamma(1.6),
    "blur 0.5 %": _blurred(0.005),
    "blur 1 %": _blurred(0.01),
    "noise 10": _noisy(10),
    "noise 20": _noisy(20),
    "watermark": _watermarked,
}
CROPS_AND_PADDING: Final[dict[str, Alteration]] = {
    "crop 5 % a side": _cropped(0.05, centred=True),
    "crop 5 %, off centre": _cropped(0.05, centred=False),
    "crop 10 % a side": _cropped(0.10, centred=True),
    "crop 10 %, off centre": _cropped(0.10, centred=False),
    "pad 10 % black": _padded(0.10, "black"),
    "pad 10 % white": _padded(0.10, "white"),
    "bars to a square": _padded(0, "black", square=True),
}
ALTERATIONS: Final[dict[str, Alteration]] = {
    **PHOTOMETRIC,
    **CROPS_AND_PADDING,
    "crop 20 % a side": _cropped(0.20, centred=True),
    "crop 20 %, off centre": _cropped(0.20, centred=False),
    "rotate 2 degrees": _rotated(2),
    "rotate 4 degrees": _rotated(4),
    "flip": _flipped,
}
