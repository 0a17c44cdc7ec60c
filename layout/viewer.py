"""The viewer of a mosaic: one page that opens from disk, asks no network, and treats all metadata as text."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from layout.grid import Grid

__all__ = ["FIELDS", "write_viewer"]

FIELDS = (
    "file",
    "title",
    "creator",
    "creator_url",
    "license",
    "license_url",
    "source",
    "page_url",
    "date",
    "width",
    "height",
    "picture",
)
"""What a card may say. All of it is optional; `picture` is a path relative to the page, shown instead of the tile."""

_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
_DARK_BELOW = 128
_SCRIPTS = ("data.js", "wall.js", "card.js", "hands.js")


def write_viewer(
    folder: Path,
    *,
    title: str,
    mosaic_name: str,
    grid: Grid,
    tile: int,
    gutter: int,
    cells: NDArray[np.int64],
    cards: Sequence[Mapping[str, object]],
    background: str = "#111111",
    name: str = "index.html",
) -> Path:
    """Write `folder/name`, the viewer of the mosaic `mosaic_name` in the same folder, and return its path.

    `cells[i]` is where the image with `cards[i]` lies; `tile`, `gutter` and `background` are those the mosaic was
    rendered with. A card maps FIELDS to text or numbers, other keys stay out of the page, and what is missing or None
    is shown as unknown. The page appears whole or not at all. Raises ValueError where cells and cards differ in number,
    or cells come twice or are not of the grid.
    """
    if len(cells) != len(cards):
        raise ValueError(f"expected one card for each of {len(cells)} cells, got {len(cards)}")
    if len(np.unique(cells)) < len(cells) or not all(0 <= cell < grid.columns * grid.rows for cell in cells):
        raise ValueError(f"expected cells that differ, of a grid of {grid.columns} x {grid.rows}")
    red, green, blue = ImageColor.getrgb(background)[:3]
    data = {
        "title": title,
        "mosaic": quote(mosaic_name),
        "columns": grid.columns,
        "rows": grid.rows,
        "tile": tile,
        "gutter": gutter,
        "background": [red, green, blue],
        "dark": 0.299 * red + 0.587 * green + 0.114 * blue < _DARK_BELOW,
        "cells": np.asarray(cells, np.int64).tolist(),
        "fields": FIELDS,
        "cards": [[_plain(key, card.get(key)) for key in FIELDS] for card in cards],
    }
    page = _page(title, data, count=len(cards))
    folder.mkdir(parents=True, exist_ok=True)
    return _replace(folder / name, page)


def _plain(key: str, value: object) -> str | int | float | None:
    """A value of a card as JSON has it; paths as URLs relative to the page, so that no scheme slips in."""
    if value is None or value == "":
        return None
    if key == "picture":
        return quote(str(value))
    return value if isinstance(value, int) else str(value)


def _embedded(value: object) -> str:
    """JSON that ends no script element, opens no comment and breaks no line of JavaScript."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def _page(title: str, data: Mapping[str, object], *, count: int) -> str:
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - only the viewer needs it
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    style = _template("viewer.css")
    script = '"use strict";\n(() => {\n' + "\n".join(_template(name) for name in _SCRIPTS) + "})();\n"
    policy = (
        f"default-src 'none'; script-src '{_source_hash(script)}'; style-src '{_source_hash(style)}'; "
        "img-src 'self' data: file:; base-uri 'none'; form-action 'none'"
    )
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    return environment.from_string(_template("viewer.html")).render(
        title=title,
        count=count,
        policy=policy,
        style=Markup(style),  # noqa: S704 - ours, and its hash is in the policy
        script=Markup(script),  # noqa: S704
        data=Markup(_embedded(data)),  # noqa: S704 - escaped for where it stands
    )


def _template(name: str) -> str:
    return (resources.files("layout") / "templates" / name).read_text("utf-8")


def _source_hash(text: str) -> str:
    """What a content security policy allows an inline element by (https://www.w3.org/TR/CSP3/#grammardef-hash-source)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _replace(path: Path, page: str) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            # Metadata may hold halves of surrogate pairs, which UTF-8 has no bytes for.
            file.write(page.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
