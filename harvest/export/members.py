"""Images that lie in one file with others: in a tar, a zip, a Parquet file."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from harvest.ledger.rows import MEMBER

__all__ = ["extract", "member_path"]

_ROWS = 100  # of Parquet at a time, as many as a group of ours has


def member_path(archive: str, name: str) -> str:
    """The path of the image `name` in the file `archive`, both with forward slashes.

    >>> member_path("train-000000.tar", "0a1b.jpg")
    'train-000000.tar!/0a1b.jpg'
    """
    return f"{archive}{MEMBER}{name}"


def extract(archive: Path, targets: Mapping[str, Path]) -> None:
    """Write images of an archive, by their name in it, to files, reading it once. What is not in it is left out."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as zipped:
            for name in targets.keys() & set(zipped.namelist()):
                with zipped.open(name) as reader, targets[name].open("wb") as writer:
                    shutil.copyfileobj(reader, writer)
    elif archive.suffix == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415 - six megabytes that few commands need

        for batch in pq.ParquetFile(archive).iter_batches(_ROWS, columns=["image"]):
            for picture in batch.column("image").to_pylist():
                if picture["path"] in targets:
                    targets[picture["path"]].write_bytes(picture["bytes"])
    else:
        with tarfile.open(archive) as tar:
            for member in tar:
                packed = tar.extractfile(member) if member.name in targets else None
                if packed is not None:
                    with targets[member.name].open("wb") as writer:
                        shutil.copyfileobj(packed, writer)
