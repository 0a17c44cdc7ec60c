"""Carriers by name: how bytes come that one GET does not bring.

A carrier's module is loaded when an image first asks for it, since some need optional packages. A new one is a function
of type `Read` (this machine's disk) or `Carry` (hosts), and a line here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from harvest.config.source import Limits
from harvest.crawl.carriers.base import Ask, Carried, CarrierFailed
from harvest.errors import UsageError
from harvest.items import Carrier

__all__ = ["Carried", "CarrierFailed", "carry", "is_local"]


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a carrier's function stands, and whether it reads this machine's disk alone."""

    module: str
    function: str
    is_local: bool


_CARRIERS: Mapping[str, _Entry] = {
    "file": _Entry("harvest.crawl.carriers.files", "read_file", is_local=True),
    "member": _Entry("harvest.crawl.carriers.files", "read_member", is_local=True),
    "cut": _Entry("harvest.crawl.carriers.cut", "cut_tile", is_local=True),
    "frame": _Entry("harvest.crawl.carriers.video", "read_frame", is_local=True),
    "idx": _Entry("harvest.crawl.files.readymade.idx", "read_item", is_local=True),
    "cifar": _Entry("harvest.crawl.files.readymade.cifar", "read_item", is_local=True),
    "row": _Entry("harvest.crawl.files.readymade.parquet", "read_row", is_local=True),
    "capture": _Entry("harvest.crawl.carriers.capture", "bring", is_local=False),
    "iiif-tiles": _Entry("harvest.crawl.carriers.iiif_tiles", "bring", is_local=False),
    "warc-record": _Entry("harvest.crawl.carriers.warc_record", "bring", is_local=False),
    "warc-record-file": _Entry("harvest.crawl.carriers.warc_file", "read", is_local=True),
}


def is_local(carrier: Carrier | None) -> bool:
    """Whether no host is asked for the image, so that no host's refusal or pace can concern it."""
    return carrier is not None and _entry(carrier.kind).is_local


async def carry(carrier: Carrier, ask: Ask, limits: Limits) -> Carried:
    """Bring the bytes. Raises CarrierFailed, OSError, and whatever `ask` raises; UsageError for an unknown kind."""
    entry = _entry(carrier.kind)
    function: Any = getattr(import_module(entry.module), entry.function)
    if entry.is_local:
        brought: Carried = await asyncio.to_thread(function, carrier.args, limits)
        return brought
    answer: Carried = await function(carrier.args, ask, limits)
    return answer


def _entry(kind: str) -> _Entry:
    if kind not in _CARRIERS:
        raise UsageError(f"unknown carrier {kind!r}; known are {', '.join(sorted(_CARRIERS))}")
    return _CARRIERS[kind]
