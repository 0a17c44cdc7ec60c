"""Drawings that the demonstration model knows and has not seen, met and embedded once for all tests that judge them."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harvest.demo.specimens import OFF_TOPIC, TEST_SEEDS, draw, draw_off_topic
from harvest.progress import SilentProgress
from harvest.stages.vectors import embed_images
from harvest.workspace import Workspace

__all__ = ["COLLECTION", "Cabinet", "drawn"]

COLLECTION: Mapping[str, int] = {"moth": 12, "beetle": 12, "fern": 12, "key": 12, "text_page": 2}


@dataclass(frozen=True)
class Cabinet:
    """A workspace with the collection in it, embedded, and which kind each sha256 is of."""

    workspace: Workspace
    kinds: Mapping[str, str]

    @classmethod
    def filled(cls, herbarium) -> Cabinet:
        """Meet the collection, crawl, embed."""
        met = {herbarium.meet(drawn(kind, at)): kind for kind, count in COLLECTION.items() for at in range(count)}
        herbarium.crawl()
        embed_images(herbarium.workspace, "harvest-demo", progress=SilentProgress())
        return cls(workspace=herbarium.workspace, kinds=met)

    def copy(self, folder: Path) -> Cabinet:
        """One that a test may add to."""
        return Cabinet(workspace=Workspace(Path(shutil.copytree(self.workspace.root, folder))), kinds=self.kinds)

    def of(self, *kinds: str) -> list[str]:
        """The sha256s of some kinds, in the order in which they were drawn."""
        return [sha256 for sha256, kind in self.kinds.items() if kind in kinds]


def drawn(kind: str, number: int, side: int = 96) -> bytes:
    """The drawing `number` of a kind, as PNG."""
    image = (draw_off_topic if kind in OFF_TOPIC else draw)(kind, TEST_SEEDS[50_000 + number], side)
    body = io.BytesIO()
    image.save(body, "PNG")
    return body.getvalue()
