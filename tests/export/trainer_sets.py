"""Sets for exports to trainers: odd files, odd words, and decisions of several stages."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

from harvest.config.recipe import load_recipe
from harvest.export import ExportReport, run_exports
from harvest.ledger import DecisionRow, images, open_ledger, write_decisions
from harvest.progress import SilentProgress

#: What people call their pictures.
ODD_WORDS = (
    'A "quoted" shell, it\'s \\ fine',
    "Two\nlines\r\nand\ta tab",
    "🐚 emoji 👨‍👩‍👧 shell",
    "قوقعة بحرية \u202e(rtl)",
    "x" * 3000,
    "{a|b} wildcard # and [brackets] = 'toml'",
)
DIGESTS = {"dedupe": "d" * 64, "filter.licence": "a" * 64, "filter.clip": "c" * 64}


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    """An image as bytes of a format."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def gradient(width: int, height: int, seed: int = 0, mode: str = "RGB") -> Image.Image:
    """A picture whose corners differ, so that one sees how it was turned and cropped."""
    image = Image.new("RGB", (width, height))
    image.putdata(
        [
            (x * 255 // width, y * 255 // height, (seed * 37 + (x // 7 + y // 5) % 2 * 60) % 256)
            for y in range(height)
            for x in range(width)
        ]
    )
    return image.convert(mode)


@lru_cache(maxsize=1)
def odd_files() -> dict[str, bytes]:
    """Pictures that look otherwise than a trainer's `convert("RGB")` would read them, and formats it does not know."""
    turned = Image.Exif()
    turned[0x0112] = 6
    transparent = gradient(90, 60, 3).convert("RGBA")
    transparent.putalpha(Image.linear_gradient("L").resize((90, 60)))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "turned": encoded(gradient(90, 60, 1), "JPEG", quality=95, exif=turned),
        "transparent": encoded(transparent, "PNG"),
        "grey": encoded(gradient(80, 70, 4, "L"), "PNG"),
        "cmyk": encoded(gradient(70, 80, 5).convert("CMYK"), "JPEG", quality=95),
        "gif": encoded(gradient(64, 64, 6), "GIF"),
        "tiff": encoded(gradient(60, 90, 7), "TIFF"),
        "webp": encoded(gradient(66, 66, 8), "WEBP", lossless=True),
        "profiled": encoded(gradient(72, 72, 9), "JPEG", quality=95, icc_profile=lab),
        "deep": encoded(Image.linear_gradient("L").resize((64, 80)).convert("I;16"), "PNG"),
    }


def decide(dataset: Any, dropped: Mapping[str, Collection[str]] | None = None) -> None:
    """Every stage of DIGESTS keeps every image but those that are named as dropped by it."""
    with open_ledger(dataset.workspace, write=True) as con:
        rows = [
            DecisionRow(
                sha256=image.sha256,
                stage=stage,
                recipe_digest=digest,
                verdict="drop" if image.sha256 in (dropped or {}).get(stage, ()) else "keep",
                reason="test",
                decided_by="test",
            )
            for image in images(con)
            for stage, digest in DIGESTS.items()
        ]
        write_decisions(con, rows)


def export(dataset: Any, recipe: str, **more: Any) -> list[ExportReport]:
    """Write the exports of a recipe that stands in the dataset's folder."""
    file = dataset.workspace.root.parent / "trainers.yaml"
    file.write_text(f"name: shells\n{recipe}", encoding="utf-8")
    return run_exports(dataset.workspace, load_recipe(file), DIGESTS, **{"progress": SilentProgress(), **more})


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def digest(body: bytes) -> str:
    """Hex sha256."""
    return hashlib.sha256(body).hexdigest()
