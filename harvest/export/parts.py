"""What formats have in common: the parts of a split one after the other, classes by number, shards of some size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harvest.config.reader import setting
from harvest.errors import UsageError
from harvest.export.base import SPLITS, Entry, ExportSettings

__all__ = ["ShardSettings", "by_split", "class_names", "shards"]

_MIB = 1 << 20
WHOLE = "train"  # what loaders call a dataset that has no parts


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSettings(ExportSettings):
    """`shard_mb` MiB of images go into a file at most, and no more than `shard_images` of them."""

    shard_mb: int = setting(500, gt=0)
    shard_images: int = setting(10_000, gt=0)


def by_split(entries: Sequence[Entry], export: str) -> Iterator[tuple[str, list[Entry]]]:
    """The parts that there are, in the order train, validation, test, each with its entries in their order.

    Entries without any split are all of `train`. Raises UsageError where some are in a part and some are in none.
    """
    lacking = sum(entry.split is None for entry in entries)
    if 0 < lacking < len(entries):
        raise UsageError(
            f"export {export}: {lacking} of {len(entries)} images are in no part of the split; run `harvest split` "
            "again"
            "again"
        )
    for name in SPLITS:
        found = [entry for entry in entries if (entry.split or WHOLE) == name]
        if found:
            yield name, found


def class_names(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The classes, in order: of each image the first of its labels. A class is numbered by its place here, from 0."""
    return tuple(sorted({entry.labels[0] for entry in entries if entry.labels}))


def shards(entries: Sequence[Entry], settings: ShardSettings) -> Iterator[list[Entry]]:
    """The entries in their order, as many at a time as go into one file; one that is too large goes alone."""
    held: list[Entry] = []
    size = 0
    for entry in entries:
        length = entry.source.stat().st_size if entry.source.exists() else 0
        if held and (len(held) >= settings.shard_images or size + length > settings.shard_mb * _MIB):
            yield held
            held, size = [], 0
        held.append(entry)
        size += length
    if held:
        yield held
