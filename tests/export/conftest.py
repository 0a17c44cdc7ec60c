from __future__ import annotations

import colorsys
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image, ImageDraw

from harvest.config.recipe import Recipe, load_recipe
from harvest.export import ExportReport, run_exports
from harvest.images.decode import decode_rgb, extension
from harvest.images.fingerprint import fingerprint
from harvest.images.resize import derive
from harvest.items import ImageItem, Outcome, Sighting, Signal
from harvest.journal import JournalWriter, RunHeader
from harvest.ledger import (
    DecisionRow,
    DerivedRow,
    RobotsRow,
    images,
    ingest_all,
    note_robots,
    open_ledger,
    write_decisions,
    write_derived,
)
from harvest.progress import SilentProgress
from harvest.store import Store
from harvest.workspace import Workspace
from tests.ledgers import begun

DIGESTS = {"filter": "f" * 64}
SIZE_DIGESTS = {64: "d" * 64}


def photograph(seed: int, *, side: int = 96) -> bytes:
    """A small JPEG that no other seed gives."""
    red, green, blue = (int(255 * c) for c in colorsys.hsv_to_rgb(seed * 0.161 % 1, 0.55, 0.8))
    image = Image.new("RGB", (side, side), (red, green, blue))
    draw = ImageDraw.Draw(image)
    for ring in range(4):
        inset = 6 + ring * 9 + seed % 7
        draw.ellipse(
            [inset, inset + seed % 5, side - inset, side - inset], outline=(20 + ring * 50, seed * 7 % 255, 90)
        )
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@dataclass
class Dataset:
    """A workspace filled the way a crawl and the stages fill it: journal, store, ledger, decisions, sizes."""

    workspace: Workspace
    recipe: Recipe
    met: list[tuple[ImageItem, bytes, tuple[Signal, ...], str]] = field(default_factory=list)
    crawls: int = 0

    def meet(
        self,
        seed: int,
        *,
        signals: tuple[Signal, ...] = (),
        source: str = "museum",
        body: bytes | None = None,
        **said: object,
    ) -> str:
        """Note an image for the next crawl; what is not `said` is made up. Its sha256."""
        values: dict[str, object] = {
            "source_id": f"id-{seed}",
            "image_url": f"http://gallery.museum.test/{seed}.jpg",
            "page_url": f"http://gallery.museum.test/{seed}.html",
            "title": f"Shell {seed}",
            "creator": f"Creator {seed % 6}",
            "license": "CC-BY-4.0",
            "license_raw": "https://creativecommons.org/licenses/by/4.0/",
            "taken_at": f"{1890 + seed % 40}",
        }
        body = body or photograph(seed)
        self.met.append((ImageItem(**{**values, **said}), body, signals, source))
        return hashlib.sha256(body).hexdigest()

    def crawl(self, *, outcome: str | None = "finished") -> str:
        """Write what was met into a journal, seal it, ingest it. The run's id."""
        self.crawls += 1
        run_id = f"2025010{self.crawls}T120000-museum-00000{self.crawls}"
        header = RunHeader(
            run_id=run_id,
            source="museum",
            spider="gallery",
            config_digest="c" * 64,
            code_version="0.1.0",
            started_at=f"2025-01-0{self.crawls}T12:00:00Z",
        )
        writer, store = JournalWriter.open(self.workspace.journal, header), Store(self.workspace.root)
        for seq, (item, body, signals, source) in enumerate(self.met):
            known = fingerprint(body, max_pixels=10**7)
            writer.append(
                Sighting(
                    run_id=run_id,
                    seq=seq,
                    source=source,
                    item=item,
                    outcome=Outcome.STORED,
                    fetched_at=f"2025-01-0{self.crawls}T12:00:{seq % 60:02d}Z",
                    http_status=200,
                    etag=f'"{seq}"',
                    opt_out=signals,
                    sha256=known.sha256,
                    path=store.put(body, known.sha256, extension(known.format)),
                    fingerprint=known,
                )
            )
        writer.close(outcome)
        hosts = {urlsplit(item.image_url).netloc for item, *_ in self.met} - {""}
        self.met.clear()
        ingest_all(self.workspace)
        with open_ledger(self.workspace, write=True) as con:
            note_robots(
                con,
                [
                    RobotsRow(host=host, run_id=run_id, asked_at=header.started_at, outcome="absent", http_status=404)
                    for host in sorted(hosts)
                ],
            )
        return run_id

    def keep(self, *, drop: tuple[str, ...] = ()) -> None:
        """Decide on every image, and make the 64 px size of those that stay."""
        with open_ledger(self.workspace, write=True) as con:
            known = images(con)
            write_decisions(
                con,
                [
                    DecisionRow(
                        sha256=image.sha256,
                        stage="filter",
                        recipe_digest=DIGESTS["filter"],
                        verdict="drop" if image.sha256 in drop else "keep",
                        reason="test",
                        decided_by="test",
                    )
                    for image in known
                ],
            )
            write_derived(con, [self._size(image.sha256, image.path) for image in known])

    def _size(self, sha256: str, path: str) -> DerivedRow:
        body = derive(decode_rgb(self.workspace.root / path), self.recipe.sizes[0])
        target = self.workspace.derived / "64" / f"{sha256[:16]}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
        return DerivedRow(
            sha256=sha256,
            size=64,
            mode="crop",
            path=target.relative_to(self.workspace.root).as_posix(),
            bytes=len(body),
            derived_sha256=hashlib.sha256(body).hexdigest(),
            recipe_digest=SIZE_DIGESTS[64],
        )

    def export(self, recipe: Recipe | None = None) -> list[ExportReport]:
        """Run the recipe's exports."""
        return run_exports(
            self.workspace,
            recipe or self.recipe,
            DIGESTS,
            size_digests=SIZE_DIGESTS,
            progress=SilentProgress(),
        )

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Do to the ledger what its own functions would never do."""
        with open_ledger(self.workspace, write=True) as con:
            return con.execute(statement).fetchall()


RECIPE = """
name: shells
title: Shells of the museum
description: Shells, one by one.
sizes: [{px: 64}]
export:
  - {format: folder, size: 64, name: small}
  - {format: folder, name: whole, captions: none}
"""


def make_empty(folder: Path) -> Dataset:
    """A dataset in `folder` that has met nothing yet."""
    file = folder / "shells.yaml"
    file.write_text(RECIPE)
    return Dataset(begun(folder / "workspace"), load_recipe(file))


@pytest.fixture
def empty(tmp_path: Path) -> Dataset:
    """A dataset that has met nothing yet."""
    return make_empty(tmp_path)


@pytest.fixture
def dataset(empty: Dataset) -> Dataset:
    """Six shells by six creators, crawled, kept, sized; not exported yet."""
    for seed in range(6):
        empty.meet(seed)
    empty.crawl()
    empty.keep()
    return empty
