"""Features in few numbers, for work that asks for millions of distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layout.compiled import in_parts, one_thread_a_product
from layout.features import require_finite
from layout.neighbours import nearest, squared_distances

__all__ = ["Reduced", "principal_axes", "reduced"]

_DIMENSIONS = 64
_DIMENSIONS_OF_MANY = 32
_MANY = 50_000
_FITTED = 20_000
_ROWS_OF_BLOCK = 256
_SPARE = 16
_NOISE = 1e-6
_PAIRS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """(n, d) centred `features`, scaled so that two images are 1 apart on average; `beyond` (n,) what they lack.

    The squared distance of two images is about that of their features and the sum of their `beyond`: what the left out
    directions hold of one image is rarely like that of another. `mean_distance` is what 1 was before, 0 where all
    images are alike.
    """

    features: NDArray[np.float32]
    beyond: NDArray[np.float32]
    mean_distance: float

    def between(self, some: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[np.float32]:
        """Distances of pairs of rows."""
        squared = np.square(self.features[some] - self.features[others]).sum(axis=1)
        return np.asarray(np.sqrt(squared + self.beyond[some] + self.beyond[others]), np.float32)

    def profile(self, drawn: NDArray[np.integer], ranks: int) -> NDArray[np.float64]:
        """The mean distance of `drawn` images to their nearest, second nearest ... image, up to `ranks`."""
        ranks = min(ranks, len(self.features) - 1)
        total = np.zeros(ranks)
        with one_thread_a_product():
            for start in range(0, len(drawn), 32):
                rows = drawn[start : start + 32]
                squared = squared_distances(self.features[rows], self.features)
                squared += self.beyond[rows, None] + self.beyond[None]
                squared[np.arange(len(rows)), rows] = np.inf
                near = np.sort(np.partition(squared, ranks - 1, axis=1)[:, :ranks], axis=1)
                total += np.sqrt(near).sum(axis=0, dtype=np.float64)
        return np.asarray(total / len(drawn), np.float64)

    def nearest(self, k: int) -> NDArray[np.int32]:
        """(n, k) the nearest images of each, itself left out."""
        with one_thread_a_product():
            return np.ascontiguousarray(nearest(self.features, k + 1, seed=0)[0][:, 1:])


def reduced(features: NDArray[np.floating], *, seed: int) -> Reduced:
    """The first 64 principal components of `features` (n, d), 32 of more than 50,000 images; all where d is less.

    Above 20,000 images the components are those of so many, drawn with `seed`. The same on any number of cores. Raises
    ValueError for features that are not finite, naming the rows.
    """
    require_finite(features)
    n, width = features.shape
    generator = np.random.default_rng(seed)
    dimensions = _DIMENSIONS if n <= _MANY else _DIMENSIONS_OF_MANY
    with one_thread_a_product():
        drawn = np.sort(generator.choice(n, _FITTED, replace=False)) if n > _FITTED else np.arange(n)
        sample = np.asarray(features[drawn] if n > _FITTED else features, np.float32)
        mean = sample.mean(axis=0)
        axes = principal_axes(sample - mean, dimensions, generator) if width > dimensions else None
        kept = np.empty((n, width if axes is None else axes.shape[1]), np.float32)
        beyond = np.zeros(n, np.float32)

        def score(rows: slice) -> None:
            block = np.asarray(features[rows], np.float32) - mean
            kept[rows] = block if axes is None else block @ axes
            if axes is not None:
                lacking = np.einsum("ij,ij->i", block, block) - np.einsum("ij,ij->i", kept[rows], kept[rows])
                beyond[rows] = np.maximum(0, lacking)

        _in_blocks(score, n)
    found = Reduced(features=kept, beyond=beyond, mean_distance=0.0)
    some, others = generator.integers(0, n, (2, _PAIRS))
    apart = some != others
    mean_distance = float(found.between(some[apart], others[apart]).mean(dtype=np.float64)) if n > 1 else 0.0
    if not mean_distance > 0:
        return found
    kept /= mean_distance
    beyond /= mean_distance**2
    return Reduced(features=kept, beyond=beyond, mean_distance=mean_distance)


def principal_axes(
    centred: NDArray[np.float32], dimensions: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """(d, dimensions) orthonormal axes, or zeros for those that do not exist.

    Beyond 512 numbers by a random range and two turns of subspace iteration (Halko et al. 2011). The same on any number
    of cores.
    """
    n, width = centred.shape
    dimensions = min(dimensions, n)
    if width <= 512:
        _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
        return np.ascontiguousarray(axes[:, ::-1][:, :dimensions], np.float32)
    span = _product(centred.T, generator.normal(size=(n, min(dimensions + _SPARE, n))).astype(np.float32))
    for _ in range(2):
        span = _product(centred.T, np.linalg.qr(_product(centred, span))[0])
    squares, turn = np.linalg.eigh((span.T @ span).astype(np.float64))
    squares, turn = squares[::-1][:dimensions], turn[:, ::-1][:, :dimensions]
    # Directions that hold nothing but rounding are no axes.
    scales = np.where(squares > _NOISE * squares[0], 1 / np.sqrt(np.maximum(squares, np.finfo(np.float64).tiny)), 0)
    return np.ascontiguousarray(span @ (turn * scales).astype(np.float32))


def _product(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """`left` @ `right`, in blocks of rows that are made side by side, each by one thread."""
    found = np.empty((len(left), right.shape[1]), np.float32)
    _in_blocks(lambda rows: np.matmul(left[rows], right, out=found[rows]), len(left))
    return found


def _in_blocks(work: Callable[[slice], object], n: int) -> None:
    """Call `work` for all of `n` rows, some at a time, which are the same on any number of cores."""

    def part(first: int, last: int) -> None:
        for block in range(first, last):
            work(slice(block * _ROWS_OF_BLOCK, (block + 1) * _ROWS_OF_BLOCK))

    in_parts(part, -(-n // _ROWS_OF_BLOCK))
