"""What a worker process does with the bytes of one image: look, decide, keep, and make the sizes, from one decode."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from harvest.config.sizes import longest_of, size_digests
from harvest.crawl.steps.workers import Finding, Orders
from harvest.errors import Broken
from harvest.images.credentials import read_credentials
from harvest.images.decode import Layers, extension, frame_count
from harvest.images.fingerprint import examined
from harvest.images.resize import sized
from harvest.images.sizes import derivative_of, sized_name, sized_path, write_size
from harvest.items import Derivative, Fingerprint, Signal
from harvest.store import original_path

__all__ = ["Looked", "keep", "look"]

_DIGITS = 16  # of the sha256 in a file's name: enough that no two images of a workspace share them


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What looking at the bytes has told, and the sizes that are to be written when they are kept."""

    finding: Finding
    is_wanted: bool = False
    sizes: tuple[tuple[Derivative, bytes], ...] = ()


def look(body: bytes, title: str | None, image_url: str, orders: Orders) -> Looked:
    """Fingerprint `body`, read what it refuses, and make its sizes. Raises nothing: what fails is told."""
    try:
        return _looked(body, title, image_url, orders)
    except Broken as error:
        if error.kind == "no_decoder":  # no fault of the bytes: they are to be asked for again
            return Looked(finding=Finding(sha256=_digest(body), failure=f"{error.kind}: {error}"))
        told = Finding(sha256=_digest(body), reason=f"{error.kind}: {error}")
    except Exception as error:
        told = Finding(sha256=_digest(body), failure=f"{type(error).__name__}: {error}")
    return Looked(finding=told)


def keep(body: bytes, looked: Looked, orders: Orders) -> Finding:
    """Bring what is wanted to the disk, waiting until it is there. Raises nothing: what fails is told."""
    finding, found = looked.finding, looked.finding.fingerprint
    if not looked.is_wanted or found is None:
        return finding
    try:
        path = original_path(found.sha256, extension(found.format))
        is_new = not orders.store.holds(path)
        orders.store.put(body, found.sha256, extension(found.format))
    except Exception as error:  # a full disk, a store that does not answer
        return replace(finding, failure=f"{type(error).__name__}: {error}")
    derived = tuple(made for made, content in looked.sizes if _written(orders.store.root / made.path, content))
    return replace(finding, path=path, is_new=is_new, derived=derived)


def _looked(body: bytes, title: str | None, image_url: str, orders: Orders) -> Looked:
    found, picture = examined(body, max_pixels=orders.max_pixels, longest=longest_of(orders.sizes) or None)
    refusal = orders.tombstones.refusal(found, body) if orders.tombstones else None
    if refusal is not None:
        return Looked(finding=Finding(sha256=found.sha256, fingerprint=found, refusal=refusal))
    said = read_credentials(body, found.format)
    found = replace(found, digital_source_type=found.digital_source_type or said.digital_source_type)
    signals = _refusal(found) + said.signals
    finding = Finding(sha256=found.sha256, fingerprint=found, signals=signals)
    if any(signal.kind in orders.honoured for signal in signals):
        return Looked(finding=finding)
    name = sized_name(found.sha256[:_DIGITS], title, image_url)
    sizes = _sizes(picture, found, name, orders) if picture else ()
    return Looked(finding=finding, is_wanted=True, sizes=sizes)


def _refusal(found: Fingerprint) -> tuple[Signal, ...]:
    mining = found.data_mining
    if mining is None or not mining.startswith("DMI-PROHIBITED"):
        return ()
    return (Signal(kind="iptc", value=mining, where="xmp:plus:DataMining"),)


def _sizes(picture: Layers, found: Fingerprint, name: str, orders: Orders) -> tuple[tuple[Derivative, bytes], ...]:
    digests, frame = size_digests(orders.sizes), 0 if frame_count(found.format, found.frames) > 1 else None
    made = [(size, sized(picture, size)) for size in orders.sizes]
    return tuple(
        (derivative_of(one, size, sized_path(size, name), digests[size.px], frame), one.body) for size, one in made
    )


def _written(file: Path, body: bytes) -> bool:
    """Whether a size lies there now. `harvest normalize` makes what is missing, and says what kept it from it.

    Another source may have made this size on other terms: its file is as good as ours, and its row tells of it.
    """
    with suppress(OSError):
        if file.exists():
            return file.read_bytes() == body
        write_size(file, body)
        return True
    return False


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
