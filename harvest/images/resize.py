"""One decoded picture to one sized file, the same bytes every time.

Pixels are resampled by fast_image_resize (https://docs.rs/fast_image_resize), the convolution that Pillow does, in
integers with SIMD instructions: the same values on every processor, within three levels of Pillow's.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

import numpy as np
from cykooz_resizer import (  # type: ignore[import-untyped]
    CropBox,
    FilterType,
    ImageData,
    PixelType,
    ResizeAlg,
    ResizeOptions,
    Resizer,
)
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageFilter

from harvest.images.attention import CENTRE, cut, salient_place
from harvest.images.decode import Layers

__all__ = ["SIZE_EXTENSIONS", "Size", "Sized", "derive", "sized"]

SIZE_EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp"}
_LANCZOS = ResizeAlg.convolution(FilterType.lanczos3)
_GAP = 3  # pixels of the source for one of the copy, from which on means are taken first
_FULL_CHROMA_QUALITY = 90  # from here on JPEG keeps colour at full resolution: training sets are small, edges are not
_BLUR = 24  # a blurred ground is blurred by this part of its side


class Size(Protocol):
    """What `sized` needs to know; harvest.config.sizes.SizeConfig is one, and says what the words mean."""

    @property
    def px(self) -> int:
        """Pixels of the longer side."""

    @property
    def mode(self) -> str:
        """`crop`, `fit`, `squash` or `longest`."""

    @property
    def at(self) -> str:
        """Where a crop is cut; all but `centre` and `saliency` are places that whoever asks has found."""

    @property
    def padding(self) -> str:
        """`colour`, `blur` or `edge`."""

    @property
    def background(self) -> str:
        """Colour of the padding, and of what shows through transparent parts, `#rrggbb`."""

    @property
    def upscale(self) -> bool:
        """Whether smaller pictures are enlarged."""

    @property
    def resampling(self) -> str:
        """`gamma` or `linear`."""

    @property
    def frames(self) -> str:
        """`first`, `middle` or `all`."""

    @property
    def format(self) -> str:
        """A key of SIZE_EXTENSIONS."""

    @property
    def quality(self) -> int:
        """1 to 100, for JPEG and WebP."""

    @property
    def lossless(self) -> bool:
        """For WebP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """An encoded copy, its size in pixels and, where it was cut, the `place` of the cut (harvest.images.attention)."""

    body: bytes = field(repr=False)
    width: int
    height: int
    place: float | None = None


def derive(image: Image.Image | Layers, size: Size) -> bytes:
    """The bytes that `sized` makes."""
    return sized(image, size).body


def sized(image: Image.Image | Layers, size: Size, place: float | None = None) -> Sized:
    """Encode an upright RGB picture, or layers over the size's background, without metadata.

    A crop is the largest square at `place`; without one, at the centre where the size says so, else where the picture
    is most salient. It becomes px by px, and a picture whose shorter side has fewer pixels a smaller square. `squash`
    does the same to the whole picture, `fit` pads to px by px around it, `longest` brings the longer side to px. Only
    `upscale` enlarges. Lanczos on gamma-encoded values, as ffmpeg's scaler and the training tools do, or, for `linear`,
    on 16 bits of linear light.
    """
    if isinstance(image, Layers):
        image = image.over(_colour(size.background))
    if size.mode == "crop":
        if place is None:
            place = CENTRE if size.at == "centre" else salient_place(image)
        picture = _square(cut(image, place), size)
        return Sized(body=_encoded(picture, size), width=picture.width, height=picture.height, place=place)
    picture = _square(image, size) if size.mode == "squash" else _whole(image, size)
    return Sized(body=_encoded(picture, size), width=picture.width, height=picture.height)


def _encoded(picture: Image.Image, size: Size) -> bytes:
    buffer = io.BytesIO()
    match size.format:
        case "jpeg":
            subsampling = 0 if size.quality >= _FULL_CHROMA_QUALITY else 2
            # Without `optimize`: it needs the whole file in one buffer, and noise does not fit in the one Pillow makes.
            picture.save(buffer, "JPEG", quality=size.quality, subsampling=subsampling)
        case "png":
            picture.save(buffer, "PNG")
        case _:
            picture.save(buffer, "WEBP", quality=size.quality, method=4, lossless=size.lossless)
    return buffer.getvalue()


def _square(image: Image.Image, size: Size) -> Image.Image:
    side = size.px if size.upscale else min(size.px, *image.size)
    return _resized(image, (side, side), size.resampling)


def _whole(image: Image.Image, size: Size) -> Image.Image:
    share = size.px / max(image.size)
    share = share if size.upscale else min(1.0, share)
    small = _resized(image, (max(1, round(image.width * share)), max(1, round(image.height * share))), size.resampling)
    if size.mode == "longest" or small.size == (size.px, size.px):
        return small
    left, top = (size.px - small.width) // 2, (size.px - small.height) // 2
    if size.padding == "edge":
        pixels = np.asarray(small)
        around = ((top, size.px - small.height - top), (left, size.px - small.width - left), (0, 0))
        return Image.fromarray(np.pad(pixels, around, mode="edge"))
    ground = Image.new("RGB", (size.px, size.px), _colour(size.background))
    if size.padding == "blur":
        ground = _resized(cut(small, CENTRE), ground.size, "gamma").filter(ImageFilter.GaussianBlur(size.px / _BLUR))
    ground.paste(small, (left, top))
    return ground


def _resized(image: Image.Image, size: tuple[int, int], resampling: str) -> Image.Image:
    """An RGB picture at another size; of the pixels alone, for encoders write down what else a picture carries."""
    if image.size == size:
        copy = image.copy()
        copy.info = {}
        return copy
    if resampling == "linear":
        return _resized_light(image, size)
    width, height = map(float, image.size)
    factor = int(min(width / size[0], height / size[1]) / _GAP)
    if factor > 1:
        image, width, height = image.reduce(factor), width / factor, height / factor
    # After a reduction the last row and column may stand for fewer pixels than the others.
    options = ResizeOptions(resize_alg=_LANCZOS, use_alpha=False, crop_box=CropBox(0, 0, width, height))
    copy = Image.new("RGB", size)
    Resizer().resize_pil(image, copy, options)
    return copy


def _resized_light(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    to_light, to_values = _curves()
    source = ImageData(image.width, image.height, PixelType.U16x3, to_light[np.asarray(image)].tobytes())
    copy = ImageData(*size, PixelType.U16x3)
    Resizer().resize(source, copy, ResizeOptions(resize_alg=_LANCZOS, use_alpha=False))
    light = np.frombuffer(copy.get_buffer(), np.uint16).reshape(size[1], size[0], 3)
    return Image.fromarray(to_values[light])


@cache
def _curves() -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """From 8-bit sRGB values to 16 bits of light, and back (IEC 61966-2-1)."""
    value = np.arange(256) / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    back = np.arange(65536) / 65535
    values = np.where(back <= 0.0031308, back * 12.92, 1.055 * back ** (1 / 2.4) - 0.055)
    return np.round(light * 65535).astype(np.uint16), np.round(values * 255).astype(np.uint8)


def _colour(background: str) -> tuple[int, int, int]:
    red, green, blue = ImageColor.getrgb(background)[:3]
    return red, green, blue
