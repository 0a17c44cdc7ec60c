"""A zip as StyleGAN2-ADA and StyleGAN3 train on: https://github.com/NVlabs/stylegan3 (dataset_tool.py).

Square pictures of one size, a power of two, all RGB or all grey, uncompressed, beside a `dataset.json` with the number
of each picture's class.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PIL import Image, ImageOps

from harvest.config.reader import Section, setting
from harvest.config.recipe import Recipe
from harvest.export.archives import StoredZip
from harvest.export.base import Entry, ExportedFile, ExportFormat, ExportSettings, RecipeFacts, Rule, TrainingSize
from harvest.export.members import member_path
from harvest.export.pictures import pixel_size, png, seen
from harvest.export.trainers.commands import Checkout, Command, Inside, Word, shown, written
from harvest.processes import in_threads

__all__ = ["STYLEGAN", "StyleganSettings"]

_AHEAD = 8
_CLASSES = "classes.json"
_HOW = (
    (
        "Run in this folder. `STYLEGAN3` names a checkout of https://github.com/NVlabs/stylegan3. What is trained goes "
        "beside the exports, because the next export puts a new folder in place of this one."
    ),
    "`gamma` grows with the square of the resolution; try a quarter and four times of it as well (docs/configs.md).",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleganSettings(ExportSettings):
    """`resolution` is the side of every picture in pixels, a power of two; that of `size` unless said otherwise.

    `shape` is what becomes of files that are not such squares: `exact` refuses them, `crop` cuts out the middle, `fit`
    pads with `background`. Smaller ones are refused unless `enlarge` says to enlarge them. `colour` is `rgb` or `grey`.
    """

    resolution: int | None = setting(None, ge=4, le=4096)
    shape: str = setting("exact", choices=("exact", "crop", "fit"))
    enlarge: bool = False
    background: str = setting("#ffffff", pattern=r"^#[0-9a-fA-F]{6}$", expected="a colour like '#ffffff'")
    colour: str = setting("rgb", choices=("rgb", "grey"))

    @property
    def side(self) -> int:
        """The side in pixels."""
        return self.resolution or self.size or 0


def _complete(recipe: Recipe, section: Section, settings: StyleganSettings) -> StyleganSettings:  # noqa: ARG001
    side, key = settings.side, "resolution" if settings.resolution else "size"
    if not side:
        raise section.error("resolution", "missing; expected the side of the pictures in pixels, a power of two")
    if side & (side - 1):
        raise section.error(key, f"expected a power of two like {1 << side.bit_length() - 1}, got {side}")
    return replace(settings, resolution=side)


def _rules(entries: Sequence[Entry], settings: StyleganSettings) -> Iterator[Rule]:
    side = settings.side
    sizes = [pixel_size(entry) for entry in entries]
    if settings.shape == "exact":
        odd = [size for size in sizes if size != (side, side)]
        if odd:
            example = "x".join(map(str, odd[0]))
            yield Rule(
                message=f"{len(odd):,} of {len(entries):,} files are not {side}x{side}, one is {example}; say `shape: "
                f"crop` or `shape: fit` under `export:`, or export a size of `{{px: {side}, mode: crop}}`",
                images=len(odd),
            )
    elif not settings.enlarge:
        small = [size for size in sizes if min(size) < side]
        if small:
            yield Rule(
                message=f"{len(small):,} files are smaller than {side} px, one is {'x'.join(map(str, small[0]))}; "
                f"train smaller, filter by `size: {{min_side: {side}}}`, or say `enlarge: true`",
                images=len(small),
            )
    unlabelled = sum(not entry.labels for entry in entries)
    if settings.labels != "none" and 0 < unlabelled < len(entries):
        yield Rule(
            message=f"{unlabelled:,} of {len(entries):,} images have no label, and labels are for all or for none: "
            "none is written; filter by label, or say `labels: none`",
            images=unlabelled,
            binds=False,
        )


def _write(folder: Path, entries: Sequence[Entry], settings: StyleganSettings) -> Iterator[ExportedFile]:
    classes = _classes(entries, settings)
    labels: list[list[str | int]] = []
    archive = f"{settings.folder}.zip"
    with StoredZip(folder / archive) as target:
        bodies = in_threads(partial(_body, settings), entries, ahead=_AHEAD)
        for index, (entry, body) in enumerate(zip(entries, bodies, strict=True)):
            name = f"{index:08d}"
            member = f"{name[:5]}/img{name}.png"
            target.add(member, body)
            if classes:
                labels.append([member, classes[entry.labels[0]]])
            yield ExportedFile(path=member_path(archive, member), sha256=hashlib.sha256(body).hexdigest(), entry=entry)
        target.add("dataset.json", json.dumps({"labels": labels or None}).encode())
    if classes:
        named = json.dumps(list(classes), ensure_ascii=False, indent=2)
        (folder / _CLASSES).write_text(f"{named}\n", encoding="utf-8")
    page = written("How to train", _HOW, _commands(folder, settings))
    (folder / "TRAIN.md").write_text(page, encoding="utf-8")


def _classes(entries: Sequence[Entry], settings: StyleganSettings) -> dict[str, int]:
    """Each first label and its number, in order of their names; none unless every image has one."""
    if settings.labels == "none" or not all(entry.labels for entry in entries):
        return {}
    return {label: number for number, label in enumerate(sorted({entry.labels[0] for entry in entries}))}


def _body(settings: StyleganSettings, entry: Entry) -> bytes:
    image, side = seen(entry), settings.side
    if image.size != (side, side):
        image = _squared(image, settings)
    # Uncompressed, because it is decoded anew in every epoch.
    return png(image.convert("L") if settings.colour == "grey" else image, compress_level=0)


def _squared(image: Image.Image, settings: StyleganSettings) -> Image.Image:
    square = (settings.side, settings.side)
    if settings.shape == "crop":
        return ImageOps.fit(image, square, Image.Resampling.LANCZOS)
    return ImageOps.pad(image, square, Image.Resampling.LANCZOS, color=settings.background)


def _commands(folder: Path, settings: StyleganSettings) -> list[tuple[str, Command]]:
    side = settings.side
    options: tuple[tuple[str, Word | bool], ...] = (
        ("outdir", Inside(f"../../trained/{settings.folder}")),
        ("cfg", "stylegan3-t"),
        ("data", Inside(f"{settings.folder}.zip")),
        ("cond", (folder / _CLASSES).exists()),
        ("gpus", 1),
        ("batch", 32),
        ("batch-gpu", max(1, min(16, 4096 // side))),
        ("gamma", 2 * (side / 256) ** 2),
        ("snap", 10),
    )
    return [("StyleGAN3", Command(("python", Checkout("STYLEGAN3", "train.py")), options))]


def _instructions(folder: Path, settings: StyleganSettings, recipe: RecipeFacts) -> list[str]:  # noqa: ARG001
    return shown(_commands(folder, settings), folder)


STYLEGAN = ExportFormat(
    name="stylegan",
    version=1,
    only_training=True,
    write=_write,
    settings=StyleganSettings,
    instructions=_instructions,
    complete=_complete,
    rules=_rules,
    training_size=lambda settings: TrainingSize(px=settings.side),
)
