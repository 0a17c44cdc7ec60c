"""WebDataset: tar files of samples, read one after the other. https://github.com/webdataset/webdataset

The files of a sample have one name up to its first dot and lie next to each other.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harvest.export.base import Entry, ExportedFile, ExportFormat, ExportSettings, RecipeFacts
from harvest.export.members import member_path
from harvest.export.parts import ShardSettings, by_split, class_names, shards
from harvest.export.publish import digest_of_file, read_checked

__all__ = ["INDEX", "WEBDATASET"]

INDEX = "index.json"


def _write(folder: Path, entries: Sequence[Entry], settings: ExportSettings) -> Iterator[ExportedFile]:
    assert isinstance(settings, ShardSettings)
    classes = class_names(entries)
    index: list[dict[str, Any]] = []
    for split, members in by_split(entries, settings.folder):
        for number, part in enumerate(shards(members, settings)):
            path = f"{split}-{number:06d}.tar"
            with tarfile.open(folder / path, "w", format=tarfile.USTAR_FORMAT) as tar:
                for entry in part:
                    yield from _sample(tar, path, entry, classes)
            index.append(_shard(folder, path, split, len(part)))
    # https://github.com/webdataset/webdataset/blob/main/docs/wids.md
    told = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": settings.folder, "shardlist": index}
    (folder / INDEX).write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if classes:
        (folder / "classes.json").write_text(json.dumps(classes, ensure_ascii=False) + "\n", encoding="utf-8")


def _sample(tar: tarfile.TarFile, path: str, entry: Entry, classes: Sequence[str]) -> Iterator[ExportedFile]:
    """The picture, then what is known of it; the class is a number, its place in classes.json."""
    name = f"{entry.stem}{entry.source.suffix}"
    _add(tar, name, read_checked(entry.source, entry.digest))
    record = json.dumps(entry.record(), ensure_ascii=False, sort_keys=True)
    _add(tar, f"{entry.stem}.json", record.encode())
    if entry.caption is not None:
        _add(tar, f"{entry.stem}.txt", entry.caption.encode())
    if entry.labels:
        _add(tar, f"{entry.stem}.cls", str(classes.index(entry.labels[0])).encode())
    yield ExportedFile(path=member_path(path, name), sha256=entry.digest, entry=entry)


def _add(tar: tarfile.TarFile, name: str, body: bytes) -> None:
    """A member whose header says nothing of when and by whom it was written."""
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(body), 0o644
    tar.addfile(header, io.BytesIO(body))


def _shard(folder: Path, path: str, split: str, count: int) -> dict[str, Any]:
    file = folder / path
    return {
        "url": path,
        "nsamples": count,
        "filesize": file.stat().st_size,
        "sha256": digest_of_file(file),
        "split": split,
    }


def _instructions(folder: Path, settings: ExportSettings, recipe: RecipeFacts) -> Sequence[str]:  # noqa: ARG001
    """How `webdataset` reads it, part by part."""
    shards = json.loads((folder / INDEX).read_text(encoding="utf-8"))["shardlist"]
    counts = Counter(shard["split"] for shard in shards)
    return [
        f'webdataset.WebDataset("{folder}/{split}-{{000000..{count - 1:06d}}}.tar")' for split, count in counts.items()
    ]


WEBDATASET = ExportFormat(
    name="webdataset", version=1, write=_write, settings=ShardSettings, instructions=_instructions
)
