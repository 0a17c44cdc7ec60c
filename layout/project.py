"""From features to a cloud in the plane, in which like lies by like."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layout.compiled import one_thread_a_product
from layout.features import require_finite, unit_rows
from layout.neighbours import fuzzy_graph, nearest, umap_functions
from layout.reduced import Reduced, principal_axes, reduced
from layout.tsne import tsne

__all__ = ["EPOCHS", "EPOCHS_BEFORE_REFINE", "METHODS", "Metric", "ProjectionMethod", "project"]

Metric = Literal["euclidean", "cosine"]
ProjectionMethod = Literal["umap", "tsne", "pca"]
Report = Callable[[int, int], None]
METHODS: tuple[ProjectionMethod, ...] = ("umap", "tsne", "pca")

NEIGHBOURS = 15
EPOCHS = 200  # umap's own default above 10,000 images
EPOCHS_BEFORE_REFINE = 100  # what more would win, a refine wins too
_MIN_DIST = 0.1
_WIDE = 1_024
_FLAT = 1e-6


def project(
    features: NDArray[np.floating],
    *,
    method: ProjectionMethod,
    seed: int,
    metric: Metric = "euclidean",
    small: Reduced | None = None,
    epochs: int = EPOCHS,
    progress: Report | None = None,
) -> NDArray[np.float64]:
    """(n, 2) points in [0, 1] for `features` (n, d); the same input and seed give the same points.

    `umap` takes 15 neighbours at a least distance of 0.1 and starts from the principal plane; `tsne` has a perplexity
    of 30 and starts there too; `pca` takes the principal plane itself. Features wider than 1,024 are `reduced` to their
    first principal components before, or taken from `small` where that was done already. `metric` is `cosine` for
    embeddings, whose rows are then brought to length 1, and `euclidean` for pixels. Of umap's `epochs`
    EPOCHS_BEFORE_REFINE are enough where a refine follows. Up to 15 images have no neighbourhoods that could be kept,
    and take pca in any case. The cloud is turned so that its long axis lies along x, keeps its shape (one factor for
    both axes), and is centred. `progress(done, steps)` is called as epochs go by, and once more at the end. Raises
    ValueError for features that are not finite, naming the rows.
    """
    if method not in METHODS or metric not in ("euclidean", "cosine"):
        raise ValueError(
            f"expected method {', '.join(METHODS)} and metric euclidean or cosine, got {method!r} and {metric!r}"
        )
    require_finite(features)
    report: Report = progress or (lambda _done, _steps: None)
    n = len(features)
    features = unit_rows(features) if metric == "cosine" else np.asarray(features, np.float32)
    if n < 2 or bool((features == features[0]).all()):
        return np.full((n, 2), 0.5)
    wide = features.shape[1] > _WIDE
    # umap makes another cloud of what differs in its last bits.
    with one_thread_a_product():
        if wide:
            usable = small if metric == "euclidean" else None
            features = (usable or reduced(features, seed=seed)).features
        plane = features[:, :2] if wide else _plane(features, seed)
        cloud = plane.astype(np.float64)
        if method == "umap" and n > NEIGHBOURS:
            cloud = _umap(features, plane, seed, epochs, report)
        elif method == "tsne" and n > NEIGHBOURS:
            cloud = tsne(features, plane, seed=seed, progress=report)
    report(1, 1)
    return _framed(cloud)


def _plane(features: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """(n, 2) scores on the first principal components; columns of zeros where there are fewer."""
    centred = features - features.mean(axis=0)
    axes = principal_axes(centred, 2, np.random.default_rng(seed))
    padded = np.zeros((len(features), 2), np.float32)
    padded[:, : axes.shape[1]] = centred @ axes
    return padded


def _umap(
    features: NDArray[np.float32], plane: NDArray[np.float32], seed: int, epochs: int, report: Report
) -> NDArray[np.float64]:
    umap = umap_functions()
    # umap stretches each axis of the start to one length; an axis without spread would be a division by zero.
    start = plane.astype(np.float64)
    flat = start.std(axis=0) <= _FLAT * start.std()
    start[:, flat] = np.random.default_rng(seed).normal(size=start.shape)[:, flat]
    a, b = umap.find_ab_params(1.0, _MIN_DIST)
    cloud, _ = umap.simplicial_set_embedding(
        features,
        fuzzy_graph(*nearest(features, NEIGHBOURS, seed=seed)),
        n_components=2,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=epochs,
        init=start,
        random_state=np.random.RandomState(seed),
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        # What umap lets its caller see of its epochs is the bar that tqdm writes.
        tqdm_kwds={"disable": False, "file": _Epochs(report), "bar_format": "{n}/{total}", "mininterval": 0.2},
    )
    return np.asarray(cloud, np.float64)


class _Epochs(io.StringIO):
    """A file that a bar of the form `n/total` is written to, and that hands on its numbers."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report = report

    def write(self, text: str) -> int:
        done, slash, total = text.strip().partition("/")
        if slash and done.isdecimal() and total.isdecimal():
            self._report(int(done), int(total))
        return len(text)


def _framed(cloud: NDArray[np.float64]) -> NDArray[np.float64]:
    """`cloud` on its principal axes, its longer side from 0 to 1, the other one centred."""
    centred = cloud - cloud.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov(centred.T))
    turned = centred @ axes[:, ::-1]
    # An axis has no direction of its own: the longer tail points right and down.
    turned *= np.where((turned**3).sum(axis=0) < 0, -1, 1)
    low, high = turned.min(axis=0), turned.max(axis=0)
    longest = float((high - low).max())
    return np.asarray((turned - (low + high) / 2) / (longest or 1.0) + 0.5, np.float64)
