"""Small real things to arrange a ledger with: sightings, journals, and a workspace that holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from harvest.items import Fingerprint, ImageItem, Outcome, Sighting
from harvest.journal import JournalWriter, RunHeader
from harvest.store import original_path
from harvest.workspace import Workspace

HEADER = RunHeader(
    run_id="20260102T030405-fins-abc123",
    source="fins",
    spider="gallery",
    config_digest="c0ffee",
    code_version="0.1.0",
    started_at="2026-01-02T03:04:05Z",
)
ITEM_FIELDS = frozenset(ImageItem.__dataclass_fields__)


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def header() -> Callable[..., RunHeader]:
    def make(**changes: str) -> RunHeader:
        return RunHeader(**{name: getattr(HEADER, name) for name in RunHeader.__dataclass_fields__} | changes)

    return make


@pytest.fixture
def sighting() -> Callable[..., Sighting]:
    return make_sighting


def make_sighting(seq: int = 0, picture: str | None = "leaf", **changes: Any) -> Sighting:
    """A sighting of `picture` (a word stands for bytes); with None, nothing was received."""
    item = {name: changes.pop(name) for name in list(changes) if name in ITEM_FIELDS}
    sha256 = hashlib.sha256(picture.encode()).hexdigest() if picture else None
    outcome = changes.setdefault("outcome", Outcome.STORED if picture else Outcome.REFUSED)
    usable = sha256 is not None and outcome in {Outcome.STORED, Outcome.KNOWN}
    values = {
        "run_id": HEADER.run_id,
        "source": "fins",
        "fetched_at": f"2026-01-02T03:{seq // 60 % 60:02d}:{seq % 60:02d}Z" if picture else None,
        "http_status": 200 if picture else None,
        "sha256": sha256,
        "path": original_path(sha256, "jpg") if usable else None,
        "fingerprint": fingerprint(sha256) if usable else None,
    } | changes
    item = {"source_id": f"id-{seq}", "image_url": f"https://gallery.museum.test/{seq}.jpg"} | item
    return Sighting(seq=seq, item=ImageItem(**item), **values)


def fingerprint(sha256: str) -> Fingerprint:
    return Fingerprint(
        sha256=sha256,
        bytes=len(sha256),
        format="JPEG",
        width=640,
        height=480,
        mode="RGB",
        frames=1,
        phash=int(sha256[:16], 16) | 1 << 63,
        phash_version="phash-1",
        sharpness=0.25,
        entropy=7.5,
        brightness=0.5,
    )


@pytest.fixture
def journalled(workspace, header) -> Callable[..., list[Any]]:
    """Write a journal: each argument is one segment's sightings; the sealed segments come back."""

    def write(*segments: list[Sighting], run_id: str = HEADER.run_id, outcome: str | None = None, **changes: str):
        with JournalWriter.open(workspace.journal, header(run_id=run_id, **changes)) as writer:
            sealed = []
            for sightings in segments:
                for each in sightings:
                    writer.append(each)
                sealed.append(writer.seal())
            writer.close(outcome)
        return sealed

    return write
