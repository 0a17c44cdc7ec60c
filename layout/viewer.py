"""The viewer of a mosaic: a page that opens from disk, asks no network, and treats all metadata as text."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor

from layout.deep_zoom import DeepZoom
from layout.grid import Grid
from layout.mosaic import MosaicStyle
from layout.viewer_cards import FIELDS, PIECE, embedded, facets, on_plane, pieces, pieces_digest, runs

__all__ = ["FIELDS", "Assets", "Shell", "assets", "viewer_data", "viewer_page", "write_viewer"]

_DARK_BELOW = 128
_SCRIPTS = ("data.js", "cells.js", "wall.js", "find.js", "card.js", "cloud.js", "hands.js", "start.js")
_CARDS = "cards-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """The viewer's own style and script, and OpenSeadragon, which goes before it."""

    style: str
    script: str
    openseadragon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """What a page around the viewer's data is made of: markup, all of it ours.

    `bar` stands in the head, `actions` in the card, `panels` over the wall, `more_keys` in the help. `policy` is the
    content security policy, '' where a server sends it.
    """

    style: str
    script: str
    policy: str = ""
    bar: str = ""
    actions: str = ""
    panels: str = ""
    more_keys: str = ""


def write_viewer(
    folder: Path,
    *,
    title: str,
    picture: str | DeepZoom,
    grid: Grid,
    tile: int,
    gutter: int,
    cells: NDArray[np.int64],
    cards: Sequence[Mapping[str, Any]],
    background: str = "#111111",
    fit: Literal["crop", "contain"] = "crop",
    points: NDArray[np.floating] | None = None,
    name: str = "index.html",
) -> list[Path]:
    """Write `folder/name`, the viewer of a mosaic in the same folder, and what it loads; the files.

    `picture` is the name of the mosaic as one file, or what there is of it as Deep Zoom tiles, under `mosaic_files/`.
    `cells[i]` is where the image with `cards[i]` lies; `tile`, `gutter`, `background` and `fit` are those the mosaic
    was rendered with. A card maps FIELDS to text, numbers or lists, and `scores` to numbers by name; other keys stay
    out, and what is missing or None is shown as unknown. With `points` (n, 2), y downward, the images of a wall of up
    to 20,000 fly from the grid to the cloud and back. The page appears whole or not at all, and the cards of an
    earlier one go after that. Raises ValueError where cells and cards differ in number, or cells come twice or are not
    of the grid.
    """
    _check(cells, grid, len(cards))
    found = facets(cards)
    plane, extent = (None, None) if points is None else on_plane(points)
    scripts = list(pieces(cards, np.argsort(cells).tolist(), found, plane))
    red, green, blue = ImageColor.getrgb(background)[:3]
    cards_folder = _CARDS + pieces_digest(scripts)
    data = {
        "title": title,
        "picture": _picture(picture),
        "columns": grid.columns,
        "rows": grid.rows,
        "tile": tile,
        "gutter": gutter,
        "hexagons": _hexagons(grid, MosaicStyle(tile=tile, gutter=gutter)),
        "background": [red, green, blue],
        "dark": 0.299 * red + 0.587 * green + 0.114 * blue < _DARK_BELOW,
        "fit": fit,
        "sharp": any(card.get("picture") for card in cards),
        "count": len(cards),
        "runs": runs(cells, grid),
        "fields": FIELDS,
        "facets": found,
        "cloud": extent,
        "base": "",
        "folder": cards_folder,
        "pieces": len(scripts),
        "size": PIECE,
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = _write_pieces(folder / cards_folder, {f"{piece.number}.js": piece.script for piece in scripts})
    page = _replace(folder / name, viewer_page(data, _from_disk()))
    for old in folder.glob(f"{_CARDS}*"):
        if old.name != cards_folder:
            shutil.rmtree(old)
    return [page, *files]


def _hexagons(grid: Grid, style: MosaicStyle) -> dict[str, int] | None:
    """How hexagons lie, in pixels of the mosaic: their height, that of a row, how far every other row is shifted."""
    if not grid.hexagonal:
        return None
    across, down = style.pitch(grid)
    return {"tall": style.shape(grid)[1], "rowPitch": down, "shift": across // 2}


def _check(cells: NDArray[np.int64], grid: Grid, cards: int) -> None:
    """Raise ValueError as `write_viewer` says."""
    if len(cells) != cards:
        raise ValueError(f"expected one card for each of {len(cells)} cells, got {cards}")
    if len(np.unique(cells)) < len(cells) or not all(0 <= cell < grid.columns * grid.rows for cell in cells):
        raise ValueError(f"expected cells that differ, of a grid of {grid.columns} x {grid.rows}")


def viewer_data(page: Path) -> dict[str, Any]:
    """What `write_viewer` put into a page, for a server to make another one of. Raises ValueError where it is none."""
    begin, end = '<script id="data" type="application/json">', "</script>"
    _, found, rest = page.read_text("utf-8").partition(begin)
    if not found:
        raise ValueError(f"{page}: expected a viewer of a mosaic")
    data: dict[str, Any] = json.loads(rest.partition(end)[0])
    return data


def viewer_page(data: Mapping[str, Any], shell: Shell) -> str:
    """The page of a viewer for the data that `write_viewer` puts into one."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - only the viewer needs it
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    ours = ("style", "script", "bar", "actions", "panels", "more_keys")
    return environment.from_string(_template("viewer.html")).render(
        title=data["title"],
        count=data["count"],
        policy=shell.policy,
        data=Markup(embedded(data)),  # noqa: S704 - escaped for where it stands
        **{name: Markup(getattr(shell, name)) for name in ours},  # noqa: S704 - no word of a source's
    )


def assets(more_scripts: Sequence[str] = (), more_style: str = "") -> Assets:
    """Style and scripts of the viewer; `more_scripts` see all that is in its own, and run before it begins."""
    *parts, start = (_template(name) for name in _SCRIPTS)
    script = '"use strict";\n(() => {\n' + "\n".join([*parts, *more_scripts, start]) + "})();\n"
    zoom = resources.files("layout") / "vendor" / "openseadragon" / "openseadragon.min.js"
    return Assets(
        style=_template("viewer.css") + more_style, script=script, openseadragon=zoom.read_text("utf-8").strip() + "\n"
    )


def _from_disk() -> Shell:
    """All in one page. Its scripts may load the pieces of cards (`strict-dynamic`), and nothing else may run."""
    ours = assets()
    scripts = " ".join(f"'{_source_hash(text)}'" for text in (ours.openseadragon, ours.script))
    policy = (
        f"default-src 'none'; script-src {scripts} 'strict-dynamic'; style-src '{_source_hash(ours.style)}'; "
        "img-src 'self' data: file:; base-uri 'none'; form-action 'none'"
    )
    return Shell(
        style=f"<style data-openseadragon-mobile-css>{ours.style}</style>",
        script=f"<script>{ours.openseadragon}</script>\n<script>{ours.script}</script>",
        policy=policy,
    )


def _picture(picture: str | DeepZoom) -> dict[str, Any]:
    if isinstance(picture, str):
        return {"kind": "image", "url": quote(picture)}
    return {
        "kind": "tiles",
        "url": "mosaic_files/",
        "width": picture.width,
        "height": picture.height,
        "tileSize": picture.tile_size,
        "overlap": picture.overlap,
        "format": picture.format,
    }


def _template(name: str) -> str:
    return (resources.files("layout") / "templates" / name).read_text("utf-8")


def _source_hash(text: str) -> str:
    """What a content security policy allows an inline element by (https://www.w3.org/TR/CSP3/#grammardef-hash-source)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _write_pieces(folder: Path, scripts: Mapping[str, str]) -> list[Path]:
    """The folder's name is its content's digest: one that is there is whole and stays."""
    if not folder.is_dir():
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            temporary.chmod(0o755)
            for name, script in scripts.items():
                _write(temporary / name, script)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return [folder / name for name in scripts]


def _write(path: Path, text: str) -> None:
    with path.open("wb") as file:
        # Metadata may hold halves of surrogate pairs, which UTF-8 has no bytes for.
        file.write(text.encode("utf-8", "replace"))
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, page: str) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write(temporary, page)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
