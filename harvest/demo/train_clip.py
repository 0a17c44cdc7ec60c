"""Train the demonstration model: `python -m harvest.demo.train_clip --out DIR`. CPU, two cores, about ten minutes.

A small CLIP (Radford et al. 2021, arXiv:2103.00020) learns drawn specimens from scratch. For the first part of the
steps the image tower alone learns to tell kinds, varieties, colours and grounds by linear heads, which few thousand
pictures teach faster than captions do; then both towers learn captions. In a batch many captions are true of many
pictures ("a shell"), so the loss spreads each row's target over all that are true (Yang et al. 2022, arXiv:2204.03610).
What it learned is good for drawn specimens and for nothing else.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import math
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harvest.demo.captions import Subject, caption, truth
from harvest.demo.specimens import KINDS, OFF_TOPIC, TRAINING_SEEDS, draw, draw_off_topic
from harvest.demo.specimens.looks import look

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CONFIG", "main", "train"]

_MEAN, _STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
_SIDE: Final = 64
_DRAWN: Final = 128  # drawn at this size, kept at _KEPT, cropped to _SIDE while training
_KEPT: Final = 76
_WARM_UP: Final = 80
_PEAK: Final = 2e-3
CONFIG: Final[dict[str, Any]] = {
    "model_cfg": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": _SIDE, "layers": [1, 2, 2, 1], "width": 16, "patch_size": None},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 3},
    },
    "preprocess_cfg": {"mean": _MEAN, "std": _STD, "interpolation": "bicubic", "resize_mode": "shortest"},
}
_LOG = logging.getLogger(__name__)


def _example(kind: str, seed: int) -> NDArray[np.uint8]:
    """One training picture (_KEPT, _KEPT, 3): the drawing, half of the time through a JPEG of some quality."""
    image = draw(kind, seed, _DRAWN) if kind in KINDS else draw_off_topic(kind, seed, _DRAWN)
    rng = np.random.default_rng(seed)
    if rng.random() < 0.5:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(rng.integers(35, 95)))
        image = Image.open(file)
    return np.asarray(image.resize((_KEPT, _KEPT), Image.Resampling.BICUBIC))


def _subject(kind: str, seed: int) -> Subject:
    if kind in OFF_TOPIC:
        return Subject(kind=kind)
    settled = look(kind, seed)
    return Subject(kind=kind, variety=settled.variety, colour=settled.tincture.name, ground=settled.ground.name)


def _collection(per_kind: int, per_off_topic: int, processes: int) -> tuple[NDArray[np.uint8], list[Subject]]:
    """Pictures (n, _KEPT, _KEPT, 3) and subjects, all from TRAINING_SEEDS."""
    kinds = [kind for kind in KINDS for _ in range(per_kind)] + [k for k in OFF_TOPIC for _ in range(per_off_topic)]
    seeds = [TRAINING_SEEDS[index] for index in range(len(kinds))]
    with ProcessPoolExecutor(processes) as pool:
        pictures = np.stack(list(pool.map(_example, kinds, seeds, chunksize=64)))
    return pictures, [_subject(kind, seed) for kind, seed in zip(kinds, seeds, strict=True)]


def _augmented(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Random crops, turns, brightness and contrast: (n, 3, _KEPT, _KEPT) in 0..1 to normalised (n, 3, _SIDE, _SIDE)."""
    import torch  # noqa: PLC0415
    from torch.nn import functional  # noqa: PLC0415

    count = len(pictures)
    angle = np.radians(rng.normal(0, 6, count))
    zoom = rng.uniform(0.78, 1.06, count)
    matrix = np.zeros((count, 2, 3), dtype=np.float32)
    matrix[:, 0, 0] = matrix[:, 1, 1] = zoom * np.cos(angle)
    matrix[:, 0, 1], matrix[:, 1, 0] = -zoom * np.sin(angle), zoom * np.sin(angle)
    matrix[:, :, 2] = rng.normal(0, 0.06, (count, 2))
    places = functional.affine_grid(torch.from_numpy(matrix), [count, 3, _SIDE, _SIDE], align_corners=False)
    seen = functional.grid_sample(pictures, places, padding_mode="border", align_corners=False)
    gain = torch.from_numpy(rng.uniform(0.82, 1.18, (count, 1, 1, 1)).astype(np.float32))
    shift = torch.from_numpy(rng.normal(0, 0.04, (count, 1, 1, 1)).astype(np.float32))
    seen = ((seen - 0.5) * gain + 0.5 + shift).clamp(0, 1)
    return (seen - torch.tensor(_MEAN).view(1, 3, 1, 1)) / torch.tensor(_STD).view(1, 3, 1, 1)


def _batches(count: int, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    while True:
        order = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size]


def _labels(subjects: list[Subject]) -> list[tuple[NDArray[np.int64], int]]:
    """For each of kind, variety, colour and ground: the class of every subject, and how many classes there are."""
    labels = []
    for part in ("kind", "variety", "colour", "ground"):
        names = [str(getattr(subject, part)) for subject in subjects]
        classes, numbers = np.unique(names, return_inverse=True)
        labels.append((numbers.astype(np.int64), len(classes)))
    return labels


def _caption_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy both ways, each row's and each column's target shared by all that is true."""
    from torch.nn import functional  # noqa: PLC0415

    by_image = -(functional.log_softmax(logits, 1) * target / target.sum(1, keepdim=True)).sum(1).mean()
    by_text = -(functional.log_softmax(logits, 0) * target / target.sum(0, keepdim=True)).sum(0).mean()
    return (by_image + by_text) / 2


def train(
    pictures: NDArray[np.uint8], subjects: list[Subject], *, steps: int, seeing: int, batch: int, seed: int
) -> dict[str, Tensor]:
    """Train from scratch on `pictures` (n, _KEPT, _KEPT, 3), the first `seeing` of `steps` without captions.

    Returns the weights as a state dict, floating point ones in half precision.
    """
    import open_clip  # noqa: PLC0415 - seconds to import
    import torch  # noqa: PLC0415
    from torch.nn import functional  # noqa: PLC0415

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    settings = json.loads(json.dumps(CONFIG["model_cfg"]))
    model = open_clip.CLIP(**settings).to(memory_format=torch.channels_last).train()
    tokenizer = open_clip.SimpleTokenizer(context_length=settings["text_cfg"]["context_length"])
    labels = _labels(subjects)
    heads = torch.nn.ModuleList(torch.nn.Linear(settings["embed_dim"], classes) for _, classes in labels)
    learned = [*model.parameters(), *heads.parameters()]
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": 0.05},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=_PEAK, betas=(0.9, 0.98))
    for step, chosen in zip(range(steps), _batches(len(pictures), batch, rng), strict=False):
        raw = torch.from_numpy(pictures[chosen]).permute(0, 3, 1, 2).float() / 255
        seen = _augmented(raw, rng).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            features = model.encode_image(seen).float()
        told = [
            functional.cross_entropy(head(features), torch.from_numpy(numbers[chosen]))
            for head, (numbers, _) in zip(heads, labels, strict=True)
        ]
        loss = told[0] + 0.3 * sum(told[1:])
        if step >= seeing:
            shown = [subjects[int(index)] for index in chosen]
            said = [caption(subject, rng) for subject in shown]
            target = torch.from_numpy(truth(shown, said).astype(np.float32))
            texts = model.encode_text(tokenizer([claim.text for claim in said]), normalize=True)
            logits = model.logit_scale.exp() * functional.normalize(features, dim=-1) @ texts.T
            loss = 0.3 * loss + _caption_loss(logits, target)
        for group in optimizer.param_groups:
            group["lr"] = _PEAK * min(1.0, (step + 1) / _WARM_UP) * (0.51 + 0.49 * math.cos(math.pi * step / steps))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learned, 2.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(50))
        if step % 50 == 0:
            _LOG.info("step %d of %d: loss %.3f, of kinds %.3f", step, steps, float(loss.detach()), told[0].item())
    return {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}


def main(arguments: list[str] | None = None) -> None:
    """Command line: train and write open_clip's local-dir form."""
    parser = argparse.ArgumentParser(prog="python -m harvest.demo.train_clip", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the config and the weights")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--per-kind", type=int, default=600, help="drawings of each kind")
    parser.add_argument("--per-off-topic", type=int, default=180, help="pictures of each off-topic kind")
    parser.add_argument("--seed", type=int, default=1859)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    pictures, subjects = _collection(chosen.per_kind, chosen.per_off_topic, chosen.processes)
    _LOG.info("%d pictures drawn", len(pictures))
    weights = train(
        pictures, subjects, steps=chosen.steps, seeing=chosen.steps // 2, batch=chosen.batch, seed=chosen.seed
    )
    from safetensors.torch import save_file  # noqa: PLC0415

    chosen.out.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in weights.items()}, chosen.out / "open_clip_model.safetensors")
    (chosen.out / "open_clip_config.json").write_text(json.dumps(CONFIG, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
