"""Proposed pairs laid over each other, in worker processes; every likeness is measured once and remembered."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harvest.errors import Broken
from harvest.images.decode import decode_rgb
from harvest.ledger import LikenessRow, likenesses, open_ledger, write_likenesses
from harvest.processes import batches, in_processes
from harvest.progress import Progress
from harvest.stages.dedupe.digest import LIKENESS, measure_version
from harvest.stages.dedupe.groups import Proofs
from harvest.stages.dedupe.pictures import Pictures
from harvest.stages.dedupe.register import SIDE, Likeness, Portrait, likeness, portrait
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["Witness"]

_WRITE = 10_000  # likenesses in one turn at the ledger, or those of so many
_SECONDS = 10
_PAIRS = 16  # most for one job; neighbours in the list share pictures
_KEPT = 256  # portraits that a worker remembers, a sixth of a megabyte each

_portraits: OrderedDict[tuple[str, str], Portrait | None] = OrderedDict()

Pair = tuple[str, str]
Seen = tuple[bool, bool]


class Witness:
    """Says which pictures are copies: from memory, or by looking. `looked` counts pairs, `read` the images decoded."""

    def __init__(self, workspace: Workspace, pictures: Pictures, dihedral: str, progress: Progress) -> None:
        self._workspace, self._pictures, self._dihedral, self._progress = workspace, pictures, dihedral, progress
        self._version = measure_version(dihedral)
        self.proofs = Proofs(len(pictures))
        self.looked = self.read = 0
        self._mark = secrets.token_hex(8)  # one pass's portraits are no other's, whose files may have changed

    def remember(self) -> None:
        """Take in what the ledger knows."""
        with open_ledger(self._workspace) as con:
            table = likenesses(con, self._version)
        one, other = (self._pictures.numbers(table.column(name)) for name in ("sha256", "other"))
        here = (one >= 0) & (other >= 0)
        scores = table.column("likeness").to_numpy()
        self.proofs.add(one[here], other[here], scores[here] >= LIKENESS)

    def ask(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> None:
        """Look at these pairs, none of which was looked at before, and tell `proofs`.

        A picture whose bytes are gone or do not decode is a copy of nothing, and that is not remembered.
        """
        paths = [(self._pictures.path(i), self._pictures.path(j)) for i, j in zip(one, other, strict=True)]
        size = int(np.clip(len(paths) // 200, 1, _PAIRS))
        jobs = [paths[start : start + size] for start in range(0, len(paths), size)]
        look = partial(_look, Store(self._workspace.root), self._mark, self._dihedral)
        alike: list[bool] = []
        with self._progress.start("compare pictures", len(paths)) as task:
            for batch in batches(in_processes(look, jobs), max(1, _WRITE // size), seconds=_SECONDS):
                found = [answer for answers, _ in batch for answer in answers]
                at = slice(len(alike), len(alike) + len(found))
                self._write(one[at], other[at], found)
                alike += [isinstance(each, Likeness) and each.score >= LIKENESS for each in found]
                for i, j, each in zip(one[at], other[at], found, strict=True):
                    if not isinstance(each, Likeness):
                        self.proofs.unseen[i] |= not each[0]
                        self.proofs.unseen[j] |= not each[1]
                self.read += sum(read for _, read in batch)
                task.advance(len(found))
        self.looked += len(paths)
        self.proofs.add(one, other, np.array(alike, bool))

    def _write(self, one: NDArray[np.int64], other: NDArray[np.int64], found: Sequence[Likeness | Seen]) -> None:
        rows = [
            LikenessRow(
                sha256=self._pictures.sha256(i),
                other=self._pictures.sha256(j),
                version=self._version,
                likeness=each.score,
                transform=" ".join([each.turn, *(f"{number:.4g}" for number in each.affine)]),
            )
            for i, j, each in zip(one, other, found, strict=True)
            if isinstance(each, Likeness)
        ]
        if not rows:
            return
        with open_ledger(self._workspace, write=True) as con:
            write_likenesses(con, rows)


def _look(store: Store, mark: str, dihedral: str, pairs: Sequence[Pair]) -> tuple[list[Likeness | Seen], int]:
    """The likeness of each pair, or which of the two could be seen, and how many pictures were read for them."""
    read = 0
    answers: list[Likeness | Seen] = []
    for pair in pairs:
        shown = []
        for path in pair:
            if (mark, path) in _portraits:
                _portraits.move_to_end((mark, path))
            else:
                _portraits[mark, path] = _portrait(store, path)
                read += 1
            shown.append(_portraits[mark, path])
        one, other = shown
        if one is None or other is None:
            answers.append((one is not None, other is not None))
        else:
            answers.append(likeness(one, other, dihedral=dihedral))
        while len(_portraits) > _KEPT:
            _portraits.popitem(last=False)
    return answers, read


def _portrait(store: Store, path: str) -> Portrait | None:
    try:
        return portrait(decode_rgb(store.local(path), longest=SIDE))
    except (Broken, OSError):
        return None
