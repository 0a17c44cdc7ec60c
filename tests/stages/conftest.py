"""A real workspace for the stages: pictures made here, stored, journalled and ingested as a crawl would."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from harvest.config.recipe import Recipe, load_recipe
from harvest.images.decode import extension
from harvest.images.fingerprint import fingerprint
from harvest.items import ImageItem, Outcome, Sighting, Signal
from harvest.journal import JournalWriter, RunHeader
from harvest.ledger import ingest_all
from harvest.store import Store
from harvest.workspace import Workspace
from tests.ledgers import begun
from tests.stages.specimens import Cabinet


def _picture(seed: int = 0, width: int = 400, height: int = 300) -> Image.Image:
    """A landscape of soft blobs and hard strokes that no other seed gives."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    image = coarse.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(10):
        points = [(int(rng.integers(width)), int(rng.integers(height))) for _ in range(2)]
        draw.line(points, fill=tuple(int(c) for c in rng.integers(0, 256, 3)), width=4)
    return image


def _encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 92} if kind == "JPEG" else {}) | options)
    return buffer.getvalue()


@dataclass
class Herbarium:
    """A workspace that grows: `meet` pictures, then `crawl` puts them into the ledger."""

    workspace: Workspace
    waiting: list[tuple[bytes, dict[str, Any]]] = field(default_factory=list)
    met: int = 0
    crawls: int = 0

    def meet(self, image: Image.Image | bytes, **item: Any) -> str:
        """Meet a picture once; its sha256. Keywords are fields of ImageItem."""
        body = image if isinstance(image, bytes) else _encoded(image)
        self.waiting.append((body, item))
        return fingerprint(body, max_pixels=10**8).sha256

    def crawl(self) -> None:
        """What one crawl would leave behind."""
        self.crawls += 1
        header = RunHeader(
            run_id=f"2026010{self.crawls}T000000-shells-aaaaaa",
            source="shells",
            spider="gallery",
            config_digest="c0ffee",
            code_version="0.1.0",
            started_at=f"2026-01-0{self.crawls}T00:00:00Z",
        )
        store = Store(self.workspace.root)
        with JournalWriter.open(self.workspace.journal, header) as writer:
            for seq, (body, item) in enumerate(self.waiting):
                found = fingerprint(body, max_pixels=10**8)
                self.met += 1
                values = {
                    "source_id": f"id-{self.met}",
                    "image_url": f"https://gallery.museum.test/files/Shell {self.met}.jpg",
                    "page_url": f"https://gallery.museum.test/{self.met}",
                    "title": f"Shell {self.met}",
                    "creator": "Ada Moss",
                    "license": "CC-BY-4.0",
                } | item
                signals = values.pop("opt_out", ())
                writer.append(
                    Sighting(
                        run_id=header.run_id,
                        seq=seq,
                        source=header.source,
                        item=ImageItem(**values),
                        outcome=Outcome.STORED,
                        fetched_at=f"2026-01-0{self.crawls}T00:00:{seq % 60:02d}Z",
                        http_status=200,
                        opt_out=tuple(Signal(kind=kind, value="no", where="test") for kind in signals),
                        sha256=found.sha256,
                        path=store.put(body, found.sha256, extension(found.format)),
                        fingerprint=found,
                    )
                )
            writer.close()
        self.waiting.clear()
        ingest_all(self.workspace)


@pytest.fixture(scope="session")
def picture() -> Callable[..., Image.Image]:
    return _picture


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    return _encoded


@pytest.fixture
def herbarium(tmp_path: Path) -> Herbarium:
    return Herbarium(begun(tmp_path / "workspace"))


@pytest.fixture(scope="session")
def full_cabinet(tmp_path_factory: pytest.TempPathFactory) -> Cabinet:
    """Drawings with their vectors: look, do not touch; `cabinet` is for adding to."""
    return Cabinet.filled(Herbarium(Workspace(tmp_path_factory.mktemp("cabinet") / "workspace")))


@pytest.fixture
def cabinet(full_cabinet: Cabinet, tmp_path: Path) -> Cabinet:
    return full_cabinet.copy(tmp_path / "cabinet")


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str], Recipe]:
    """A recipe called `shells` from the YAML of its other keys."""

    def write(yaml: str = "", name: str = "shells") -> Recipe:
        file = tmp_path / f"{name}.yaml"
        file.write_text(f"name: {name}\n{yaml}", encoding="utf-8")
        return load_recipe(file)

    return write
