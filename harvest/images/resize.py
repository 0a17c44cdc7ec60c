"""One decoded picture to one sized file, the same bytes every time.

Pixels are resampled by fast_image_resize (https://docs.rs/fast_image_resize), the convolution that Pillow does, in
integers with SIMD instructions: the same values on every processor, within three levels of Pillow's.
"""

from __future__ import annotations

import io
from typing import Protocol

from cykooz_resizer import (  # type: ignore[import-untyped]
    CropBox,
    FilterType,
    ResizeAlg,
    ResizeOptions,
    Resizer,
)
from PIL import Image, ImageColor

__all__ = ["SIZE_EXTENSIONS", "Size", "derive"]

SIZE_EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp"}
_LANCZOS = ResizeAlg.convolution(FilterType.lanczos3)
_GAP = 3  # pixels of the source for one of the copy, from which on means are taken first
_FULL_CHROMA_QUALITY = 90  # from here on JPEG keeps colour at full resolution: training sets are small, edges are not


class Size(Protocol):
    """What `derive` needs to know; harvest.config.recipe.SizeConfig is one."""

    @property
    def px(self) -> int:
        """Pixels of the longer side."""

    @property
    def mode(self) -> str:
        """`crop`, `fit` or `longest`."""

    @property
    def format(self) -> str:
        """A key of SIZE_EXTENSIONS."""

    @property
    def quality(self) -> int:
        """1 to 100, for JPEG and WebP."""

    @property
    def background(self) -> str:
        """Colour of the padding, `#rrggbb`."""


def derive(image: Image.Image, size: Size) -> bytes:
    """Encode the RGB `image` at `size`, without metadata.

    `crop` cuts the largest centred square and makes it px by px, enlarging a smaller one because a square was promised;
    `fit` pads to px by px around a picture that is never enlarged; `longest` brings the longer side down to px and
    never up. Lanczos on gamma-encoded values, as ffmpeg's scaler and the training tools do.
    """
    picture = _sized(image, size)
    buffer = io.BytesIO()
    match size.format:
        case "jpeg":
            subsampling = 0 if size.quality >= _FULL_CHROMA_QUALITY else 2
            # Without `optimize`: it needs the whole file in one buffer, and noise does not fit in the one Pillow makes.
            picture.save(buffer, "JPEG", quality=size.quality, subsampling=subsampling)
        case "png":
            picture.save(buffer, "PNG")
        case _:
            picture.save(buffer, "WEBP", quality=size.quality, method=4)
    return buffer.getvalue()


def _sized(image: Image.Image, size: Size) -> Image.Image:
    square = (size.px, size.px)
    if size.mode == "crop":
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        return _resized(image.crop((left, top, left + side, top + side)), square)
    share = min(1.0, size.px / max(image.size))
    inner = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    small = _bare(image) if inner == image.size else _resized(image, inner)
    if size.mode == "longest":
        return small
    ground = Image.new("RGB", square, ImageColor.getrgb(size.background))
    ground.paste(small, ((size.px - small.width) // 2, (size.px - small.height) // 2))
    return ground


def _bare(image: Image.Image) -> Image.Image:
    """The pixels alone: encoders would write a comment or a colour profile that the picture came with."""
    copy = image.copy()
    copy.info = {}
    return copy


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """An RGB picture at another size."""
    width, height = map(float, image.size)
    factor = int(min(width / size[0], height / size[1]) / _GAP)
    if factor > 1:
        image, width, height = image.reduce(factor), width / factor, height / factor
    # After a reduction the last row and column may stand for fewer pixels than the others.
    options = ResizeOptions(resize_alg=_LANCZOS, use_alpha=False, crop_box=CropBox(0, 0, width, height))
    copy = Image.new("RGB", size)
    Resizer().resize_pil(image, copy, options)
    return copy
