"""What verification finds: a kind of thing, where it is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Found", "row_called"]

Found = tuple[str, str, str]  # kind, where, what


def row_called(table: str, keys: Sequence[str], values: Sequence[Any]) -> str:
    """A row as people name it: its table, and the values of its key."""
    return f"{table}({', '.join(f'{key} {value}' for key, value in zip(keys, values, strict=True))})"
