"""A refine brings like beside like, and keeps every promise of an assignment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import layout.compiled
from layout.assign import assign
from layout.grid import Grid, best_grid, grid_of
from layout.metrics import distance_preservation
from layout.project import project
from layout.refine import refine
from layout.swapping_hexagons import around
from layout.swaps import Board


def clusters(n: int, seed: int, width: int = 5) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(4, width))[rng.integers(0, 4, n)] + rng.normal(scale=0.2, size=(n, width))).astype("f4")


@st.composite
def laid_out(draw: st.DrawFn) -> tuple[Grid, NDArray[np.int64], dict[int, int]]:
    """A grid with closed cells and holes, images on it, and some of them pinned."""
    columns, rows = draw(st.integers(1, 11)), draw(st.integers(1, 11))
    mask = np.array(draw(st.lists(st.booleans(), min_size=columns * rows, max_size=columns * rows)))
    grid = Grid(columns=columns, rows=rows, mask=mask.reshape(rows, columns), hexagonal=draw(st.booleans()))
    n = draw(st.integers(0, grid.capacity))
    cells = np.random.default_rng(draw(st.integers(0, 9))).permutation(grid.cells)[:n]
    pinned = draw(st.sets(st.integers(0, n - 1), max_size=3)) if n else set()
    return grid, cells, {row: int(cells[row]) for row in pinned}


@given(laid_out(), st.integers(0, 9), st.sampled_from([0.5, 2.5, 6.0]))
@settings(deadline=None, max_examples=40)
def test_each_image_keeps_an_open_cell_of_its_own_and_pins_theirs(case, seed, radius):
    grid, cells, pins = case
    found = refine(clusters(len(cells), seed), cells, grid, radius=radius, tries=20, pins=pins, seed=seed)
    assert found.shape == cells.shape
    assert len(set(found.tolist())) == len(cells)
    assert set(found.tolist()) <= set(grid.cells.tolist())
    assert all(found[row] == cell for row, cell in pins.items())


@pytest.mark.parametrize(
    ("n", "hexagonal"), [(1, False), (2, True), (3, False), (97, False), (97, True), (5_000, False)]
)
def test_the_same_seed_gives_the_same_cells_on_any_number_of_cores(n, hexagonal, monkeypatch):
    grid = grid_of(n, aspect=1.618, hexagonal=hexagonal)
    features, cells = clusters(n, 3), np.random.default_rng(0).permutation(grid.cells)[:n]
    found = []
    for cores in ({0}, {0, 1, 2}):
        monkeypatch.setattr(layout.compiled.os, "sched_getaffinity", lambda _pid, cores=cores: cores)
        found.append(refine(features, cells, grid, tries=30, seed=5).tolist())
    assert found[0] == found[1]


def test_another_seed_gives_other_cells(colours):
    grid = best_grid(len(colours), 1.0)
    cells = grid.cells[: len(colours)]
    one, other = (refine(colours, cells, grid, tries=5, seed=seed) for seed in (0, 1))
    assert one.tolist() != other.tolist()


def test_colours_from_their_principal_plane_come_beyond_what_is_published(colours):
    grid = best_grid(len(colours), 1.0)
    cells = assign(project(colours, method="pca", seed=0), grid)
    found = refine(colours, cells, grid, radius=16, seed=0)
    assert distance_preservation(colours, found, grid) > 0.95  # FLAS .945, LAS and GradSort .954
    assert distance_preservation(colours, cells, grid) < 0.85


def test_a_shuffled_layout_becomes_more_than_twice_as_good(colours):
    grid = Grid(columns=40, rows=30)
    cells = np.random.default_rng(0).permutation(grid.cells)[: len(colours)]
    before, after = (
        distance_preservation(colours, these, grid)
        for these in (cells, refine(colours, cells, grid, radius=20, tries=200, seed=0))
    )
    assert after > 0.9
    assert before < 0.4


@pytest.mark.parametrize("seed", range(3))
def test_hexagons_gain_by_swaps_beside_six_neighbours(seed, colours):
    few, pins = colours[:300], {0: 40, 7: 41, 9: 0}
    grid = grid_of(303, aspect=1.3, hexagonal=True)
    cells = assign(project(few, method="pca", seed=0), grid, pins=pins)
    sorted_only, found = (refine(few, cells, grid, tries=tries, pins=pins, seed=seed) for tries in (0, 400))
    assert len(set(found.tolist())) == 300
    assert all(found[row] == cell for row, cell in pins.items())
    before, between, after = (distance_preservation(few, these, grid) for these in (cells, sorted_only, found))
    assert after > between + 0.01
    assert after > before + 0.05


def test_a_hexagons_neighbours_are_those_that_lie_so_near():
    grid = Grid(7, 6, hexagonal=True)
    places = grid.centres()
    far = np.linalg.norm(places[:, None] - places[None], axis=2).round(6)
    for cell, others in enumerate(around(7, 6)):
        for part, distance in ((others[:6], 1), (others[6:12], 3**0.5), (others[12:], 2)):
            assert sorted(part[part >= 0]) == np.flatnonzero(far[cell] == round(distance, 6)).tolist()


@pytest.mark.parametrize("hexagonal", [False, True])
def test_what_is_known_of_distances_is_still_true_after_swaps(hexagonal, colours):
    grid = Grid(19, 16, hexagonal=hexagonal)
    occupant = np.full(304, -1, np.int32)
    occupant[np.random.default_rng(0).permutation(304)[:290]] = np.arange(290)
    weights = np.linspace(1, 0.1, 8 if hexagonal else 6, dtype=np.float32)

    def board() -> Board:
        return Board.of(
            columns=grid.columns,
            hexagonal=hexagonal,
            occupant=occupant,
            movable=np.ones(304, np.bool_),
            features=colours[:290],
            beyond=np.zeros(290, np.float32),
            neighbours=np.empty((290, 0), np.int32),
            home=np.full(290, -1),
            stay=0.0,
            weights=weights,
            missing=0.5,
        )

    kept = board()
    before = float(kept.game.costs.sum())
    for phase in range(4):
        kept.anneal(0.01, tries=30, reach=4, phase=phase, seed=0)
    again = board()
    assert np.array_equal(kept.game.occupant, occupant)
    assert sorted(occupant) == [-1] * 14 + list(range(290))
    np.testing.assert_allclose(kept.game.beside, again.game.beside, rtol=1e-5)
    np.testing.assert_allclose(kept.game.costs, again.game.costs, rtol=1e-4)
    assert kept.game.costs.sum() < 0.8 * before


@pytest.mark.parametrize("n", [2, 3, 13])
def test_images_all_alike_stay_where_they_are(n):
    grid = best_grid(n, 1.0)
    cells = grid.cells[:n]
    assert refine(np.full((n, 7), 0.3), cells, grid).tolist() == cells.tolist()


def test_no_image_has_no_cell():
    assert refine(np.empty((0, 3)), np.empty(0, np.int64), best_grid(0, 1.0)).tolist() == []


def test_who_is_at_home_stays_unless_it_gains_by_leaving(colours):
    grid = best_grid(len(colours), 1.0)
    cells = assign(project(colours, method="pca", seed=0), grid)
    moved = [
        np.mean(refine(colours, cells, grid, radius=1, tries=50, home=cells, stay=stay) != cells)
        for stay in (0.0, 0.3, 100.0)
    ]
    assert moved[0] > moved[1] > moved[2] == 0


def test_more_images_than_are_looked_up_are_refined_in_tiles():
    grid = best_grid(17_000, 1.618)
    features = clusters(17_000, 0, width=3)
    cells = assign(project(features, method="pca", seed=0), grid)
    found = refine(features, cells, grid, tries=5)
    assert sorted(found) == sorted(cells)
    before, after = (distance_preservation(features, these, grid, sample=1_000) for these in (cells, found))
    assert after > before + 0.01


def test_time_that_is_up_ends_it_with_what_was_reached(colours):
    grid = best_grid(len(colours), 1.0)
    steps = []
    cells = np.random.default_rng(0).permutation(grid.cells)[: len(colours)]
    found = refine(colours, cells, grid, seconds=0, progress=lambda done, total: steps.append((done, total)))
    assert sorted(found) == sorted(cells)
    assert len(steps) == 1 < steps[0][1]


def test_progress_is_told_to_the_end(colours):
    steps = []
    refine(colours[:64], np.arange(64), Grid(8, 8), tries=5, progress=lambda done, total: steps.append((done, total)))
    assert [done for done, _ in steps] == list(range(1, steps[0][1] + 1))


@pytest.mark.parametrize(
    ("cells", "pins", "said"),
    [
        ([0, 1, 2], {}, "expected one cell for each row of features, got 3 for 4"),
        ([0, 1, 2, 2], {}, "two images in one cell"),
        ([0, 1, 2, 5], {}, "row 3: cell 5 is closed, or not on the grid"),
        ([0, 1, 2, 6], {}, "row 3: cell 6 is closed, or not on the grid"),
        ([0, 1, 2, 3], {1: 2}, "pins: row 1 does not lie in cell 2: assign with the same pins first"),
    ],
)
def test_what_cannot_be_refined_is_refused(cells, pins, said):
    mask = np.array([[True, True, True], [True, True, False]])
    with pytest.raises(ValueError, match=f"^{said}$"):
        refine(np.eye(4), np.array(cells), Grid(3, 2, mask), pins=pins)


def test_features_that_are_not_finite_are_named():
    features = np.eye(4)
    features[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"^1 of 4 rows of features hold NaN or infinity: rows 2$"):
        refine(features, np.arange(4), Grid(2, 2))
