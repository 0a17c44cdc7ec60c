"""Rows of the bench of layouts on what is seen of a wall in a browser: from disk, and served to be judged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import Row

__all__ = ["wall_rows"]

BENCH = Path(__file__).parent
Alone = Callable[[list[str]], dict[str, Any]]


def wall_rows(images: int, alone: Alone) -> list[Row]:
    """Both of a wall of so many images; `alone` runs a command and reads the JSON that it prints."""
    return [*_viewing(images, alone), *_judging(images, alone)]


def _viewing(images: int, alone: Alone) -> list[Row]:
    found = alone([str(BENCH / "viewing.py"), "--images", str(images)])
    what = f"wall of {images:,} in a browser"
    return _seen(what, found)


def _judging(images: int, alone: Alone) -> list[Row]:
    found = alone([str(BENCH / "judging.py"), "--images", str(images)])
    what = f"the same served by harvest review, {images:,} images"
    return [
        *_seen(what, found),
        *(
            Row(metric=f"{what}: {words}", ours=found[key], peer="", unit=unit)
            for words, key, unit in (
                ("all verdicts shown", "ready", "s"),
                ("one rejected, in the ledger and on the wall", "reject", "ms"),
                ("that undone", "undo", "ms"),
                (f"a lasso around {found['chosen']:,}", "lasso", "ms"),
                ("all of these rejected", "reject_chosen", "ms"),
                ("that undone", "undo_chosen", "ms"),
                ("loaded again, seen", "reload", "s"),
            )
        ),
    ]


def _seen(what: str, found: dict[str, Any]) -> list[Row]:
    """What both are held to."""
    return [
        Row.of(f"{what}: first view", found["first_view"], "the goal", 2.0, "s", goal=1.0, less_is_better=True),
        Row.of(
            f"{what}: card under the pointer", found["hover"], "the goal", 16.0, "ms", goal=1.0, less_is_better=True
        ),
    ]
