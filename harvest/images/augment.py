"""Variants of one picture: what is done is drawn from a text, and done the same way every time.

Each number is drawn for itself, as the first 64 bits of a sha256 over the text and the number's name: another number
more or less changes none of the others. Turning, cropping and scaling are one step, so that a picture is resampled once
(https://pillow.readthedocs.io/en/stable/reference/Image.html#PIL.Image.Image.transform); where a rotation would lay
corners bare, the crop is made small enough to lie within. Erasing is that of Zhong et al., Random Erasing Data
Augmentation, 2017, filled with the picture's mean.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageColor, ImageEnhance, ImageFilter, ImageStat

__all__ = ["Terms", "draw", "drawn", "varied"]

_TRIES = 12  # draws for a variant that is unlike those before
_LEAST_ERASED = 0.02
_ERASED_ASPECT = 3.3
_MARGIN = 1.0  # pixels at the edge that a rotated crop keeps away from, for bicubic looks at neighbours
_ENHANCERS = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "saturation": ImageEnhance.Color,
}
_TURNS = {
    1: Image.Transpose.ROTATE_90,
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_270,
}

Drawn = Mapping[str, Any]


class Terms(Protocol):
    """What may be done; harvest.config.augment.AugmentConfig is one, and says what the words mean."""

    @property
    def flip(self) -> str:
        """`none`, `horizontal`, `vertical` or `both`."""

    @property
    def quarters(self) -> bool:
        """Whether to turn by multiples of 90 degrees."""

    @property
    def rotate(self) -> float:
        """Degrees at most."""

    @property
    def crop(self) -> float:
        """The least share of the area."""

    @property
    def aspect(self) -> float:
        """The largest change of the ratio of the sides."""

    @property
    def brightness(self) -> float:
        """Largest change, as a share."""

    @property
    def contrast(self) -> float:
        """Largest change, as a share."""

    @property
    def saturation(self) -> float:
        """Largest change, as a share."""

    @property
    def hue(self) -> float:
        """Largest change, as a part of the circle."""

    @property
    def grey(self) -> float:
        """The chance."""

    @property
    def erase(self) -> float:
        """The chance."""

    @property
    def erase_share(self) -> float:
        """The largest share of the area."""

    @property
    def blur(self) -> float:
        """The largest radius in pixels."""

    @property
    def noise(self) -> float:
        """The largest standard deviation, as a share of white."""


def drawn(terms: Terms, text: str, count: int) -> list[Drawn]:
    """What to do for each of `count` variants, in the order in which it is done, as plain values.

    No two do the same, and none does nothing: where the terms do not allow for so many there are fewer. More variants
    begin with the same ones.
    """
    found: list[Drawn] = []
    for number in range(1, count + 1):
        tries = (draw(terms, f"{text}:{number}:{attempt}") for attempt in range(_TRIES))
        new = next((each for each in tries if each and each not in found), None)
        if new is None:
            break
        found.append(new)
    return found


def draw(terms: Terms, text: str) -> Drawn:
    """One draw; what leaves a picture as it is is not in it.

    `turn` is in quarters, `rotate` in degrees counterclockwise; `crop` is the share of the area, the aspect as a factor
    of the picture's, and the place between left and right, top and bottom, in [0, 1]; `erase` likewise.
    """
    dice = _Dice(text)
    return {**_shape(terms, dice), **_colours(terms, dice), **_damage(terms, dice)}


class _Dice:
    """Numbers by their names."""

    def __init__(self, text: str) -> None:
        self._text = text

    def unit(self, name: str) -> float:
        """A number in [0, 1)."""
        return int.from_bytes(hashlib.sha256(f"{self._text}:{name}".encode()).digest()[:8], "big") / 2**64

    def within(self, name: str, least: float, most: float) -> float:
        return round(least + (most - least) * self.unit(name), 4)

    def place(self, name: str) -> dict[str, float]:
        return {axis: round(self.unit(f"{name} {axis}"), 4) for axis in ("x", "y")}


def _shape(terms: Terms, dice: _Dice) -> dict[str, Any]:
    done: dict[str, Any] = {}
    flips = [way for way in ("horizontal", "vertical") if terms.flip in {way, "both"} and dice.unit(way) < 0.5]
    if flips:
        done["flip"] = "both" if len(flips) == 2 else flips[0]
    if terms.quarters and (turn := int(4 * dice.unit("turn"))):
        done["turn"] = turn
    if angle := dice.within("rotate", -terms.rotate, terms.rotate):
        done["rotate"] = angle
    if terms.crop < 1 or terms.aspect > 1:
        share, aspect = dice.within("share", terms.crop, 1), round(terms.aspect ** dice.within("aspect", -1, 1), 4)
        done["crop"] = {"share": share, "aspect": aspect, **dice.place("crop")}
    return done


def _colours(terms: Terms, dice: _Dice) -> dict[str, Any]:
    done: dict[str, Any] = {}
    for name in _ENHANCERS:
        most = getattr(terms, name)
        if (factor := dice.within(name, 1 - most, 1 + most)) != 1:
            done[name] = factor
    if shift := dice.within("hue", -terms.hue, terms.hue):
        done["hue"] = shift
    if dice.unit("grey") < terms.grey:
        done["grey"] = True
    return done


def _damage(terms: Terms, dice: _Dice) -> dict[str, Any]:
    done: dict[str, Any] = {}
    if radius := round(dice.within("blur", 0, terms.blur), 2):
        done["blur"] = radius
    if deviation := dice.within("noise", 0, terms.noise):
        done["noise"] = {"deviation": deviation, "seed": int(dice.unit("noise seed") * 2**32)}
    if dice.unit("erase") < terms.erase:
        share = dice.within("erased", min(_LEAST_ERASED, terms.erase_share), terms.erase_share)
        aspect = round(_ERASED_ASPECT ** dice.within("erased aspect", -1, 1), 4)
        done["erase"] = {"share": share, "aspect": aspect, **dice.place("erase")}
    return done


def varied(
    picture: Image.Image, done: Drawn, *, px: int | None = None, corners: str = "crop", background: str = "#ffffff"
) -> Image.Image:
    """The RGB `picture` with all of `done` done to it, its longer side `px` pixels or, if that is less, as it is.

    `corners` are `crop`ped away, or `pad`ded with `background`.
    """
    if flip := done.get("flip"):
        if flip != "vertical":
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if flip != "horizontal":
            picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    if turn := done.get("turn"):
        picture = picture.transpose(_TURNS[turn])
    if corners == "pad":  # whose colour is to stay as it was asked for
        picture = _placed(_coloured(picture, done), done, px, corners, background)
    else:
        picture = _coloured(_placed(picture, done, px, corners, background), done)
    if "blur" in done:
        picture = picture.filter(ImageFilter.GaussianBlur(done["blur"]))
    if "noise" in done:
        picture = _noisy(picture, **done["noise"])
    return _erased(picture, **done["erase"]) if "erase" in done else picture


def _coloured(picture: Image.Image, done: Drawn) -> Image.Image:
    for name, enhance in _ENHANCERS.items():
        if name in done:
            picture = enhance(picture).enhance(done[name])
    if "hue" in done:
        hue, saturation, value = picture.convert("HSV").split()
        shift = round(256 * done["hue"])
        picture = Image.merge("HSV", (hue.point(lambda at: (at + shift) % 256), saturation, value)).convert("RGB")
    return picture.convert("L").convert("RGB") if "grey" in done else picture


def _placed(picture: Image.Image, done: Drawn, px: int | None, corners: str, background: str) -> Image.Image:
    """Cropped, rotated and scaled, in one step."""
    width, height = picture.size
    scale = min(1.0, px / max(width, height)) if px else 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    crop = done.get("crop", {"share": 1.0, "aspect": 1.0, "x": 0.5, "y": 0.5})
    angle = math.radians(done.get("rotate", 0.0))
    if not angle and "crop" not in done:
        return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0) if size != picture.size else picture
    side = math.sqrt(crop["share"] * width * height)
    ratio = math.sqrt(width / height * crop["aspect"])
    wide, high = side * ratio, side / ratio
    within = (width, height) if not angle or corners == "pad" else (width - 2 * _MARGIN, height - 2 * _MARGIN)
    turned = angle if corners == "crop" else 0.0
    across, down = _extents(wide, high, turned)
    shrink = min(1.0, within[0] / across, within[1] / down)
    wide, high, across, down = (max(1.0, shrink * length) for length in (wide, high, across, down))
    middle = (width / 2 + (crop["x"] - 0.5) * (within[0] - across), height / 2 + (crop["y"] - 0.5) * (within[1] - down))
    if not angle:
        box = (middle[0] - wide / 2, middle[1] - high / 2, middle[0] + wide / 2, middle[1] + high / 2)
        box = (max(0.0, box[0]), max(0.0, box[1]), min(float(width), box[2]), min(float(height), box[3]))
        return picture.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    return _rotated(picture, size, (wide, high), middle, angle, background)


def _extents(wide: float, high: float, angle: float) -> tuple[float, float]:
    """How far a rectangle reaches across and down when it is turned."""
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    return wide * cos + high * sin, wide * sin + high * cos


def _rotated(  # noqa: PLR0917 - where it is taken from, and what it becomes
    picture: Image.Image,
    size: tuple[int, int],
    crop: tuple[float, float],
    middle: tuple[float, float],
    angle: float,
    background: str,
) -> Image.Image:
    """What a turned rectangle of the picture shows, at another size."""
    shrink = min(1.0, max(size[0] / crop[0], size[1] / crop[1]))
    if shrink < 1:  # bicubic sampling alone would leave out pixels
        small = (max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink)))
        across, down = small[0] / picture.width, small[1] / picture.height
        picture = picture.resize(small, Image.Resampling.LANCZOS, reducing_gap=3.0)
        crop, middle = (crop[0] * across, crop[1] * down), (middle[0] * across, middle[1] * down)
    cos, sin = math.cos(angle), math.sin(angle)
    right, lower = crop[0] / size[0], crop[1] / size[1]
    a, b, d, e = cos * right, -sin * lower, sin * right, cos * lower
    c = middle[0] - a * size[0] / 2 - b * size[1] / 2
    f = middle[1] - d * size[0] / 2 - e * size[1] / 2
    ground = ImageColor.getrgb(background)
    return picture.transform(
        size, Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BICUBIC, fillcolor=ground
    )


def _noisy(picture: Image.Image, deviation: float, seed: int) -> Image.Image:
    # RandomState's numbers are the same in every version of numpy, those of newer generators are not (NEP 19).
    noise = np.random.RandomState(seed).standard_normal((picture.height, picture.width, 3))
    values = np.asarray(picture, np.float64) + 255 * deviation * noise
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _erased(picture: Image.Image, share: float, aspect: float, x: float, y: float) -> Image.Image:
    side = math.sqrt(share * picture.width * picture.height)
    wide = min(picture.width, max(1, round(side * math.sqrt(aspect))))
    high = min(picture.height, max(1, round(side / math.sqrt(aspect))))
    left, top = round(x * (picture.width - wide)), round(y * (picture.height - high))
    mean = [round(value) for value in ImageStat.Stat(picture).mean]
    picture = picture.copy()
    picture.paste((mean[0], mean[1], mean[2]), (left, top, left + wide, top + high))
    return picture
