"""Folders as the LoRA examples of diffusers train on: https://github.com/huggingface/diffusers (examples/).

`train/` is a Hugging Face imagefolder whose `text` is the caption; `train/images/` alone is what DreamBooth reads as
`--instance_data_dir`, and `class/` what it reads as `--class_data_dir`: there nothing but pictures may lie.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harvest.export.base import Entry, ExportedFile, ExportFormat, RecipeFacts, TrainingSize
from harvest.export.pictures import picture_of
from harvest.export.trainers.comfyui import write_workflow
from harvest.export.trainers.commands import Checkout, Command, Inside, Word, shown, written
from harvest.export.trainers.lora import LoraSettings, caption_line, complete_lora
from harvest.processes import in_threads

__all__ = ["DIFFUSERS", "DiffusersSettings"]

_AHEAD = 8
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_IMAGES, _CLASS = "train/images", "class"
_TRAINED = "pytorch_lora_weights.safetensors"
_HOW = (
    (
        "Run in this folder. `DIFFUSERS` names a checkout of https://github.com/huggingface/diffusers of the version "
        "that is installed. What is trained goes beside the exports, because the next export puts a new folder in "
        "place of this one."
    ),
)
_CONVERT = (
    "from safetensors.torch import load_file, save_file; "
    "from diffusers.utils import convert_all_state_dict_to_peft, convert_state_dict_to_kohya; import sys; "
    "save_file(convert_state_dict_to_kohya(convert_all_state_dict_to_peft(load_file(sys.argv[1]))), sys.argv[2])"
)
_TEXT_TO_IMAGE = {"sd15": "train_text_to_image_lora.py", "sdxl": "train_text_to_image_lora_sdxl.py"}
_DREAMBOOTH = {"sd15": "train_dreambooth_lora.py", "sdxl": "train_dreambooth_lora_sdxl.py"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffusersSettings(LoraSettings):
    """`repeats` counts in DreamBooth's epochs alone."""


def _write(folder: Path, entries: Sequence[Entry], settings: DiffusersSettings) -> Iterator[ExportedFile]:
    (folder / _IMAGES).mkdir(parents=True)
    if settings.regularisation:
        (folder / _CLASS).mkdir()
    pictures = in_threads(partial(picture_of, suffixes=_SUFFIXES), entries, ahead=_AHEAD)
    with (folder / "train" / "metadata.jsonl").open("w", encoding="utf-8") as index:
        for entry, picture in zip(entries, pictures, strict=True):
            path = f"{_CLASS if entry.regularises else _IMAGES}/{entry.stem}{picture.suffix}"
            (folder / path).write_bytes(picture.body)
            if not entry.regularises:
                line = {"file_name": path.removeprefix("train/"), "text": caption_line(entry, settings)}
                index.write(json.dumps(line, ensure_ascii=False) + "\n")
            yield ExportedFile(path=path, sha256=hashlib.sha256(picture.body).hexdigest(), entry=entry)
    count = sum(entry.regularises for entry in entries)
    page = written("How to train", _HOW, _commands(settings, len(entries) - count, count))
    (folder / "TRAIN.md").write_text(page, encoding="utf-8")
    write_workflow(folder, settings, f"{settings.output}.safetensors")


def _commands(settings: DiffusersSettings, images: int, in_class: int) -> list[tuple[str, Command]]:
    """Train on captions, or on one prompt with the class beside it; then bring the result into ComfyUI's form."""
    base, train = settings.base, settings.train
    steps = max(1, -(-images * train.epochs * settings.repeats // train.batch))
    home = f"../../trained/{settings.folder}"
    common: tuple[tuple[str, Word | bool], ...] = (
        ("resolution", settings.px),
        ("train_batch_size", train.batch),
        ("max_train_steps", steps),
        ("learning_rate", train.learning_rate),
        ("rank", train.rank),
        ("mixed_precision", "bf16"),
        ("gradient_checkpointing", True),
        ("seed", train.seed),
    )
    by_caption = Command(
        ("accelerate", "launch", Checkout("DIFFUSERS", f"examples/text_to_image/{_TEXT_TO_IMAGE[base]}")),
        (
            ("pretrained_model_name_or_path", settings.model or ""),
            ("train_data_dir", Inside("train")),
            ("image_column", "image"),
            ("caption_column", "text"),
            ("output_dir", Inside(f"{home}/captions")),
            *common,
        ),
    )
    by_prompt = Command(
        ("accelerate", "launch", Checkout("DIFFUSERS", f"examples/dreambooth/{_DREAMBOOTH[base]}")),
        (
            ("pretrained_model_name_or_path", settings.model or ""),
            ("instance_data_dir", Inside(_IMAGES)),
            ("instance_prompt", settings.class_tokens),
            *_class_options(settings, in_class),
            ("output_dir", Inside(f"{home}/prompt")),
            *common,
        ),
    )
    convert = Command(
        (
            "python",
            "-c",
            _CONVERT,
            Inside(f"{home}/captions/{_TRAINED}"),
            Inside(f"{home}/{settings.output}.safetensors"),
        ),
        (),
    )
    return [
        ("Train on captions", by_caption),
        ("Or train by DreamBooth, on one prompt" + (" with the class beside it" if in_class else ""), by_prompt),
        ("Then bring the result into the form that ComfyUI reads, for its folder models/loras", convert),
    ]


def _class_options(settings: DiffusersSettings, in_class: int) -> tuple[tuple[str, Word | bool], ...]:
    if not in_class:
        return ()
    return (
        ("with_prior_preservation", True),
        ("prior_loss_weight", 1.0),
        ("class_data_dir", Inside(_CLASS)),
        ("class_prompt", settings.class_caption),
        ("num_class_images", in_class),
    )


def _instructions(folder: Path, settings: DiffusersSettings, recipe: RecipeFacts) -> list[str]:  # noqa: ARG001
    held = [sum(path.is_file() for path in (folder / name).glob("*")) for name in (_IMAGES, _CLASS)]
    return shown(_commands(settings, *held), folder)


DIFFUSERS = ExportFormat(
    name="diffusers",
    version=1,
    only_training=True,
    write=_write,
    settings=DiffusersSettings,
    instructions=_instructions,
    complete=complete_lora,
    training_size=lambda settings: TrainingSize(px=settings.px),
)
