"""Features to points, and how good the mosaic of them is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from layout.features import unit_rows
from layout.project import project
from layout.reduced import reduced


def colours(n: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((n, 3), np.float32)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 13, 17])
@pytest.mark.parametrize("method", ["umap", "pca"])
def test_any_number_of_images_has_points_within_the_unit_square(n: int, method: str) -> None:
    points = project(colours(n), method=method, seed=0)
    assert points.shape == (n, 2)
    assert ((points >= -1e-9) & (points <= 1 + 1e-9)).all()


@pytest.mark.parametrize("method", ["umap", "pca"])
def test_images_all_alike_lie_in_one_place(method: str) -> None:
    assert project(np.ones((20, 8), np.float32), method=method, seed=0).tolist() == [[0.5, 0.5]] * 20


def test_same_seed_gives_the_same_cloud() -> None:
    one, other = (project(colours(120), method="umap", seed=4) for _ in range(2))
    assert one.tolist() == other.tolist()


def test_cosine_knows_no_brightness() -> None:
    features = colours(40)
    brighter = features * np.linspace(1, 5, 40, dtype=np.float32)[:, None]
    np.testing.assert_allclose(unit_rows(features), unit_rows(brighter), atol=1e-6)


def test_refuses_features_that_are_not_finite() -> None:
    features = colours(9)
    features[[2, 5]] = np.nan
    with pytest.raises(ValueError, match=r"^2 of 9 rows of features hold NaN or infinity: rows 2, 5$"):
        project(features, method="pca", seed=0)
    with pytest.raises(ValueError, match=r"^2 of 9 rows of features hold NaN or infinity: rows 2, 5$"):
        reduced(features, seed=0)
