"""Damaged and strange files, each with what has to become of it: a test card of four colours, made strange."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 - registers its format
from PIL import Image, ImageCms

__all__ = ["COLOURS", "GROUND", "Strange", "card", "kinds"]

pillow_heif.register_heif_opener()

COLOURS = ((220, 30, 30), (30, 200, 30), (30, 30, 210), (230, 220, 40))  # upper left, upper right, lower left and right
GROUND = (32, 64, 96)
SIDES = (96, 64)
_TURN_BACK = {  # what has to be done to the card so that its EXIF orientation turns it upright again
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, kw_only=True)
class Strange:
    """A file of a folder. `shows` are the colours of its four quarters, None where only its being read counts; `fails`
    are the kinds of fault of which it has to have one, empty where it has to be read, None where either will do.
    """

    name: str | bytes
    body: bytes = field(repr=False)
    shows: tuple[tuple[int, int, int], ...] | None = COLOURS
    fails: tuple[str, ...] | None = ()
    tolerance: int = 14


def card(size: tuple[int, int] = SIDES, colours: tuple[tuple[int, int, int], ...] = COLOURS) -> Image.Image:
    """Four quarters."""
    image = Image.new("RGB", size, colours[3])
    half = (size[0] // 2, size[1] // 2)
    image.paste(colours[0], (0, 0, *half))
    image.paste(colours[1], (half[0], 0, size[0], half[1]))
    image.paste(colours[2], (0, half[1], half[0], size[1]))
    return image


def encoded(image: Image.Image, kind: str, **saving: Any) -> bytes:
    """As bytes, JPEGs of high quality."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 95, "subsampling": 0} if kind == "JPEG" else {}) | saving)
    return buffer.getvalue()


def kinds() -> list[Strange]:
    """All of them; no two have the same bytes."""
    return [
        *_cut(),
        *_not_pictures(),
        *_shapes(),
        *_depths(),
        *_metadata(),
        *_clear(),
        *_moving(),
        *_bombs(),
        *_named(),
    ]


def _cut() -> Iterator[Strange]:
    noisy = np.random.default_rng(1).integers(-6, 7, (SIDES[1], SIDES[0], 3)) + np.asarray(card()).astype(int)
    image = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    for kind, suffix in (("JPEG", "jpg"), ("PNG", "png"), ("GIF", "gif"), ("WEBP", "webp"), ("TIFF", "tif")):
        body = encoded(image, kind)
        for tenth in range(1, 10):
            part = body[: len(body) * tenth // 10]
            fails = ("truncated", "corrupt", "not_an_image")
            yield Strange(name=f"cut-{tenth}.{suffix}", body=part, shows=None, fails=fails if kind != "GIF" else None)


def _not_pictures() -> Iterator[Strange]:
    png = encoded(card(), "PNG")
    yield Strange(name="png-called.jpg", body=encoded(card(), "PNG", compress_level=1))
    yield Strange(name="jpeg-called.gif", body=encoded(card(), "JPEG", quality=93), tolerance=20)
    yield Strange(name="gif-called.tiff", body=encoded(card(), "GIF"), tolerance=20)
    yield Strange(name="nothing.jpg", body=b"", fails=("empty",))
    yield Strange(name="three-bytes.jpg", body=b"\xff\xd8\xff", fails=("truncated", "not_an_image"))
    yield Strange(name="page.png", body=b"<!doctype html><title>Not found</title>", fails=("not_an_image",))
    yield Strange(name="drawing.jpg", body=b"<svg xmlns='http://www.w3.org/2000/svg'/>", fails=("not_an_image",))
    yield Strange(
        name="postscript.jpg", body=b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", fails=("not_an_image",)
    )
    yield Strange(name="noise.png", body=bytes(range(256)) * 9, fails=("not_an_image",))
    yield Strange(name="only-a-head.png", body=png[:33], fails=("truncated", "corrupt", "not_an_image"))
    yield Strange(name="bad-sum.png", body=png[:60] + bytes([png[60] ^ 255]) + png[61:], fails=("corrupt", "truncated"))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.txt", "text")
    yield Strange(name="zip-called.jpg", body=zipped.getvalue(), fails=("not_an_image",))
    yield Strange(name="more-after-it.jpg", body=encoded(card(), "JPEG", quality=97) + b"tail" * 999)
    yield Strange(name="without-end.png", body=encoded(card(), "PNG", compress_level=3)[:-12], shows=None, fails=None)
    zeros = encoded(card(), "JPEG", quality=91)
    middle = len(zeros) // 2
    yield Strange(
        name="zeros-within.jpg", body=zeros[:middle] + bytes(200) + zeros[middle + 200 :], shows=None, fails=None
    )


def _shapes() -> Iterator[Strange]:
    yield Strange(
        name="one-pixel.png", body=encoded(Image.new("RGB", (1, 1), COLOURS[0]), "PNG"), shows=(COLOURS[0],) * 4
    )
    yield Strange(name="one-pixel.gif", body=encoded(Image.new("L", (1, 1), 90), "GIF"), shows=((90, 90, 90),) * 4)
    yield Strange(name="ribbon.png", body=encoded(card((30_000, 10)), "PNG"))
    yield Strange(name="tower.jpg", body=encoded(card((10, 30_000)), "JPEG"))
    yield Strange(
        name="hair.png", body=encoded(Image.new("RGB", (3000, 1), COLOURS[1]), "PNG"), shows=(COLOURS[1],) * 4
    )


def _depths() -> Iterator[Strange]:
    grey = card().convert("L")
    greys = tuple((round(0.299 * r + 0.587 * g + 0.114 * b),) * 3 for r, g, b in COLOURS)
    wide = np.asarray(grey).astype(np.uint16) * 257
    yield Strange(name="grey-16.png", body=encoded(Image.fromarray(wide), "PNG"), shows=greys)
    yield Strange(name="grey-16.tif", body=encoded(Image.fromarray(wide), "TIFF"), shows=greys)
    yield Strange(name="grey-32.tif", body=encoded(Image.fromarray(wide.astype(np.int32)), "TIFF"), shows=greys)
    shares = np.asarray(grey).astype(np.float32) / 255
    yield Strange(name="float.tif", body=encoded(Image.fromarray(shares), "TIFF"), shows=greys)
    yield Strange(name="rgb-16.png", body=_png(np.asarray(card()).astype(np.uint16) * 257))
    yield Strange(name="grey.jpg", body=encoded(grey, "JPEG"), shows=greys)
    bits = ((0, 0, 0), (255, 255, 255), (0, 0, 0), (255, 255, 255))
    plain = card().convert("1", dither=Image.Dither.NONE)
    yield Strange(name="bits.png", body=encoded(plain, "PNG"), shows=bits)
    yield Strange(name="fax.tif", body=encoded(plain, "TIFF", compression="group4"), shows=bits)
    yield Strange(name="few-colours.png", body=encoded(card().quantize(4), "PNG"))
    yield Strange(name="ink.jpg", body=encoded(card().convert("CMYK"), "JPEG"))
    yield Strange(name="ink.tif", body=encoded(card().convert("CMYK"), "TIFF"))
    lab = ImageCms.profileToProfile(
        card(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    yield Strange(name="lab.tif", body=encoded(lab, "TIFF"))
    yield Strange(name="ycc.tif", body=encoded(card().convert("YCbCr"), "TIFF"), tolerance=20)
    yield Strange(name="waves.jp2", body=encoded(card(), "JPEG2000"))
    yield Strange(name="progressive.jpg", body=encoded(card(), "JPEG", progressive=True))
    yield Strange(name="plain.bmp", body=encoded(card(), "BMP"))
    yield Strange(name="plain.ppm", body=encoded(card(), "PPM"))
    yield Strange(name="new.avif", body=encoded(card(), "AVIF", quality=95), tolerance=20)
    yield Strange(name="phone.heic", body=encoded(card(), "HEIF", quality=95), tolerance=20)
    yield Strange(name="new.jxl", body=encoded(card(), "JXL", lossless=True))
    body = encoded(card(), "HEIF", quality=90)
    yield Strange(name="cut.heic", body=body[: len(body) // 2], fails=("truncated", "corrupt", "not_an_image"))
    yield Strange(
        name="cut.jxl", body=encoded(card(), "JXL", quality=90)[:60], fails=("truncated", "corrupt", "not_an_image")
    )


def _metadata() -> Iterator[Strange]:
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        turned = card() if turn == 1 else card().transpose(_TURN_BACK[turn])
        yield Strange(name=f"turned-{turn}.jpg", body=encoded(turned, "JPEG", exif=exif))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield Strange(name="profile.jpg", body=encoded(card(), "JPEG", icc_profile=srgb))
    yield Strange(name="profile-broken.jpg", body=encoded(card(), "JPEG", icc_profile=b"no profile" * 20))
    yield Strange(name="profile-cut.png", body=encoded(card(), "PNG", icc_profile=srgb[:200]))
    ink = encoded(card().convert("CMYK"), "JPEG", icc_profile=srgb)
    yield Strange(name="profile-of-another-kind.jpg", body=ink)
    plain = encoded(card(), "JPEG")
    for name, exif_bytes in (
        ("empty", b""),
        ("noise", bytes(range(200))),
        ("loop", b"MM\0*\0\0\0\x08\xff\xff" + b"\0" * 40),
    ):
        part = b"Exif\0\0" + exif_bytes
        yield Strange(
            name=f"exif-{name}.jpg", body=plain[:2] + b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part + plain[2:]
        )
    swollen = zlib.compress(b" " * 90_000_000, 9)
    png = encoded(card(), "PNG", compress_level=9)
    yield Strange(
        name="text-bomb.png",
        body=png[:33] + _chunk(b"zTXt", b"Comment\0\0" + swollen) + png[33:],
        fails=None,
        shows=None,
    )


def _clear() -> Iterator[Strange]:
    clear = card().convert("RGBA")
    clear.putalpha(Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 48, axis=1).repeat(64, axis=0)))
    ground = (GROUND, COLOURS[1], GROUND, COLOURS[3])
    yield Strange(name="clear.png", body=encoded(clear, "PNG"), shows=ground)
    yield Strange(name="clear.webp", body=encoded(clear, "WEBP", lossless=True), shows=ground)
    yield Strange(name="clear.tif", body=encoded(clear, "TIFF"), shows=ground)
    grey = clear.convert("LA")
    said = tuple(GROUND if c == GROUND else (round(0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2]),) * 3 for c in ground)
    yield Strange(name="clear-grey.png", body=encoded(grey, "PNG"), shows=said)
    few = card().quantize(4)
    place = few.getpixel((5, 5))
    shows = (GROUND, *COLOURS[1:])
    yield Strange(name="clear-palette.png", body=encoded(few, "PNG", transparency=place), shows=shows)
    yield Strange(name="clear-palette.gif", body=encoded(few, "GIF", transparency=place), shows=shows)
    yield Strange(name="clear-colour.png", body=encoded(card(), "PNG", transparency=COLOURS[0]), shows=shows)


def _moving() -> Iterator[Strange]:
    frames = [card(), *(card(colours=COLOURS[at:] + COLOURS[:at]) for at in (1, 2))]
    more = {"save_all": True, "append_images": frames[1:]}
    yield Strange(name="moving.gif", body=encoded(card(), "GIF", **more, duration=80), tolerance=20)
    yield Strange(name="moving.webp", body=encoded(card(), "WEBP", **more, duration=80, lossless=True))
    yield Strange(name="moving.png", body=encoded(card(), "PNG", **more, duration=80))
    pages = [card(), card((30, 90), COLOURS[::-1]), card((200, 20))]
    yield Strange(name="pages.tif", body=encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    yield Strange(
        name="views.jpg", body=encoded(card(), "MPO", save_all=True, append_images=[card((48, 32))]), tolerance=20
    )
    gif = encoded(card(), "GIF", **more, duration=40)
    yield Strange(name="moving-cut.gif", body=gif[: len(gif) * 2 // 3], shows=None, fails=None)


def _bombs() -> Iterator[Strange]:
    row = zlib.compress(b"\0" * 90_000)
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", row) + _chunk(b"IEND", b"")
    yield Strange(name="bomb.png", body=png, fails=("bomb",))
    gif = bytearray(encoded(card(), "GIF"))
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    yield Strange(name="bomb.gif", body=bytes(gif), fails=("bomb",))
    jpeg = bytearray(encoded(card(), "JPEG", quality=80))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    yield Strange(name="bomb.jpg", body=bytes(jpeg), fails=("bomb",))
    # SizeHeader of ISO/IEC 18181-1: not small, 30 bits of height less one, ratio 1:1.
    bits = 0 | 0b11 << 1 | ((1 << 29) - 1) << 3 | 1 << 33
    yield Strange(name="bomb.jxl", body=b"\xff\x0a" + bits.to_bytes(9, "little") + bytes(40), fails=("bomb",))


def _named() -> Iterator[Strange]:
    names: list[str | bytes] = [
        "n" * 246 + ".png",
        "貝殻の標本.png",
        "مرحبا بالعالم.png",
        "\u202egpj.live.png",
        "🐟🐠🦈.png",
        "नमस्ते.png",
        "Größe à côté.png",
        "e\u0301te\u0301.png",
        "Case.png",
        "case.png",
        "CASE.PNG",
        "new\nline.png",
        "tab\tand\x07bell.png",
        "-rf.png",
        "back\\slash.png",
        "per%00cent%2e%2e%2f.png",
        "hash#and?mark.png",
        "quo'te\"s.png",
        "con.png",
        " spaces .png",
        "dots....png",
        "a..b.png",
        "$(touch x);`id`.png",
        b"latin-\xe9\xff.png",
    ]
    for number, name in enumerate(names):
        yield Strange(name=name, body=encoded(card((96 + 2 * number, 64)), "PNG"))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(samples: np.ndarray[Any, np.dtype[np.uint16]]) -> bytes:
    """16 bits a sample, which Pillow does not write."""
    height, width, _ = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
