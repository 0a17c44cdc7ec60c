"""How well the share of text in a picture is told, with the rule against lone objects and without it.

The peer is PP-OCR's detector as it comes; photographs are those in IMAGES=DIR, which should be without words.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lettering import Lettered, lettered, photographs_without_words
from measuring import Row, report
from numpy.typing import NDArray

from harvest import scorers
from harvest.scorers import text

EACH = int(os.environ.get("EACH") or 20)  # pictures of every kind
PEER = "PP-OCR as it comes"


def main() -> None:
    """Measure all pictures both ways."""
    folder = Path(os.environ["IMAGES"]) if os.environ.get("IMAGES") else None
    pictures = list(lettered(photographs_without_words(folder), EACH))
    ours, theirs, seconds = _shares(pictures)
    truth, kinds = np.array([each.share for each in pictures]), np.array([each.kind for each in pictures])
    rows = [
        Row.of("mean error of the share", _error(ours, truth), PEER, _error(theirs, truth), "", less_is_better=True)
    ]
    for cut in (0.05, 0.2):
        for name, measure in (("precision", _precision), ("recall", _recall)):
            found = [measure(shares, truth, cut) for shares in (ours, theirs)]
            rows.append(Row.of(f"more than {cut:.0%} text: {name}", found[0], PEER, found[1], ""))
    for kind in dict.fromkeys(kinds.tolist()):
        of = kinds == kind
        means = [round(float(shares[of].mean()), 4) for shares in (ours, theirs)]
        rows.append(
            Row(
                metric=f"mean share, {kind} (truly {truth[of].mean():.3f})",
                ours=means[0],
                peer=PEER,
                peer_value=means[1],
            )
        )
    report("text", rows, images=len(pictures), cpu_seconds_an_image=round(seconds, 4), scorer=scorers.identify("text"))


def _shares(pictures: Sequence[Lettered]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """The shares by the scorer and by the bare detector, and the scorer's CPU seconds an image."""
    scorer = scorers.load("text")
    began = time.process_time()
    ours = [scorer(each.picture.convert("RGB")).value for each in pictures]
    seconds = (time.process_time() - began) / len(pictures)
    theirs = [_bare(scorer, each) for each in pictures]
    return np.array(ours), np.array(theirs), seconds


def _bare(scorer: Any, each: Lettered) -> float:
    """The share of all boxes that differentiable binarization's own bounds let through."""
    likely = scorer._likely(each.picture.convert("RGB"))
    return text._covered([box for box, certainty in text._boxes(likely) if certainty >= 0.6], likely.shape)


def _error(found: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(np.abs(found - truth).mean())


def _precision(found: NDArray[np.float64], truth: NDArray[np.float64], cut: float) -> float:
    return float(((found > cut) & (truth > cut)).sum() / max(1, (found > cut).sum()))


def _recall(found: NDArray[np.float64], truth: NDArray[np.float64], cut: float) -> float:
    return float(((found > cut) & (truth > cut)).sum() / max(1, (truth > cut).sum()))


if __name__ == "__main__":
    main()
