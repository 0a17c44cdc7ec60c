"""What a worker process does with the bytes of one image: look, decide, keep, and make the sizes, from one decode."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from harvest.config.sizes import longest_of, size_digests
from harvest.crawl.steps.workers import Finding, Orders
from harvest.errors import Broken
from harvest.images.credentials import read_credentials
from harvest.images.decode import extension
from harvest.images.fingerprint import examined
from harvest.images.sizes import sized_path, slug, write_size
from harvest.items import Derivative, Fingerprint, Signal
from harvest.store import original_path

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["handle"]

_DIGITS = 16  # of the sha256 in a file's name: enough that no two images of a workspace share them


def handle(body: bytes, title: str | None, image_url: str, orders: Orders) -> Finding:
    """Fingerprint `body` and, unless it refuses, keep it and make its sizes. Raises nothing: what fails is told."""
    try:
        return _handled(body, title, image_url, orders)
    except Exception as error:
        return Finding(sha256=hashlib.sha256(body).hexdigest(), failure=f"{type(error).__name__}: {error}")


def _handled(body: bytes, title: str | None, image_url: str, orders: Orders) -> Finding:
    longest = longest_of(orders.sizes) or None
    try:
        found, picture = examined(body, max_pixels=orders.max_pixels, longest=longest)
    except Broken as error:
        return Finding(sha256=hashlib.sha256(body).hexdigest(), reason=f"{error.kind}: {error}")
    said = read_credentials(body, found.format)
    found = replace(found, digital_source_type=found.digital_source_type or said.digital_source_type)
    signals = _refusal(found) + said.signals
    finding = Finding(sha256=found.sha256, fingerprint=found, signals=signals)
    if any(signal.kind in orders.honoured for signal in signals):
        return finding
    try:
        path = original_path(found.sha256, extension(found.format))
        is_new = not orders.store.holds(path)
        orders.store.put(body, found.sha256, extension(found.format))
    except Exception as error:  # a full disk, a store that does not answer
        return replace(finding, failure=f"{type(error).__name__}: {error}")
    derived = _sizes(picture, found, slug(title, image_url), orders) if picture else ()
    return replace(finding, path=path, is_new=is_new, derived=derived)


def _refusal(found: Fingerprint) -> tuple[Signal, ...]:
    mining = found.data_mining
    if mining is None or not mining.startswith("DMI-PROHIBITED"):
        return ()
    return (Signal(kind="iptc", value=mining, where="xmp:plus:DataMining"),)


def _sizes(picture: Image.Image, found: Fingerprint, words: str, orders: Orders) -> tuple[Derivative, ...]:
    """The sizes that could be made; `harvest normalize` makes what is missing, and says what kept it from it."""
    digests = size_digests(orders.sizes)
    digits = found.sha256[:_DIGITS]
    made = []
    for size in orders.sizes:
        path = sized_path(size, f"{words}-{digits}" if words else digits)
        with suppress(OSError, ValueError, MemoryError):
            # Another source may have made this size on other terms: its file is as good as ours.
            made.append(write_size(picture, size, orders.store.root, path, digests[size.px], replaces=False))
    return tuple(derivative for derivative in made if derivative)
