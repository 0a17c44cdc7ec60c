"""t-SNE: the plane in which near neighbours count, and far ones hardly do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layout.neighbours import nearest

__all__ = ["tsne"]

_PERPLEXITY = 30.0
_NEIGHBOURS = 3  # times the perplexity
_START = 1e-4  # spread of the start along x, as of Kobak and Berens 2019
_EARLY, _LATE = 250, 500  # iterations
_EXAGGERATION = 12.0
_EVERY = 10  # iterations between two reports


def tsne(
    features: NDArray[np.float32],
    principal: NDArray[np.float32],
    *,
    seed: int,
    progress: Callable[[int, int], None],
) -> NDArray[np.float64]:
    """(n, 2) points by openTSNE (https://opentsne.readthedocs.io): perplexity 30, started from the principal plane.

    Below four images it is that plane. Up to 10,000 images forces are summed over a tree, above by interpolation on a
    grid, which makes 100,000 a matter of minutes. One thread, for nothing promises that sums over
    several are the same on any number of cores. `progress(done, steps)` is called every ten iterations.
    """
    n = len(features)
    perplexity = min(_PERPLEXITY, (n - 1) / _NEIGHBOURS)
    if perplexity < 1:
        return principal[:, :2].astype(np.float64)
    from openTSNE import TSNEEmbedding, affinity  # noqa: PLC0415 - heavy, optional

    rows, distances = nearest(features, min(n, int(_NEIGHBOURS * perplexity) + 1), seed=seed)
    alike = affinity.joint_probabilities_nn(rows[:, 1:], distances[:, 1:], [perplexity])
    start = principal[:, :2].astype(np.float64)
    start *= _START / (float(start[:, 0].std()) or 1.0)
    # Images all alike would stay in one point for ever.
    start += np.random.default_rng(seed).normal(scale=_START / 100, size=start.shape)
    embedding: Any = TSNEEmbedding(start, affinity.PrecomputedAffinities(alike), n_jobs=1, random_state=seed)
    done = 0
    for iterations, exaggeration, momentum in ((_EARLY, _EXAGGERATION, 0.5), (_LATE, 1.0, 0.8)):
        embedding = embedding.optimize(
            iterations,
            exaggeration=exaggeration,
            momentum=momentum,
            learning_rate="auto",
            callbacks=lambda step, _error, _points, before=done: progress(before + step, _EARLY + _LATE),
            callbacks_every_iters=_EVERY,
        )
        done += iterations
    return np.asarray(embedding, np.float64)
