"""Folders and `dataset.toml` as sd-scripts trains on: https://github.com/kohya-ss/sd-scripts (docs/config_README-en.md)

`train/<repeats>_<concept>/` holds pictures with a text file each, `reg/1_<class>/` those of the regularisation set.
With the TOML the folders' names say nothing; without it, `--train_data_dir train` reads repeats and class from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from harvest.config.reader import Section, setting
from harvest.config.recipe import Recipe
from harvest.export.base import Entry, ExportedFile, ExportFormat, RecipeFacts, Rule, TrainingSize
from harvest.export.pictures import picture_of, pixel_size
from harvest.export.trainers.buckets import Bucket, Buckets, BucketSettings, Fitted, sort_into_buckets
from harvest.export.trainers.comfyui import write_workflow
from harvest.export.trainers.commands import Checkout, Command, Inside, shown, written
from harvest.export.trainers.lora import LoraSettings, caption_line, complete_lora, file_name, keep_tokens
from harvest.export.trainers.toml import Value, table
from harvest.processes import in_threads

__all__ = ["KOHYA", "KohyaSettings"]

_AHEAD = 8
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_SCRIPTS = {"sd15": "train_network.py", "sdxl": "sdxl_train_network.py"}
_GRID = {"sd15": 64, "sdxl": 32}  # what sd-scripts asks bucket steps to be a multiple of
_HOW = (
    (
        "Run in this folder: `dataset.toml` names its folders from here. `SD_SCRIPTS` names a checkout of "
        "https://github.com/kohya-ss/sd-scripts with its requirements installed. What is trained goes beside the "
        "exports, because the next export puts a new folder in place of this one; for the same reason latents are kept "
        "in memory (`--cache_latents`) and not on the disk."
    ),
    "Put the trained file into ComfyUI's folder `models/loras`, then drop `comfyui-workflow.json` onto its page.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KohyaSettings(LoraSettings):
    """`repeats` is how often an epoch shows each picture. With `shuffle_captions` the words between commas change
    places each time, all but the trigger.
    """

    buckets: BucketSettings = field(default_factory=BucketSettings)
    shuffle_captions: bool = False
    caption_dropout: float = setting(0.0, ge=0, le=1)


def _complete(recipe: Recipe, section: Section, settings: KohyaSettings) -> KohyaSettings:
    done = complete_lora(recipe, section, settings)
    buckets = _buckets(done)
    if done.buckets.enabled:
        if done.buckets.step % _GRID[done.base]:
            raise section.error(
                "buckets.step", f"expected a multiple of {_GRID[done.base]} for {done.base}, got {done.buckets.step}"
            )
        if not buckets.least <= done.px <= buckets.largest:
            raise section.error(
                "buckets", f"expected min <= resolution <= max, got {buckets.least}, {done.px} and {buckets.largest}"
            )
    return done


def _rules(entries: Sequence[Entry], settings: KohyaSettings) -> Iterator[Rule]:
    buckets, held = _buckets(settings), 0
    for entry in entries:
        try:
            buckets.fit(*pixel_size(entry))
        except ValueError:
            held += 1
    if held:
        step = settings.buckets.step
        yield Rule(
            message=f"{held:,} pictures are less than {step} px high or wide, which no bucket holds; filter by `size: "
            f"{{min_side: {step}}}`, or say `buckets: {{upscale: true}}`",
            images=held,
        )


def _write(folder: Path, entries: Sequence[Entry], settings: KohyaSettings) -> Iterator[ExportedFile]:
    buckets = _buckets(settings)
    fitted: dict[bool, list[Fitted]] = {False: [], True: []}
    for is_reg in (False, True):
        if any(entry.regularises is is_reg for entry in entries):
            (folder / _place(settings, is_reg)).mkdir(parents=True)
    pictures = in_threads(partial(picture_of, suffixes=_SUFFIXES), entries, ahead=_AHEAD)
    for entry, picture in zip(entries, pictures, strict=True):
        path = f"{_place(settings, entry.regularises)}/{entry.stem}{picture.suffix}"
        (folder / path).write_bytes(picture.body)
        caption = caption_line(entry, settings)
        (folder / path).with_suffix(".txt").write_text(f"{caption}\n", encoding="utf-8")
        fitted[entry.regularises].append(buckets.fit(*picture.size))
        yield ExportedFile(path=path, sha256=hashlib.sha256(picture.body).hexdigest(), entry=entry)
    (folder / "dataset.toml").write_text(_toml(entries, settings), encoding="utf-8")
    (folder / "BUCKETS.md").write_text(_report(fitted, settings), encoding="utf-8")
    (folder / "TRAIN.md").write_text(written("How to train", _HOW, _commands(settings)), encoding="utf-8")
    write_workflow(folder, settings, f"{settings.output}.safetensors")


def _buckets(settings: KohyaSettings) -> Buckets:
    return Buckets(resolution=settings.px, settings=settings.buckets)


def _place(settings: KohyaSettings, is_reg: bool) -> str:
    if is_reg:
        return f"reg/1_{file_name(settings.class_caption)}"
    return f"train/{settings.repeats}_{file_name(settings.class_tokens)}"


def _toml(entries: Sequence[Entry], settings: KohyaSettings) -> str:
    buckets = _buckets(settings)
    general: dict[str, Value] = {
        "caption_extension": ".txt",
        "shuffle_caption": settings.shuffle_captions,
        "keep_tokens": keep_tokens(entries, settings),
    }
    if settings.caption_dropout:
        general["caption_dropout_rate"] = settings.caption_dropout
    dataset: dict[str, Value] = {
        "resolution": settings.px,
        "batch_size": settings.train.batch,
        "enable_bucket": settings.buckets.enabled,
    }
    if settings.buckets.enabled:
        dataset |= {
            "min_bucket_reso": buckets.least,
            "max_bucket_reso": buckets.largest,
            "bucket_reso_steps": settings.buckets.step,
            "bucket_no_upscale": not settings.buckets.upscale,
        }
    tables = [
        "# Paths are relative to this folder: run sd-scripts in it, as TRAIN.md does.\n",
        table("[general]", general),
        table("[[datasets]]", dataset),
        table("[[datasets.subsets]]", _subset(settings, is_reg=False), indent="  "),
    ]
    if any(entry.regularises for entry in entries):
        tables.append(table("[[datasets.subsets]]", _subset(settings, is_reg=True), indent="  "))
    return "\n".join(tables)


def _subset(settings: KohyaSettings, *, is_reg: bool) -> dict[str, Value]:
    values: dict[str, Value] = {
        "image_dir": _place(settings, is_reg),
        "class_tokens": settings.class_caption if is_reg else settings.class_tokens,
        "num_repeats": 1 if is_reg else settings.repeats,
    }
    return {**values, "is_reg": True, "keep_tokens": 0} if is_reg else values


def _report(fitted: dict[bool, list[Fitted]], settings: KohyaSettings) -> str:
    buckets = _buckets(settings)
    terms = settings.buckets
    if not terms.enabled:
        said = f"No buckets: every picture is cropped to {settings.px}x{settings.px}."
    elif terms.upscale:
        said = (
            f"At {settings.px} px, with sides from {buckets.least} to {buckets.largest} px in steps of {terms.step}, "
            f"there are {len(buckets.shapes)} shapes. A picture goes to the one that is nearest to its own, is resized "
            "to cover it, and what sticks out is cropped."
        )
    else:
        said = (
            f"Pictures of more than {settings.px}x{settings.px} pixels are resized to that area, none is enlarged; "
            f"sides are cropped to steps of {terms.step} px."
        )
    lines = ["# Buckets", "", said]
    for is_reg, heading in ((False, "Training set"), (True, "Regularisation set")):
        if fitted[is_reg]:
            lines += ["", f"## {heading}", "", *_bucket_table(sort_into_buckets(fitted[is_reg]))]
    return "\n".join(lines) + "\n"


def _bucket_table(buckets: Iterable[Bucket]) -> Iterator[str]:
    yield "| Width x height | Images | Enlarged | Cropped off, mean |"
    yield "|---|---:|---:|---:|"
    for bucket in buckets:
        shape = f"{bucket.shape[0]}x{bucket.shape[1]}"
        yield f"| {shape} | {bucket.images:,} | {bucket.enlarged:,} | {100 * bucket.cropped:.1f} % |"


def _commands(settings: KohyaSettings) -> list[tuple[str, Command]]:
    train = settings.train
    command = Command(
        (
            "accelerate",
            "launch",
            "--num_cpu_threads_per_process",
            1,
            Checkout("SD_SCRIPTS", _SCRIPTS[settings.base]),
        ),
        (
            ("pretrained_model_name_or_path", settings.model or ""),
            ("dataset_config", Inside("dataset.toml")),
            ("output_dir", Inside(f"../../trained/{settings.folder}")),
            ("output_name", settings.output or ""),
            ("save_model_as", "safetensors"),
            ("network_module", "networks.lora"),
            ("network_dim", train.rank),
            ("network_alpha", train.alpha or train.rank / 2),
            ("learning_rate", train.learning_rate),
            ("max_train_epochs", train.epochs),
            ("save_every_n_epochs", 1),
            ("prior_loss_weight", 1.0) if settings.regularisation else ("prior_loss_weight", False),
            ("optimizer_type", "AdamW8bit"),
            ("mixed_precision", "bf16"),
            ("gradient_checkpointing", True),
            ("cache_latents", True),
            ("sdpa", True),
            ("seed", train.seed),
        ),
    )
    return [(f"sd-scripts, {settings.base}", command)]


def _instructions(folder: Path, settings: KohyaSettings, recipe: RecipeFacts) -> list[str]:  # noqa: ARG001
    return shown(_commands(settings), folder)


KOHYA = ExportFormat(
    name="kohya",
    version=1,
    only_training=True,
    write=_write,
    settings=KohyaSettings,
    instructions=_instructions,
    complete=_complete,
    rules=_rules,
    training_size=lambda settings: TrainingSize(px=settings.px, by_area=settings.buckets.enabled),
)
