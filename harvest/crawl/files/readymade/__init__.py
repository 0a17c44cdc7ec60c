"""Datasets that somebody made: by format, how their images are listed with labels and origin.

A new format is a file with a function of type Reader, and a line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harvest.crawl.files.readymade import cifar, coco, flowers, idx, imagefolder, parquet, vqa
from harvest.crawl.files.readymade.base import IMAGE_SUFFIXES, Dataset, Reader

__all__ = ["FORMATS", "Dataset", "detect"]

FORMATS: Mapping[str, Reader] = {
    "imagefolder": imagefolder.read,
    "parquet": parquet.read,
    "idx": idx.read,
    "cifar": cifar.read,
    "coco": coco.read,
    "vqa": vqa.read,
    "flowers": flowers.read,
}
# The surest sign of each format, in the order of how sure it is.
_SIGNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("flowers", ("imagelabels.mat",)),
    ("idx", ("*images*idx[34]*",)),
    ("cifar", ("batches.meta*", "*/batches.meta*", "data_batch_1*", "fine_label_names.txt", "meta")),
    ("vqa", ("*questions.json", "annotations/*questions.json", "questions/*.json")),
    ("coco", ("instances_*.json", "captions_*.json", "annotations/*.json", "_annotations.coco.json")),
    ("imagefolder", ("metadata.*", "*/metadata.*")),
    ("parquet", ("*.parquet", "*/*.parquet")),
)


def detect(path: Path) -> str | None:
    """The format of a dataset's folder by the names of its files, None where nothing is known."""
    if path.is_file():
        return next((name for name, patterns in _SIGNS if any(path.match(pattern) for pattern in patterns)), None)
    for name, patterns in _SIGNS:
        if any(next(path.glob(pattern), None) for pattern in patterns):
            return name
    has_images = any(file.suffix.lower() in IMAGE_SUFFIXES for file in path.rglob("*"))
    return "imagefolder" if has_images else None
