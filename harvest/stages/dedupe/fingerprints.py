"""Fingerprints beside the crawl's own: made in worker processes where they are missing, and kept in the ledger."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harvest.errors import Broken
from harvest.images.prints import PRINTS, Print
from harvest.ledger import FingerprintRow, fingerprints, open_ledger, write_fingerprints
from harvest.processes import batches, in_processes
from harvest.progress import Progress
from harvest.stages.dedupe.pictures import Pictures
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["Prints", "prints_of"]

_BATCH = 5_000
_AT_ONCE = 16  # images of one job
_LABELS: Mapping[str, str] = {
    "phash": "fingerprints of this version",
    "dihedral": "fingerprints of all turns",
    "pixels": "compare pixels",
    "encoder": "read what encoders left",
}


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
    maker = PRINTS[method]
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
) -> Mapping[int, Print]:
    """What was made of the images that are missing, by number; those whose bytes are gone are left out."""
    found: dict[int, Print] = {}
    if not missing:
        return found
    maker = PRINTS[method]
    read = partial(_read, Store(workspace.root), method)
    size = min(_AT_ONCE, 1 + len(missing) // 200)
    paths = [[pictures.path(number) for number in missing[at : at + size]] for at in range(0, len(missing), size)]
    with progress.start(_LABELS[method], len(missing)) as task:
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


def _read(store: Store, method: str, paths: Sequence[str]) -> list[Print | None]:
    made: list[Print | None] = []
    for path in paths:
        try:
            made.append(PRINTS[method].made(store.local(path).read_bytes()))
        except Broken:
            made.append(("", None))
        except OSError:
            made.append(None)
    return made
