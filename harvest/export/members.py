"""Images that lie in one file with others: in a tar, a zip, a Parquet file."""

from __future__ import annotations

from harvest.ledger.rows import MEMBER

__all__ = ["member_path"]


def member_path(archive: str, name: str) -> str:
    """The path of the image `name` in the file `archive`, both with forward slashes.

    >>> member_path("train-000000.tar", "0a1b.jpg")
    'train-000000.tar!/0a1b.jpg'
    """
    return f"{archive}{MEMBER}{name}"
