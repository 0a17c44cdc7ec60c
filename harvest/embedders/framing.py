"""Pictures as a model looks at them: resized and cropped as in its training, by the same steps on the same library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harvest.embedders.base import Framing
from harvest.errors import UsageError
from harvest.images.attention import cut

__all__ = ["VERSION", "Preprocess", "Windowed", "of_open_clip", "of_timm", "one_side"]

VERSION = "upright-srgb/1"
"""How images are decoded before they are framed. It is part of every model's id: vectors of another way are others."""

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
    "lanczos": Image.Resampling.LANCZOS,
}
_LONGEST_RIBBON = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """Resize to `scaled`, then cut or pad to the square of `side` pixels, as torchvision's transforms do on pictures.

    `fit` says what becomes `scaled` pixels long: the `shortest` side, the `longest` (what is missing is filled), or
    both (`squash`). `rounds` is how the other side's length becomes whole: torchvision's Resize cuts it off, the
    ResizeKeepRatio of timm and open_clip rounds it.
    """

    side: int
    scaled: int
    fit: Literal["shortest", "longest", "squash"] = "shortest"
    rounds: bool = False
    interpolation: str = "bicubic"
    fill: tuple[int, int, int] = (0, 0, 0)

    @property
    def least(self) -> int:
        """The shorter side that a decoded picture must keep: a JPEG decoded at a half, quarter or eighth has at least
        as many pixels as are left after the resize, so that none is ever invented.
        """
        return self.scaled

    def __call__(self, picture: Image.Image) -> NDArray[np.uint8]:
        """An upright RGB picture as pixels, (side, side, 3)."""
        width, height = self._size(picture.width, picture.height)
        if max(width, height) > _LONGEST_RIBBON * self.side:
            picture, (width, height) = self._middle(picture, width, height)
        resized = picture.resize((width, height), _FILTERS[self.interpolation])
        if (width, height) == (self.side, self.side):
            return np.asarray(resized)
        return np.asarray(self._cut(resized))

    def _size(self, width: int, height: int) -> tuple[int, int]:
        if self.fit == "squash":
            return self.scaled, self.scaled
        chosen = min(width, height) if self.fit == "shortest" else max(width, height)
        if self.rounds:
            ratio = chosen / self.scaled
            return max(1, round(width / ratio)), max(1, round(height / ratio))
        return (
            (self.scaled, int(self.scaled * height / width))
            if width <= height
            else (int(self.scaled * width / height), self.scaled)
        )

    def _middle(self, picture: Image.Image, width: int, height: int) -> tuple[Image.Image, tuple[int, int]]:
        """The middle of a ribbon, so that one pixel by sixty thousand does not become gigabytes on its way to a square.

        What is left still reaches several times beyond the square; the resize differs by less than one level there.
        """
        across = width > height
        keep = _LONGEST_RIBBON // 2 * self.side
        full, length = (width, picture.width) if across else (height, picture.height)
        pixels = math.ceil(keep * length / full)
        start = (length - pixels) // 2
        box = (start, 0, start + pixels, picture.height) if across else (0, start, picture.width, start + pixels)
        return picture.crop(box), ((keep, height) if across else (width, keep))

    def _cut(self, picture: Image.Image) -> Image.Image:
        width, height = picture.size
        if width < self.side or height < self.side:
            padded = Image.new("RGB", (max(width, self.side), max(height, self.side)), self.fill)
            padded.paste(picture, (max(self.side - width, 0) // 2, max(self.side - height, 0) // 2))
            picture, (width, height) = padded, padded.size
        # Half pixels go to the even neighbour, as Python rounds and therefore torchvision.
        left, top = round((width - self.side) / 2.0), round((height - self.side) / 2.0)
        return picture.crop((left, top, left + self.side, top + self.side))


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowed:
    """Another framing's look at the square at one `place` of a picture (harvest.images.attention), or, without a place,
    at all of it, squashed into a square.
    """

    framing: Framing
    place: float | None = None

    @property
    def side(self) -> int:
        """That of the other framing."""
        return self.framing.side

    @property
    def least(self) -> int:
        """That of the other framing."""
        return self.framing.least

    def __call__(self, picture: Image.Image) -> NDArray[np.uint8]:
        """An upright RGB picture as pixels, (side, side, 3)."""
        if self.place is not None:
            return self.framing(cut(picture, self.place))
        return self.framing(picture.resize((self.least, self.least), Image.Resampling.BICUBIC, reducing_gap=3.0))


def of_open_clip(config: Mapping[str, Any]) -> Preprocess:
    """The framing of an open_clip model, from the `preprocess_cfg` that open_clip attaches to it (`image_transform`).

    Raises UsageError for a model that does not look at squares.
    """
    side = one_side(config["size"])
    fit: Literal["shortest", "longest", "squash"] = config.get("resize_mode") or "shortest"
    return Preprocess(
        side=side,
        scaled=side,
        fit=fit,
        rounds=fit == "longest",
        interpolation="bilinear" if config.get("interpolation") == "bilinear" else "bicubic",
        fill=_colour(config.get("fill_color") or 0),
    )


def of_timm(config: Mapping[str, Any]) -> Preprocess:
    """The framing of a timm model, from its data config (`timm.data.resolve_model_data_config`).

    `crop_pct` is the share of the resized picture that is looked at. Raises UsageError for a model that does not look
    at squares.
    """
    side = one_side(config["input_size"][-2:])
    fit: Literal["shortest", "longest", "squash"] = "shortest"
    if config["crop_mode"] in {"squash", "border"}:
        fit = "squash" if config["crop_mode"] == "squash" else "longest"
    return Preprocess(
        side=side,
        scaled=math.floor(side / config["crop_pct"]),
        fit=fit,
        rounds=fit == "longest",
        interpolation=config["interpolation"],
        fill=_colour([round(255 * value) for value in config["mean"]]) if fit == "longest" else (0, 0, 0),
    )


def one_side(size: int | Sequence[int]) -> int:
    """The side of a square given as one number or two. Raises UsageError when the two differ."""
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1:
        raise UsageError(f"the model looks at {' x '.join(map(str, size))} pixels, and only squares are supported")  # type: ignore[arg-type]
    return int(sides.pop())


def _colour(fill: int | Sequence[int]) -> tuple[int, int, int]:
    red, green, blue = (fill,) * 3 if isinstance(fill, int) else fill
    return red, green, blue
