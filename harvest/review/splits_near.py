"""How near what is held out comes to what is learned from: by vectors, by hashes, and by tiny pictures that are learned
by heart. Memory stays flat: some images that are held out are looked at, and the others pass by in blocks.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harvest.errors import Broken
from harvest.images.decode import decode_rgb
from harvest.ledger import Connection, vector_batches, vectors_of
from harvest.processes import in_processes
from harvest.progress import Progress
from harvest.store import Store

__all__ = ["TINY", "Baseline", "Pair", "baseline", "by_hashes", "by_vectors", "tiny_pictures"]

TINY = 16  # pixels of a side
_BLOCK = 2_048  # images of the training part at once
_LEAST = 10  # images with labels, without which nothing is said
_EASY = 0.5  # of what the commonest label leaves wrong
_Z = 1.96  # standard deviations: 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An image that is held out and the nearest one that is learned from: a cosine, or bits of 64."""

    held: str
    learned: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the nearest of tiny pictures knows of the labels of `images` that are held out, as shares of them.

    `right` is how often it has the label, between `least` and `most` with 95 % confidence (Wilson's interval), and
    `commonest` how often saying `label` every time is right. `by_chance` is how often the nearest neighbour among the
    images of the training part is right for one of them: what a split by chance would let pass.
    """

    part: str
    images: int
    labels: int
    right: float
    least: float
    most: float
    label: str
    commonest: float
    by_chance: float | None

    @property
    def verdict(self) -> str:
        """`easy` where the nearest neighbour has half of those right that the commonest label leaves wrong, `partly`
        where it has some, `fair` where it may have none and surely not half; `open` where it may have either, and
        `unknown` where next to nothing was compared.
        """
        if self.images < _LEAST or self.labels < 2:
            return "unknown"
        easy = self.commonest + _EASY * (1 - self.commonest)
        if self.least > self.commonest:
            return "easy" if self.right >= easy else "partly"
        return "fair" if self.most < easy else "open"


def by_vectors(con: Connection, model: str, held: Sequence[str], learned: frozenset[str]) -> list[Pair]:
    """For each image `held` out that has a vector of `model`, the one `learned` from with the largest cosine.

    The nearest pair first. All vectors of the model are read once, some thousand at a time.
    """
    asked = vectors_of(con, model, held)
    names = sorted(asked)
    if not names:
        return []
    questions = np.stack([asked[name] for name in names])
    best = np.full(len(names), -np.inf, np.float32)
    nearest = np.full(len(names), "", dtype=object)
    for shas, vectors in vector_batches(con, model):
        here = np.fromiter((sha256 in learned for sha256 in shas), bool, len(shas))
        block, labels = vectors[here], np.array(shas, dtype=object)[here]
        for first in range(0, len(block), _BLOCK):
            scores = questions @ block[first : first + _BLOCK].T
            at = scores.argmax(axis=1)
            found = scores[np.arange(len(names)), at]
            better = found > best
            best[better], nearest[better] = found[better], labels[first + at[better]]
    pairs = [
        Pair(held=name, learned=other, value=round(float(score), 4))
        for name, other, score in zip(names, nearest, best, strict=True)
        if other
    ]
    return sorted(pairs, key=lambda pair: (-pair.value, pair.held))


def by_hashes(hashes: Mapping[str, int], held: Sequence[str], learned: Sequence[str]) -> list[Pair]:
    """For each image `held` out, the one `learned` from whose 64-bit hash differs in the fewest bits, nearest first."""
    if not held or not learned:
        return []
    questions = np.array([hashes[name] for name in held], np.uint64)
    best = np.full(len(held), 65, np.int64)
    nearest = np.zeros(len(held), np.int64)
    for first in range(0, len(learned), _BLOCK):
        block = np.array([hashes[name] for name in learned[first : first + _BLOCK]], np.uint64)
        bits = np.bitwise_count(questions[:, None] ^ block[None, :])
        at = bits.argmin(axis=1)
        found = bits[np.arange(len(held)), at].astype(np.int64)
        better = found < best
        best[better], nearest[better] = found[better], first + at[better]
    pairs = (
        Pair(held=name, learned=learned[other], value=float(count))
        for name, other, count in zip(held, nearest.tolist(), best.tolist(), strict=True)
    )
    return sorted(pairs, key=lambda pair: (pair.value, pair.held))


def tiny_pictures(store: Store, paths: Mapping[str, str], progress: Progress) -> dict[str, NDArray[np.uint8]]:
    """By sha256, TINY by TINY pixels of the pictures at `paths`, flat; what cannot be read is left out."""
    found = {}
    with progress.start("tiny pictures", len(paths)) as task:
        for sha256, values in zip(paths, in_processes(partial(_tiny, store), list(paths.values())), strict=True):
            if values is not None:
                found[sha256] = values
            task.advance()
    return found


def _tiny(store: Store, path: str) -> NDArray[np.uint8] | None:
    try:
        picture = decode_rgb(store.local(path), longest=4 * TINY)
    except (Broken, OSError):
        return None
    return np.asarray(picture.resize((TINY, TINY), Image.Resampling.BOX)).reshape(-1)


def baseline(
    part: str,
    pictures: Mapping[str, NDArray[np.uint8]],
    labels: Mapping[str, Sequence[str]],
    held: Iterable[str],
    learned: Iterable[str],
) -> Baseline | None:
    """Guess the labels of images `held` out by their nearest neighbour (squared differences of tiny pictures).

    An image of several labels is guessed right by any of them. None where nothing with a label is on either side.
    """
    asked = [name for name in held if name in pictures and labels.get(name)]
    known = [name for name in learned if name in pictures and labels.get(name)]
    if not asked or len(known) < 2:
        return None
    commonest = min(Counter(labels[name][0] for name in known).items(), key=lambda each: (-each[1], each[0]))[0]
    right = [labels[known[at]][0] in labels[name] for name, at in _guessed(pictures, asked, known)]
    again = known[: len(asked)]
    by_chance = [labels[known[at]][0] in labels[name] for name, at in _guessed(pictures, again, known)]
    share = sum(right) / len(right)
    least, most = _wilson(share, len(right))
    return Baseline(
        part=part,
        images=len(asked),
        labels=len({label for name in known for label in labels[name]}),
        right=share,
        least=least,
        most=most,
        label=commonest,
        commonest=sum(commonest in labels[name] for name in asked) / len(asked),
        by_chance=sum(by_chance) / len(by_chance),
    )


def _guessed(
    pictures: Mapping[str, NDArray[np.uint8]], asked: Sequence[str], known: Sequence[str]
) -> Iterator[tuple[str, int]]:
    """Each of `asked` and the place of its nearest one among `known`, itself left out."""
    questions = np.stack([pictures[name] for name in asked]).astype(np.float32)
    best = np.full(len(asked), np.inf, np.float32)
    nearest = np.zeros(len(asked), np.int64)
    places = {name: place for place, name in enumerate(known)}
    itself = np.array([places.get(name, -1) for name in asked])
    for first in range(0, len(known), _BLOCK):
        block = np.stack([pictures[name] for name in known[first : first + _BLOCK]]).astype(np.float32)
        far = (block**2).sum(axis=1)[None, :] - 2 * questions @ block.T  # but for what is the same for a question
        own = (itself >= first) & (itself < first + len(block))
        far[np.flatnonzero(own), itself[own] - first] = np.inf
        at = far.argmin(axis=1)
        found = far[np.arange(len(asked)), at]
        better = found < best
        best[better], nearest[better] = found[better], first + at[better]
    return zip(asked, nearest.tolist(), strict=True)


def _wilson(share: float, count: int) -> tuple[float, float]:
    """The interval in which a share lies with 95 % confidence (Wilson, 1927)."""
    centre = share + _Z**2 / (2 * count)
    half = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    scale = 1 + _Z**2 / count
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)
