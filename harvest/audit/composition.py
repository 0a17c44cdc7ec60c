"""Whose pictures these are, as bars."""

# ruff: noqa: S608 - what is put into the SQL are constants of this package
from __future__ import annotations

from dataclasses import dataclass

from harvest.ledger import Connection

__all__ = ["Bar", "Chart", "chart"]

_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One value of a dimension and how many images have it. `name` is None for unknown."""

    name: str | None
    images: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The largest values of one dimension, in order of size (decades in order of time), and what they leave out."""

    dimension: str
    bars: tuple[Bar, ...]
    others: int
    other_images: int
    other_share: float


def chart(con: Connection, dimension: str, expression: str) -> Chart:
    """Count the audited images by an SQL expression over `origins`."""
    counted = con.execute(
        f"SELECT {expression} AS name, count(*) AS n FROM origins GROUP BY name ORDER BY n DESC, name"
    )
    rows = counted.fetchall()
    total = sum(images for _, images in rows) or 1
    if dimension == "decade":
        rows.sort(key=lambda row: (row[0] is None, row[0] or ""))
    shown, rest = rows[:_SHOWN], rows[_SHOWN:]
    left = sum(images for _, images in rest)
    return Chart(
        dimension=dimension,
        bars=tuple(Bar(name=name, images=images, share=images / total) for name, images in shown),
        others=len(rest),
        other_images=left,
        other_share=left / total,
    )
