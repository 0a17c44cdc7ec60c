"""Fingerprints beside the crawl's own: made in worker processes where they are missing, and kept in the ledger."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harvest.errors import Broken
from harvest.images.fingerprint import PHASH_VERSION, dihedral_hashes, fingerprint
from harvest.images.pixels import PIXELS_VERSION, encoder_quality, pixel_digest
from harvest.ledger import FingerprintRow, fingerprints, open_ledger, write_fingerprints
from harvest.processes import batches, in_processes
from harvest.progress import Progress
from harvest.stages.dedupe.pictures import Pictures
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["METHODS", "Prints", "prints_of"]

_BATCH = 5_000
_AT_ONCE = 16  # images of one job
_NO_LIMIT = 1 << 62  # the crawl has refused what is too large


@dataclass(frozen=True, slots=True, kw_only=True)
class _Method:
    """`version` of a fingerprint and how it is `made` of an image's bytes: a value in hex and a quality."""

    version: str
    label: str
    made: Callable[[bytes], tuple[str, float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prints:
    """Fingerprints by number: `value` (n,) of texts, '' where there is none; `quality` (n,), nan where unknown.

    `made` is how many images had to be read for them.
    """

    value: NDArray[np.str_] = field(repr=False)
    quality: NDArray[np.float64] = field(repr=False)
    made: int


def prints_of(
    workspace: Workspace, pictures: Pictures, method: str, wanted: NDArray[np.int64], progress: Progress
) -> Prints:
    """The fingerprints of the images `wanted`, and of whichever others have them; what is missing is made and kept."""
    maker = METHODS[method]
    with open_ledger(workspace) as con:
        table = fingerprints(con, method, maker.version)
    numbers = pictures.numbers(table.column("sha256"))
    there = numbers >= 0
    quality = np.full(len(pictures), np.nan)
    quality[numbers[there]] = table.column("quality").to_numpy().astype(np.float64)[there]
    texts = table.column("value").to_numpy().astype(str)
    missing = np.setdiff1d(wanted, numbers)
    found = _made(workspace, pictures, method, missing.tolist(), progress)
    width = max([texts.dtype.itemsize // 4, 1, *(len(value) for value, _ in found.values())])
    value = np.full(len(pictures), "", dtype=f"U{width}")
    value[numbers[there]] = texts[there]
    for number, (text, rating) in found.items():
        value[number], quality[number] = text, np.nan if rating is None else rating
    return Prints(value=value, quality=quality, made=len(found))


def _made(
    workspace: Workspace, pictures: Pictures, method: str, missing: Sequence[int], progress: Progress
) -> Mapping[int, tuple[str, float | None]]:
    """What was made of the images that are missing, by number; those whose bytes are gone are left out."""
    found: dict[int, tuple[str, float | None]] = {}
    if not missing:
        return found
    maker = METHODS[method]
    read = partial(_read, Store(workspace.root), method)
    size = min(_AT_ONCE, 1 + len(missing) // 200)
    paths = [[pictures.path(number) for number in missing[at : at + size]] for at in range(0, len(missing), size)]
    with progress.start(maker.label, len(missing)) as task:
        results = zip(missing, itertools.chain.from_iterable(in_processes(read, paths)), strict=True)
        for batch in batches(results, _BATCH):
            made = {number: result for number, result in batch if result is not None}
            rows = [
                FingerprintRow(
                    sha256=pictures.sha256(number), method=method, version=maker.version, value=value, quality=quality
                )
                for number, (value, quality) in made.items()
            ]
            with open_ledger(workspace, write=True) as con:
                write_fingerprints(con, rows)
            found |= made
            task.advance(len(batch))
    return found


def _read(store: Store, method: str, paths: Sequence[str]) -> list[tuple[str, float | None] | None]:
    made: list[tuple[str, float | None] | None] = []
    for path in paths:
        try:
            made.append(METHODS[method].made(store.local(path).read_bytes()))
        except Broken:
            made.append(("", None))
        except OSError:
            made.append(None)
    return made


def _phash(body: bytes) -> tuple[str, float | None]:
    return f"{fingerprint(body, max_pixels=_NO_LIMIT).phash:016x}", None


def _dihedral(body: bytes) -> tuple[str, float | None]:
    return "".join(f"{value:016x}" for value in dihedral_hashes(body)), None


def _pixels(body: bytes) -> tuple[str, float | None]:
    return pixel_digest(body), None


def _encoder(body: bytes) -> tuple[str, float | None]:
    return "", encoder_quality(body)


METHODS: Mapping[str, _Method] = {
    "phash": _Method(version=PHASH_VERSION, label="fingerprints of this version", made=_phash),
    "dihedral": _Method(version=f"{PHASH_VERSION}/dihedral", label="fingerprints of all turns", made=_dihedral),
    "pixels": _Method(version=PIXELS_VERSION, label="compare pixels", made=_pixels),
    "encoder": _Method(version="libjpeg-scale/1", label="read what encoders left", made=_encoder),
}
