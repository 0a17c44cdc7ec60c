"""The centres of `harvest.stages.dedupe.embedding.structure`, learnt from drawn pictures: prints them as Python.

k-means over descriptors, in which a centre stands for itself and the seven it becomes when pictures are turned.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scenes import pictures

from harvest.stages.dedupe.embedding import CHANGES, parts
from harvest.stages.dedupe.register import portrait

PICTURES = 240
WORDS = 4
DESCRIPTORS = 20_000
ROUNDS = 20


def main() -> None:
    """Learn and print."""
    seen = np.concatenate([parts(portrait(picture).descriptors) for picture in pictures(PICTURES)])
    chosen = seen[np.random.default_rng(0).choice(len(seen), min(DESCRIPTORS, len(seen)), replace=False)]
    for word in learnt(chosen, np.stack(list(CHANGES.values()))):
        print(f"({', '.join(f'{value:.2f}' for value in word)}),")


def learnt(seen: NDArray[np.float32], changes: NDArray[np.float32]) -> NDArray[np.float32]:
    """WORDS centres (WORDS, d) of what was `seen` (n, d), each moved to the mean of what its turned selves attract."""
    words = seen[np.random.default_rng(1).choice(len(seen), WORDS, replace=False)]
    for _ in range(ROUNDS):
        centres = np.einsum("gij,kj->kgi", changes, words).reshape(-1, seen.shape[1])
        nearest = (seen @ centres.T - (centres * centres).sum(axis=1) / 2).argmax(axis=1)
        for number in range(WORDS):
            back = [seen[nearest == number * len(changes) + turn] @ change for turn, change in enumerate(changes)]
            turned_back = np.concatenate(back)
            if len(turned_back):
                words[number] = turned_back.mean(axis=0)
    return words


if __name__ == "__main__":
    main()
