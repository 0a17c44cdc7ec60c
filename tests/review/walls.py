"""A wall to judge: pictures in a ledger, laid out by hand, and served."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import uvicorn
from PIL import Image

from harvest.ledger import catalogued, open_ledger
from harvest.review.guarding import Guard
from harvest.review.server import application
from harvest.review.wall import Wall
from harvest.workspace import Workspace
from layout.bands import whole
from layout.grid import Grid
from layout.mosaic import MosaicStyle, mosaic_bands
from layout.viewer import write_viewer

__all__ = ["TOKEN", "Command", "Served", "hang", "served", "started"]

TOKEN = "a-token-that-nobody-guesses"
TILE, GUTTER = 24, 2


def hang(workspace: Workspace, shas: Sequence[str], *, name: str = "shells", columns: int = 4) -> Path:
    """Lay images out row by row, as `harvest layout` would; the folder."""
    folder = workspace.layouts / name
    folder.mkdir(parents=True, exist_ok=True)
    with open_ledger(workspace) as con:
        known = catalogued(con, shas)
    rows = -(-len(shas) // columns)
    grid, cells = Grid(columns=columns, rows=rows), np.arange(len(shas))
    tiles = [Image.open(workspace.root / known[sha256].path).convert("RGB") for sha256 in shas]
    style = MosaicStyle(tile=TILE, gutter=GUTTER)
    whole(mosaic_bands(tiles.__getitem__, cells, grid, style)).save(folder / "mosaic.png")
    files = [f"shell-{number}.jpg" for number in range(len(shas))]
    table = {"sha256": list(shas), "file": files, "row": (cells // columns).tolist(), "col": (cells % columns).tolist()}
    pq.write_table(pa.table(table), folder / "layout.parquet")
    cards: list[dict[str, Any]] = [
        {
            "sha256": sha256,
            "file": file,
            "title": known[sha256].title,
            "creator": known[sha256].creator,
            "page_url": known[sha256].page_url,
            "picture": f"../../{known[sha256].path}",
        }
        for sha256, file in zip(shas, files, strict=True)
    ]
    write_viewer(
        folder,
        title="Shells",
        picture="mosaic.png",
        grid=grid,
        tile=TILE,
        gutter=GUTTER,
        cells=cells,
        cards=cards,
    )
    return folder


@dataclass(frozen=True, kw_only=True)
class Served:
    """A wall that is served: the address that the terminal would show, and the same without the token."""

    wall: Wall
    port: int

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.root}/?token={TOKEN}"


@contextlib.contextmanager
def served(wall: Wall) -> Iterator[Served]:
    """Serve a wall on a free port while the block lasts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        port = listener.getsockname()[1]
        app = Guard(application(wall), port=port, token=TOKEN)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Served(wall=wall, port=port)
        finally:
            server.should_exit = True
            thread.join(30)


@dataclass(frozen=True, kw_only=True)
class Command:
    """`harvest review --serve` as it runs, and the address and port that it said."""

    process: subprocess.Popen[str]
    url: str
    port: int


@contextlib.contextmanager
def started(workspace: Workspace, recipe: Path) -> Iterator[Command]:
    """Run `harvest review RECIPE --serve` while the block lasts."""
    command = [sys.executable, "-m", "harvest", "review", recipe, "--serve", "--json", "--by", "Ada Moss"]
    with subprocess.Popen(
        [*command, "-w", workspace.root], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            said = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
            yield Command(process=process, url=said["url"], port=said["port"])
        finally:
            process.kill()
