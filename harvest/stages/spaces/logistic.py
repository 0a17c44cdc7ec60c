"""Learn from examples which side of a line points of a space lie on: logistic regression, calibrated."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Classifier", "learn"]

_FOLDS = 5
_STRENGTHS = (100.0, 31.6, 10.0, 3.16, 1.0, 0.316, 0.1, 0.0316, 0.01)  # of the pull towards 0, strongest first
_STEPS = 50
_CLOSE = 1e-8  # a step that gains a smaller share of the loss is the last one
_ROUGHLY = 1e-3  # the same, while strengths are compared
_PATIENCE = 2  # weaker strengths that may be worse before no more are tried
_BARELY = 1e-6  # keeps a line that parts the examples without fault from growing for ever

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """A line through a space: `weights` (d,) and `bias` give margins, `slope` and `offset` make probabilities of them.

    `held_out` are the probabilities of the examples (n,), each by a classifier that had not seen it.
    """

    weights: Floats
    bias: float
    slope: float
    offset: float
    held_out: Floats = field(repr=False)

    def probabilities(self, vectors: NDArray[np.float32]) -> Floats:
        """How likely each row of `vectors` (n, d) is to be wanted, (n,)."""
        margins = vectors @ self.weights.astype(np.float32)
        return _sigmoid(self.slope * (margins.astype(np.float64) + self.bias) + self.offset)


def learn(vectors: NDArray[np.float32], wanted: NDArray[np.bool_]) -> Classifier:
    """Learn from examples, rows of `vectors` (n, d), at least two `wanted` (n,) and two not. Equal ones teach the same.

    L2-regularised logistic regression by Newton's method in the span of the examples, both kinds of equal weight, on
    vectors that are centred and of unit spread in the mean of all directions. How strongly it is regularised, and how
    margins become probabilities (Platt 1999, with the targets of his equation 9), is found by cross-validation over
    five folds. Examples that were chosen because they are in doubt make probabilities those of such ones.
    """
    return _learned(vectors.astype(np.float32).tobytes(), vectors.shape[1], wanted.astype(np.bool_).tobytes())


@lru_cache(maxsize=4)
def _learned(vectors: bytes, width: int, wanted: bytes) -> Classifier:
    """Remembered, because a million images are judged some ten thousand at a time."""
    points = np.frombuffer(vectors, np.float32).reshape(-1, width).astype(np.float64)
    labels = np.frombuffer(wanted, np.bool_)
    mean = points.mean(axis=0)
    spread = float(np.sqrt(np.square(points - mean).sum(axis=1).mean() / width)) or 1.0
    left, lengths, directions = np.linalg.svd((points - mean) / spread, full_matrices=False)
    spanned = left * lengths
    held_out, strength = _cross_validated(spanned, labels)
    line = _line(spanned, labels, strength)
    weights = directions.T @ line[:-1] / spread
    slope, offset = _calibrated(held_out, labels)
    return Classifier(
        weights=weights,
        bias=float(line[-1] - weights @ mean),
        slope=slope,
        offset=offset,
        held_out=_sigmoid(slope * held_out + offset),
    )


def _cross_validated(points: Floats, labels: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Margins of the examples by classifiers that had not seen them, with the strength that foretells them best."""
    folds = np.empty(len(labels), np.int64)
    count = min(_FOLDS, int(labels.sum()), int((~labels).sum()))
    for kind in (labels, ~labels):
        folds[kind] = np.arange(int(kind.sum())) % count
    lines: dict[int, Floats] = {}
    best, best_strength, least, worse = np.zeros(len(labels)), _STRENGTHS[0], np.inf, 0
    for strength in _STRENGTHS:
        margins = np.empty(len(labels))
        for fold in range(count):
            known, unknown = folds != fold, folds == fold
            line = lines[fold] = _line(points[known], labels[known], strength, start=lines.get(fold), close=_ROUGHLY)
            margins[unknown] = points[unknown] @ line[:-1] + line[-1]
        surprise = float(np.logaddexp(0, np.where(labels, -margins, margins)) @ _equal_weights(labels))
        worse = 0 if surprise < least else worse + 1
        if surprise < least:
            best, best_strength, least = margins, strength, surprise
        if worse == _PATIENCE:  # it only gets worse with less regularisation
            break
    return best, best_strength


def _line(
    points: Floats, labels: NDArray[np.bool_], strength: float, *, start: Floats | None = None, close: float = _CLOSE
) -> Floats:
    return _newton(points, labels.astype(np.float64), _equal_weights(labels), strength, start=start, close=close)


def _equal_weights(labels: NDArray[np.bool_]) -> Floats:
    """(n,) weights that sum up to n, half of that for either kind."""
    shares = np.array([max(1, int((~labels).sum())), max(1, int(labels.sum()))])
    return np.asarray(len(labels) / 2 / shares[labels.astype(np.int64)], np.float64)


def _calibrated(margins: Floats, labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that make margins probabilities; a slope of 0 where margins tell nothing."""
    yes, no = int(labels.sum()), int((~labels).sum())
    targets = np.where(labels, (yes + 1) / (yes + 2), 1 / (no + 2))
    slope, offset = _newton(margins[:, None], targets, np.ones(len(labels)), _BARELY)
    return (float(slope), float(offset)) if slope > 0 else (0.0, float(np.log((yes + 1) / (no + 1))))


def _newton(
    points: Floats,
    targets: Floats,
    weights: Floats,
    strength: float,
    *,
    start: Floats | None = None,
    close: float = _CLOSE,
) -> Floats:
    """The line (d + 1,), its bias last and hardly regularised, of the least weighted cross-entropy with `targets`."""
    design = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    pull = np.full(design.shape[1], strength)
    pull[-1] = _BARELY
    line = np.zeros(design.shape[1]) if start is None else start

    def loss(candidate: Floats) -> float:
        margins = design @ candidate
        return float(weights @ (np.logaddexp(0, margins) - targets * margins) + candidate @ (pull * candidate) / 2)

    now = loss(line)
    for _ in range(_STEPS):
        chances = _sigmoid(design @ line)
        slope = design.T @ (weights * (chances - targets)) + pull * line
        scaled = design * np.sqrt(weights * chances * (1 - chances))[:, None]
        curvature = scaled.T @ scaled + np.diag(pull)
        step = np.linalg.solve(curvature, slope)
        size = 1.0
        while (then := loss(line - size * step)) > now and size > _CLOSE:
            size /= 2
        if then > now:
            break
        gained, now, line = now - then, then, line - size * step
        if gained < close * max(1.0, abs(now)):
            break
    return line


def _sigmoid(margins: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -margins)), np.float64)
