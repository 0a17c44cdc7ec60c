"""What a cloud looks like: its shape, its place, and that it is the same again."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from layout.project import project


@pytest.fixture(scope="module")
def colours():
    """1,024 random RGB colours, the plainest set in the literature on sorted grids."""
    return np.random.default_rng(0).random((1024, 3), dtype=np.float32)


@pytest.mark.parametrize("n", [2, 3, 14, 15, 16])
def test_the_longer_side_goes_from_edge_to_edge(n, colours):
    points = project(colours[:n], method="umap", seed=0)
    assert np.ptp(points, axis=0).max() == pytest.approx(1)
    assert ((points >= 0) & (points <= 1)).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_images_on_one_line_and_images_given_twice_are_laid_out(metric):
    line = np.linspace(0.1, 1, 60)[:, None] * np.ones(4) + np.eye(4)[0]
    points = project(np.vstack([line, line]), method="umap", seed=0, metric=metric)
    assert np.isfinite(points).all()
    assert np.linalg.norm(points[:60] - points[60:], axis=1).mean() < 0.1


def test_the_same_input_and_seed_give_the_same_cloud_on_any_number_of_threads(colours):
    wide = np.hstack([colours[:200]] * 500)
    clouds = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            clouds.append(project(wide, method="umap", seed=7))
    assert clouds[0].tobytes() == clouds[1].tobytes()
    assert clouds[0].tobytes() != project(wide, method="umap", seed=8).tobytes()


def test_the_cloud_keeps_its_shape_and_lies_along_x():
    rectangle = np.random.default_rng(0).random((500, 2)) * [1, 4]
    points = project(rectangle, method="pca", seed=0)
    low, high = points.min(axis=0), points.max(axis=0)
    assert high - low == pytest.approx([1, 0.25], abs=0.02)
    assert (low + high) / 2 == pytest.approx([0.5, 0.5])


def test_cosine_sees_directions_and_not_lengths():
    generator = np.random.default_rng(0)
    directions = generator.normal(size=(40, 6))
    longer = directions * generator.uniform(0.1, 10, (40, 1))
    clouds = [project(rows, method="pca", seed=0, metric="cosine") for rows in (directions, longer)]
    np.testing.assert_allclose(clouds[0], clouds[1], atol=1e-4)
    assert not np.allclose(clouds[0], project(longer, method="pca", seed=0), atol=0.01)


def test_clusters_stay_together():
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(3, 20)) * 10
    kinds = np.arange(90) % 3
    points = project(centres[kinds] + generator.normal(size=(90, 20)), method="umap", seed=0)
    middles = np.stack([points[kinds == kind].mean(axis=0) for kind in range(3)])
    nearest = np.linalg.norm(points[:, None] - middles[None], axis=2).argmin(axis=1)
    assert (nearest == kinds).all()


def test_progress_is_told_to_the_end(colours):
    steps = []
    project(colours[:5], method="pca", seed=0, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 1)]  # a principal plane has no epochs


def test_an_unknown_method_is_refused(colours):
    with pytest.raises(ValueError, match=r"^expected method umap, tsne, pca and metric"):
        project(colours, method="som", seed=0)
