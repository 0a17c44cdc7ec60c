"""Bytes to pixels, once and safely: the formats read, the colours meant, and nothing left to a decoder's mood."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from harvest.errors import Broken
from harvest.images.plugins import plugin_for

__all__ = [
    "EXTENSIONS",
    "WHITE",
    "Layers",
    "as_seen",
    "decode_frames",
    "decode_rgb",
    "eight_bit",
    "extension",
    "formats_of",
    "frame_count",
    "layers_of",
    "opened",
    "orientation",
    "upright",
]

# A closed list: Pillow also opens formats that start other programs (EPS) or that no camera or gallery serves.
EXTENSIONS = {
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "GIF": "gif",
    "WEBP": "webp",
    "AVIF": "avif",
    "TIFF": "tif",
    "BMP": "bmp",
    "JPEG2000": "jp2",
    "PPM": "ppm",
    "HEIF": "heic",
    "JXL": "jxl",
}
WHITE = (255, 255, 255)
_BY_PLUGIN = frozenset({"HEIF", "JXL"})
# MPO is several pictures in one JPEG: its plugin finds out.
_OPENED_AS = tuple(kind for kind in EXTENSIONS if kind != "MPO" and kind not in _BY_PLUGIN)
_HEAD = 64  # bytes that tell a format
_ORIENTATION_TAG = 0x0112
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))


def extension(format: str) -> str:  # noqa: A002 - the ledger's column is called so
    """The file extension, without a dot, under which bytes of Pillow's `format` are kept."""
    return EXTENSIONS[format]


class _Quiet:
    """Pillow's warnings and its own size limit, off while any thread decodes and back afterwards.

    `warnings.catch_warnings` alone is not safe between threads: the first to leave would restore what the others need.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
                self._warnings = warnings.catch_warnings()
                self._warnings.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._warnings.__exit__(None, None, None)
                Image.MAX_IMAGE_PIXELS = self._limit


_quiet = _Quiet()


@contextmanager
def opened(body: bytes, *, max_pixels: int | None = None) -> Iterator[Image.Image]:
    """Open encoded image bytes, header only, and turn whatever goes wrong inside the block into Broken.

    Kinds: `empty`, `not_an_image` (no format of EXTENSIONS), `no_decoder` (a format whose package is not installed),
    `bomb` (more than `max_pixels` pixels, before any is decoded), `truncated` (the data end too soon), `corrupt` (they
    do not decode).
    """
    if not body:
        raise Broken("empty", "no bytes")
    formats = formats_of(body, max_pixels=max_pixels)
    with _quiet:
        try:
            with Image.open(io.BytesIO(body), formats=formats) as image:
                _check_size(image, max_pixels)
                yield image
        except Broken:
            raise
        except Exception as error:
            # Decoders meet hostile bytes with OSError, SyntaxError, struct.error, MemoryError, ValueError...
            raise _broken(body, error) from error


def formats_of(body: bytes, *, max_pixels: int | None = None) -> tuple[str, ...]:
    """The Pillow formats as which bytes may be opened, by how they begin.

    Raises Broken with the kind `no_decoder` where a package is missing, and `bomb` for a format that is decoded as soon
    as it is opened.
    """
    plugin = plugin_for(body[:_HEAD])
    if plugin is None:
        return _OPENED_AS
    plugin.register()
    size = plugin.size(body)
    if size is not None and max_pixels is not None:
        _check_pixels(*size, max_pixels)
    return (plugin.format,)


def _check_size(image: Image.Image, max_pixels: int | None) -> None:
    if max_pixels is not None:
        _check_pixels(image.width, image.height, max_pixels)


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Broken("bomb", f"{width}x{height} is more than {max_pixels} pixels")


def decode_rgb(path: Path, *, longest: int | None = None, background: tuple[int, int, int] = WHITE) -> Image.Image:
    """The first frame of the image file at `path` as a person would see it: an upright sRGB picture of mode RGB.

    EXIF orientation is applied, an embedded ICC profile converted to sRGB (a broken one ignored), transparency laid
    over `background`, 16-bit and float samples brought to 8 bits. `longest` says that no larger square than this many
    pixels will be made of it: a JPEG is then decoded at a half, quarter or eighth as long as its shorter side keeps
    that many.

    Raises Broken as `opened` does, OSError when the file cannot be read.
    """
    return next(decode_frames(path.read_bytes(), (0,), longest=longest)).over(background)


def frame_count(format: str, frames: int) -> int:  # noqa: A002 - the ledger's column is called so
    """How many pictures of its own an image has, of those that Pillow counts: an MPO's others are views of one."""
    return 1 if format == "MPO" else max(1, frames)


def decode_frames(body: bytes, frames: Sequence[int], *, longest: int | None = None) -> Iterator[Layers]:
    """The frames of encoded bytes, by their numbers in ascending order, each as `decode_rgb` gives the first one.

    Raises Broken; of the kind `truncated` also where there is no such frame.
    """
    with opened(body) as image:
        if longest is not None:
            image.draft(None, (longest, longest))
        for frame in frames:
            if frame:
                image.seek(frame)
            image.load()
            yield layers_of(image)


@dataclass(frozen=True, slots=True)
class Layers:
    """An upright sRGB picture of mode RGB, and how opaque it is (mode L) where it is not opaque everywhere."""

    colours: Image.Image
    opacity: Image.Image | None = None

    def over(self, background: tuple[int, int, int] = WHITE) -> Image.Image:
        """The picture laid over a ground of one colour."""
        if self.opacity is None:
            return self.colours
        flat = Image.new("RGB", self.colours.size, background)
        flat.paste(self.colours, mask=self.opacity)
        return flat


def as_seen(image: Image.Image, background: tuple[int, int, int] = WHITE) -> Image.Image:
    """An opened and loaded image as `decode_rgb` gives it, whatever the scale at which it was decoded."""
    return layers_of(image).over(background)


def layers_of(image: Image.Image) -> Layers:
    """An opened and loaded image, upright and in sRGB, before it lies over any ground."""
    turn = orientation(image)
    profile = image.info.get("icc_profile") if image.mode != "LAB" else None
    picture = eight_bit(image)
    if not picture.has_transparency_data:
        return Layers(upright(_to_srgb(picture, profile), turn))
    layered = picture.convert("RGBA")
    colours, opacity = _to_srgb(layered.convert("RGB"), profile), layered.getchannel("A")
    return Layers(upright(colours, turn), upright(opacity, turn))


def orientation(image: Image.Image) -> int:
    """The EXIF orientation of an opened image, 1 to 8; missing or unreadable EXIF counts as 1, upright.

    JPEG XL turns its pixels itself, and its EXIF is for information (ISO/IEC 18181-2), but for a JPEG that it holds.
    """
    if image.format == "JXL" and not getattr(image, "jpeg", False):
        return 1
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        return 1  # the pixels are good whatever the metadata are
    return value if value in _TRANSPOSITIONS else 1


def upright(picture: Image.Image, turn: int) -> Image.Image:
    """`picture` turned and mirrored as the EXIF orientation `turn` says."""
    method = _TRANSPOSITIONS.get(turn)
    return picture if method is None else picture.transpose(method)


def eight_bit(image: Image.Image) -> Image.Image:
    """`image` with 8-bit samples: 16-bit ones keep their high byte where Pillow's `convert` would clip them to white.

    Float samples are taken as [0, 1] when none is larger, else as [0, 255]. Lab, which `convert` does not know, becomes
    sRGB.
    """
    if image.mode == "LAB":
        seen = ImageCms.applyTransform(image, ImageCms.buildTransform(_LAB, _SRGB, "LAB", "RGB"))
        assert seen is not None
        return seen
    if not image.mode.startswith("I") and image.mode != "F":
        return image
    samples = np.nan_to_num(np.asarray(image).astype(np.float64))
    highest = samples.max(initial=0.0)
    if image.mode == "F":
        scale = 255.0 if highest <= 1.0 else 1.0
    else:
        scale = 1 / 257 if image.mode.startswith("I;16") or highest > 255 else 1.0
    return Image.fromarray(np.clip(samples * scale + 0.5, 0, 255).astype(np.uint8))


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        try:
            transform = _transform(profile, picture.mode)
            if transform is not None:
                converted = ImageCms.applyTransform(picture, transform)
                assert converted is not None
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a profile that cannot be used is as good as none
    return picture if picture.mode == "RGB" else picture.convert("RGB")


@lru_cache(maxsize=64)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if mode == "RGB" and "sRGB" in ImageCms.getProfileDescription(source):
        return None
    return ImageCms.buildTransform(source, _SRGB, mode, "RGB")


def _broken(body: bytes, error: Exception) -> Broken:
    words = f"{type(error).__name__}: {error}".replace("\n", " ")[:200]
    if _is_cut(body):
        return Broken("truncated", words)
    if isinstance(error, UnidentifiedImageError):
        return Broken("not_an_image", f"no known image format; starts with {body[:16]!r}")
    if "truncated" in str(error) or isinstance(error, EOFError):
        return Broken("truncated", words)
    return Broken("corrupt", words)


def _is_cut(body: bytes) -> bool:
    """Whether bytes that failed to decode begin as a format whose end mark is missing."""
    if body.startswith(b"\xff\xd8\xff"):
        return b"\xff\xd9" not in body[-64:]
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"IEND" not in body[-64:]
    if body.startswith((b"GIF87a", b"GIF89a")):
        return not body.rstrip(b"\0").endswith(b";")
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return int.from_bytes(body[4:8], "little") + 8 > len(body)
    return False
