"""The museum's files: a drawing, encoded; a copy of one, changed a little; or one that is broken on purpose."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from harvest.demo.museum import spoil
from harvest.demo.specimens import OFF_TOPIC, draw, draw_off_topic

__all__ = ["Copy", "Drawing", "Picture", "make"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A square drawing of `size` pixels, cut about its centre to `width` x `height`."""

    kind: str
    seed: int
    size: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """How a copy differs from its original: `scale` of its sides, `trim` taken from each edge, as fractions."""

    scale: float = 1.0
    trim: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One file: `name` in the cache, how its pixels come about, and how they are written.

    `form` is JPEG, PNG or WEBP. `orientation` is the EXIF value under which the pixels are stored turned. `xmp` names a
    statement of `spoil.XMP`; `harm` one of `spoil.HARMS`. With `copy`, the pixels come from the file named `original`.
    """

    name: str
    drawing: Drawing
    form: str = "JPEG"
    quality: int = 90
    orientation: int = 1
    xmp: str | None = None
    harm: str | None = None
    original: str | None = None
    copy: Copy | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as a viewer shows the picture (for a bomb: what a page would say of it)."""
        width, height = self.drawing.width, self.drawing.height
        if self.copy is None:
            return width, height
        keep = 1 - 2 * self.copy.trim
        return round(width * keep * self.copy.scale), round(height * keep * self.copy.scale)


def make(picture: Picture, original: bytes | None = None) -> bytes:
    """The bytes of `picture`; a copy is made from the bytes of its `original`, as copies in the wild are."""
    if picture.harm in spoil.WITHOUT_PIXELS:
        return spoil.WITHOUT_PIXELS[picture.harm](picture.drawing.seed)
    image = _drawn(picture.drawing) if original is None else _copied(picture, original)
    body = _encoded(picture, image)
    return spoil.HARMS[picture.harm](body, picture.drawing.seed) if picture.harm else body


def _drawn(drawing: Drawing) -> Image.Image:
    draws = draw_off_topic if drawing.kind in OFF_TOPIC else draw
    image = draws(drawing.kind, drawing.seed, drawing.size)
    left, top = (drawing.size - drawing.width) // 2, (drawing.size - drawing.height) // 2
    return image.crop((left, top, left + drawing.width, top + drawing.height))


def _copied(picture: Picture, original: bytes) -> Image.Image:
    copy = picture.copy or Copy()
    with Image.open(io.BytesIO(original)) as opened:
        image = opened.convert("RGB")
    if copy.trim:
        across, down = round(image.width * copy.trim), round(image.height * copy.trim)
        image = image.crop((across, down, image.width - across, image.height - down))
    return image if copy.scale == 1.0 else image.resize(picture.size, Image.Resampling.LANCZOS)


#: EXIF orientation -> how upright pixels are turned before they are stored under it.
_TURNS = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


def _encoded(picture: Picture, image: Image.Image) -> bytes:
    out = io.BytesIO()
    if picture.form == "PNG":
        image.save(out, "PNG", compress_level=4)
    elif picture.form == "WEBP":
        image.save(out, "WEBP", quality=picture.quality, method=2)
    else:
        exif = Image.Exif()
        if picture.orientation in _TURNS:
            image = image.transpose(_TURNS[picture.orientation])
            exif[0x0112] = picture.orientation
        xmp = spoil.XMP[picture.xmp] if picture.xmp else b""
        image.save(out, "JPEG", quality=picture.quality, exif=exif, xmp=xmp)
    return out.getvalue()
