"""Rows of pixels to files, a band at a time: what is in memory does not grow with the height of the picture.

Encoders take whole pictures, so that bands are encoded on their own and joined: JPEG at restart markers (ITU-T T.81,
B.2.1 and E.1.4), PNG as the rows that its filters give, compressed as one stream (https://www.w3.org/TR/png-3/#4Concepts),
TIFF as tiles. The same rows give the same bytes.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from layout.bands import Bands, regrouped, whole

__all__ = ["FORMATS", "PictureFormat", "as_jpeg", "check_size", "formats_for", "write_picture"]

PictureFormat = Literal["jpeg", "png", "webp", "tiff"]

_ROWS = 64
_TIFF_TILE = 256
_CLASSIC_TIFF = 2**32 - 2**25  # what 32-bit offsets reach, and room for those that are not of pixels
_BLOCK = 16  # rows of pixels that JPEG encodes together, with colour at half the resolution
_RESTART = 0xD0  # the first of eight markers
_END = b"\xff\xd9"
_INCH = 0.0254


@dataclass(frozen=True, slots=True, kw_only=True)
class _Format:
    name: str
    extension: str
    side: int  # pixels at most
    write: Callable[[Path, Bands, int, float | None], None]


def write_picture(
    path: Path,
    bands: Bands,
    format: PictureFormat,  # noqa: A002 - as Pillow calls it
    *,
    quality: int = 90,
    dpi: float | None = None,
) -> None:
    """Write the picture to `path`; `quality` (1 to 100) is that of JPEG and WebP, `dpi` how densely it is printed.

    WebP takes the whole picture into memory (5 bytes a pixel and more), for its encoder does; the others some rows.
    Pixels that would not fit classic TIFF are written as BigTIFF. Raises ValueError where the format cannot hold so
    many pixels, and says which can.
    """
    check_size(bands.width, bands.height, format)
    FORMATS[format].write(path, bands, quality, dpi)


def formats_for(width: int, height: int) -> list[str]:
    """Names of the formats that hold a picture of this size."""
    return [kind.name for kind in FORMATS.values() if max(width, height) <= kind.side]


def check_size(width: int, height: int, format: PictureFormat) -> None:  # noqa: A002
    """Raises ValueError where `format` cannot hold a picture of this size."""
    kind = FORMATS[format]
    if max(width, height) > kind.side:
        raise ValueError(
            f"{width:,} x {height:,} pixels: {kind.name} holds at most {kind.side:,} a side; "
            f"{' and '.join(formats_for(width, height))} hold them, or make the tiles smaller"
        )


def as_jpeg(file: IO[bytes], bands: Bands, *, quality: int, dpi: float | None = None) -> None:
    """Write a baseline JPEG to `file`: the pixels that it would have if it were encoded in one piece.

    A restart marker ends each row of blocks, so that rows of blocks that were encoded on their own follow on one
    another as they are.
    """
    print_size = {} if dpi is None else {"dpi": (dpi, dpi)}
    for number, rows in enumerate(regrouped(bands, _BLOCK)):
        buffer = io.BytesIO()
        # With the option, and no second row of blocks, the head announces markers that only we write.
        Image.fromarray(rows).save(
            buffer, "JPEG", quality=quality, subsampling="4:2:0", restart_marker_rows=1, **print_size
        )
        head, scan = _parted(buffer.getvalue(), bands.height)
        file.write(bytes([0xFF, _RESTART + (number - 1) % 8]) if number else head)
        file.write(scan)
    file.write(_END)


def _parted(jpeg: bytes, height: int) -> tuple[bytes, memoryview]:
    """All that comes before the scan's data, with another height, and these data."""
    head = bytearray()
    at = 2
    while True:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == 0xC0:  # start of frame: length, precision, height
            head = bytearray(jpeg)
            head[at + 5 : at + 7] = height.to_bytes(2, "big")
        at += 2 + length
        if marker == 0xDA:  # start of scan
            return bytes(head[:at]), memoryview(jpeg)[at:-2]


def _write_jpeg(path: Path, bands: Bands, quality: int, dpi: float | None) -> None:
    with path.open("wb") as file:
        as_jpeg(file, bands, quality=quality, dpi=dpi)


def _write_png(path: Path, bands: Bands, quality: int, dpi: float | None) -> None:  # noqa: ARG001
    packer = zlib.compressobj(6)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        _chunk(file, b"IHDR", struct.pack(">IIBBBBB", bands.width, bands.height, 8, 2, 0, 0, 0))
        if dpi is not None:
            pitch = round(dpi / _INCH)
            _chunk(file, b"pHYs", struct.pack(">IIB", pitch, pitch, 1))
        before: NDArray[np.uint8] | None = None
        for rows in regrouped(bands, _ROWS):
            if packed := packer.compress(_png_filtered(rows, before)):
                _chunk(file, b"IDAT", packed)
            before = rows[-1:]
        _chunk(file, b"IDAT", packer.flush())
        _chunk(file, b"IEND", b"")


def _png_filtered(rows: NDArray[np.uint8], before: NDArray[np.uint8] | None) -> bytes:
    """Rows as PNG stores them, each after the filter that suits it best, as Pillow's encoder finds it."""
    shown = rows if before is None else np.concatenate([before, rows])
    buffer = io.BytesIO()
    Image.fromarray(shown).save(buffer, "PNG", compress_level=0)
    stored = zlib.decompress(b"".join(_png_data(buffer.getvalue())))
    return stored[(len(shown) - len(rows)) * (1 + 3 * rows.shape[1]) :]


def _png_data(png: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            yield png[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(file: IO[bytes], kind: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))


def _write_tiff(path: Path, bands: Bands, quality: int, dpi: float | None) -> None:  # noqa: ARG001
    import tifffile  # noqa: PLC0415 - comes with the extra [layout]

    tifffile.imwrite(
        path,
        _squares(bands),
        shape=(bands.height, bands.width, 3),
        dtype=np.uint8,
        photometric="rgb",
        tile=(_TIFF_TILE, _TIFF_TILE),
        compression="zlib",
        predictor=True,
        bigtiff=bands.width * bands.height * 3 > _CLASSIC_TIFF,
        resolution=None if dpi is None else (dpi, dpi),
        resolutionunit=None if dpi is None else "INCH",
        metadata=None,
        software=False,
    )


def _squares(bands: Bands) -> Iterator[NDArray[np.uint8]]:
    for rows in regrouped(bands, _TIFF_TILE):
        for left in range(0, bands.width, _TIFF_TILE):
            yield rows[:, left : left + _TIFF_TILE]


def _write_webp(path: Path, bands: Bands, quality: int, dpi: float | None) -> None:  # noqa: ARG001 - WebP has no dpi
    whole(bands).save(path, "WEBP", quality=quality, method=4)


FORMATS: Mapping[PictureFormat, _Format] = {
    "jpeg": _Format(name="JPEG", extension="jpg", side=65_500, write=_write_jpeg),
    "png": _Format(name="PNG", extension="png", side=2**31 - 1, write=_write_png),
    "webp": _Format(name="WebP", extension="webp", side=16_383, write=_write_webp),
    "tiff": _Format(name="TIFF", extension="tif", side=2**31 - 1, write=_write_tiff),
}
"""What each format can, by the name that `write_picture` takes."""
