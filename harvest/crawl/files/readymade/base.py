"""What every reader of a ready-made dataset is told, and the items that it makes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harvest.crawl.files.disk import Addresses, shown
from harvest.errors import ConfigError
from harvest.items import Carrier, ImageItem

__all__ = ["IMAGE_SUFFIXES", "SPLITS", "Dataset", "Reader", "split_of"]

IMAGE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".webp",
    ".gif",
    ".tif",
    ".tiff",
    ".avif",
    ".bmp",
    ".jp2",
    ".ppm",
    ".pgm",
    ".heic",
    ".jxl",
)
SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test", "t10k": "test"} | dict.fromkeys(
    ("validation", "valid", "val", "dev"), "validation"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset on disk and what a config says of it.

    `splits` are those that are wanted, none for all. `classes` names the labels that are numbers, in their order.
    `columns` maps fields of an item to columns of tables. `announce` takes the number of images where it is known,
    `problem` a file that cannot be read and why; `error` makes the error for an option that does not fit.
    """

    path: Path
    addresses: Addresses
    announce: Callable[[int], None]
    problem: Callable[[Path, str], None]
    error: Callable[[str, str], ConfigError]
    splits: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    columns: Mapping[str, str]
    annotations: tuple[Path, ...] = ()
    images: Path | None = None
    image_name: str = ""

    def wants(self, split: str | None) -> bool:
        """Whether images of this split are wanted."""
        return not self.splits or split in self.splits

    def label(self, number: int, names: tuple[str, ...] = ()) -> str:
        """The name of a numbered class: as the config says, else as the dataset does, else the number."""
        names = self.classes or names
        return names[number] if 0 <= number < len(names) else str(number)

    def item(self, path: Path, source_id: str, **fields: Any) -> ImageItem:
        """An image that is a file of its own."""
        carrier = Carrier(kind="file", args=self.addresses.args(path))
        return ImageItem(source_id=source_id, image_url=self.addresses.url(path), carrier=carrier, **fields)

    def part(self, kind: str, path: Path, fragment: str, source_id: str, *, args: Any, **fields: Any) -> ImageItem:
        """An image inside a file; the carrier `kind` brings it by `args`."""
        carrier = Carrier(kind=kind, args={**args})
        url = self.addresses.url(path, fragment)
        return ImageItem(source_id=source_id, image_url=url, carrier=carrier, **fields)

    def files(self, *patterns: str) -> list[Path]:
        """The files in the dataset's folder that match, sorted; or the one file that the dataset is."""
        if self.path.is_file():
            return [self.path] if any(self.path.match(pattern) for pattern in patterns) else []
        return sorted({found for pattern in patterns for found in self.path.glob(pattern) if found.is_file()})

    def name(self, path: Path) -> str:
        """A file's path from the dataset's folder on."""
        return shown(path.relative_to(self.path)) if path.is_relative_to(self.path) else shown(Path(path.name))


Reader = Callable[[Dataset], Iterator[ImageItem]]
"""Lists a dataset's images in a fixed order. Raises ConfigError where the files are not what the format asks for."""


def split_of(name: str) -> str | None:
    """The split that a file's or folder's name begins with or is: `train`, `test`, `validation`; None for others.

    >>> split_of("train-00000-of-00002.parquet"), split_of("val2017"), split_of("cats")
    ('train', 'validation', None)
    """
    head = os.path.splitext(name)[0].lower()  # noqa: PTH122 - a name, not a path
    for word in sorted(SPLITS, key=len, reverse=True):
        if head.startswith(word) and not head[len(word) : len(word) + 1].isalpha():
            return SPLITS[word]
    return None
