"""A model's space of two dimensions for tests of filters: words, pictures and images are angles in degrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harvest.stages.filters import Asked, FilterJob, Judged

__all__ = ["angles", "judge"]


def angles(turns: Sequence[object]) -> NDArray[np.float32]:
    """Unit vectors (n, 2) at these angles; that of a picture is its name: `10.png`."""
    radians = np.radians([float(str(turn).rpartition("/")[2].removesuffix(".png")) for turn in turns])
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def judge(job: FilterJob, turns: Sequence[float], said: Mapping[str, bool] | None = None) -> Judged:
    """What a filter by vectors makes of images at these angles, whose sha256s are their numbers."""
    asked = Asked(
        sha256s=np.array([f"{number:064x}" for number in range(len(turns))]),
        vectors=angles(turns),
        texts=angles,
        pictures=angles,
        said=said or {},
    )
    return job.params.judge_all(asked)
