"""Who may be a copy of whom: the layers that the recipe's methods propose, new values compared with all known ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.images.fingerprint import PHASH_VERSION
from harvest.ledger import compared_values, near_values, open_ledger, transaction, write_comparison
from harvest.stages.dedupe import pairs
from harvest.stages.dedupe.groups import Layer
from harvest.stages.dedupe.pictures import Pictures
from harvest.workspace import Workspace

__all__ = ["Hashes", "same_size_neighbours", "turned_layer"]

_REMEMBERED = 5_000_000  # near values that are worth their room in the ledger; to find more again takes seconds


class Hashes:
    """One hash for each image, or none: `values` are the distinct ones in order, `label` (n,) says who has which.

    `compared` counts the values that had to be compared with all others.
    """

    def __init__(self, hashes: NDArray[np.uint64], present: NDArray[np.bool_]) -> None:
        self.values, inverse = np.unique(hashes[present], return_inverse=True)
        self.label = np.full(len(hashes), -1, np.int32)
        self.label[present] = inverse
        self.compared = 0

    def near(self, workspace: Workspace, radius: int) -> pairs.NearPairs:
        """All pairs of values within `radius`, found now or before.

        Values that were never compared at this radius are compared with each other and with all that were; the others
        are not compared again.
        """
        with open_ledger(workspace) as con:
            known_texts = compared_values(con, "phash", PHASH_VERSION, radius).column("value")
            known_pairs = near_values(con, "phash", PHASH_VERSION, radius)
        known = pairs.words_of(known_texts.to_pylist())[:, 0]
        fresh = np.setdiff1d(self.values, known)
        self.compared = len(fresh)
        among = pairs.near_values(fresh, radius)
        across = pairs.near_values(fresh, radius, against=known)
        one = np.concatenate([fresh[among.first], fresh[across.first]])
        other = np.concatenate([fresh[among.second], known[across.second]])
        distance = np.concatenate([among.distance, across.distance])
        if len(fresh) and len(one) <= _REMEMBERED:
            _remember(workspace, radius, fresh, one, other, distance)
        old_one, old_other = (pairs.words_of(known_pairs.column(name).to_pylist())[:, 0] for name in ("value", "other"))
        return self._numbered(
            np.concatenate([one, old_one]),
            np.concatenate([other, old_other]),
            np.concatenate([distance, known_pairs.column("distance").to_numpy()]),
        )

    def _numbered(
        self, one: NDArray[np.uint64], other: NDArray[np.uint64], distance: NDArray[np.generic]
    ) -> pairs.NearPairs:
        """Pairs of values as pairs of their numbers, each once; values that no image here has are left out."""
        here = np.isin(one, self.values) & np.isin(other, self.values)
        first, second = (np.searchsorted(self.values, values[here]) for values in (one, other))
        keys = np.minimum(first, second) * np.int64(len(self.values)) + np.maximum(first, second)
        keys, at = np.unique(keys, return_index=True)
        return pairs.NearPairs(
            first=(keys // max(1, len(self.values))).astype(np.int32),
            second=(keys % max(1, len(self.values))).astype(np.int32),
            distance=distance[here][at].astype(np.uint16),
        )


def same_size_neighbours(pictures: Pictures, label: NDArray[np.int32], near: pairs.NearPairs) -> NDArray[np.int64]:
    """The images that share width, height and number of frames with another of their class, or of one near to it.

    Only these can have the same pixels as another image: a container changes the 64-bit hash by a bit or two, since
    JPEGs are hashed at a fraction of their size, and other containers whole.
    """
    sizes = np.stack([pictures.column(name).astype(np.int64) for name in ("width", "height", "frames")], axis=1)
    size = np.unique(sizes, axis=0, return_inverse=True)[1].ravel() if len(sizes) else np.empty(0, np.int64)
    total = int(size.max(initial=0)) + 1
    kinds, kind, count = np.unique(label * total + size, return_inverse=True, return_counts=True)
    shared = count > 1
    begin = np.searchsorted(kinds, np.arange(int(label.max(initial=-1)) + 2) * total)
    for one, other in ((near.first, near.second), (near.second, near.first)):
        lengths = begin[one + 1] - begin[one]
        edge = np.repeat(np.arange(len(one)), lengths)
        mine = begin[one][edge] + np.arange(len(edge)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        shared[mine[np.isin(other[edge] * np.int64(total) + kinds[mine] % total, kinds)]] = True
    return np.flatnonzero(shared[kind] & (label >= 0))


def turned_layer(texts: NDArray[np.str_], turns: int, radius: int, **words: Any) -> Layer:
    """The layer of images of which one, in one of its first `turns` turns, is near the other as it is.

    `texts` (n,) are eight hashes each in hex, as `harvest.images.fingerprint.dihedral_hashes` orders them, '' for none.
    """
    present = np.flatnonzero(texts != "")
    hashes = pairs.words_of(texts[present].tolist())[:, :turns] if len(present) else np.empty((0, turns), np.uint64)
    values, inverse = np.unique(hashes[:, 0], return_inverse=True)
    label = np.full(len(texts), -1, np.int32)
    label[present] = inverse
    turned, whose = np.unique(hashes, return_inverse=True)
    owners = np.unique(np.stack([whose.ravel(), np.repeat(inverse, turns)], axis=1), axis=0)
    start = np.searchsorted(owners[:, 0], np.arange(len(turned) + 1))
    found = pairs.near_values(values, radius, against=turned)
    lengths = (start[1:] - start[:-1])[found.second]
    edge = np.repeat(np.arange(len(found)), lengths)
    at = start[found.second][edge] + np.arange(len(edge)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    one, other, distance = found.first[edge].astype(np.int64), owners[at, 1], found.distance[edge]
    low, high = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((distance, high, low))
    low, high, distance = low[order], high[order], distance[order]
    first = (low < high) & np.insert((np.diff(low) != 0) | (np.diff(high) != 0), 0, True)[: len(low)]
    return Layer.of_pairs(label, low[first], high[first], distance[first], **words)


def _remember(  # noqa: PLR0917 - three columns and what they belong to
    workspace: Workspace,
    radius: int,
    fresh: NDArray[np.uint64],
    one: NDArray[np.uint64],
    other: NDArray[np.uint64],
    distance: NDArray[np.uint16],
) -> None:
    near = pa.table(
        {
            "value": _hex(np.minimum(one, other)),
            "other": _hex(np.maximum(one, other)),
            "distance": pa.array(distance, pa.float64()),
        }
    )
    with open_ledger(workspace, write=True) as con, transaction(con):
        write_comparison(
            con, method="phash", version=PHASH_VERSION, radius=float(radius), values=_hex(fresh), near=near
        )


def _hex(values: NDArray[np.uint64]) -> pa.Array:
    digits = values.astype(">u8").tobytes().hex()
    return pa.array([digits[start : start + 16] for start in range(0, len(digits), 16)], pa.string())
