"""Cloud to grid: arrows, and films that end where the mosaic is."""

from __future__ import annotations

import av
import numpy as np
import pytest
from PIL import Image

from layout.arrows import arrows
from layout.grid import Grid, best_grid
from layout.morph import morph, write_gif, write_mp4


@pytest.fixture
def scene(coloured_tiles):
    """Tiles, points of a cloud, cells and their grid."""
    points = np.random.default_rng(3).normal(size=(12, 2))
    return coloured_tiles.__getitem__, points, np.arange(12), Grid(columns=4, rows=3)


def test_a_film_ends_with_every_image_in_its_cell(scene, coloured_tiles):
    tiles, points, cells, grid = scene
    film = morph(tiles, points, cells, grid, size=160, seconds=1, fps=10)
    frames = list(film.frames)
    assert len(frames) == film.count
    assert frames[0].shape == (film.height, film.width, 3) == (120, 160, 3)
    for index, cell in enumerate(cells):
        row, column = divmod(int(cell), 4)
        shown = frames[-1][row * 40 : row * 40 + 40, column * 40 : column * 40 + 40]
        assert (shown == coloured_tiles[index, 0, 0]).all()
    assert (frames[0] != frames[-1]).any()


@pytest.mark.parametrize(("size", "reach"), [(16, 0.0), (64, 0.35), (480, 0.46)])
def test_a_film_of_hexagons_ends_with_hexagons(size, reach, coloured_tiles):
    grid = Grid(columns=4, rows=5, hexagonal=True)
    cells = np.random.default_rng(0).permutation(20)[: len(coloured_tiles)]
    film = morph(
        lambda index: coloured_tiles[index], grid.centres(cells)[::-1], cells, grid, size=size, seconds=0.2, fps=5
    )
    last = list(film.frames)[-1]
    scale = film.width / 4.5
    for index, (x, y) in enumerate((grid.centres(cells) + np.array([0, 0.1443])) * scale):
        here = {(int(x + turn * reach * scale), int(y)) for turn in (-1, 0, 1)}
        here |= {(int(x), int(y + turn * reach * scale * 1.1)) for turn in (-1, 1)}
        assert all((last[b, a] == coloured_tiles[index, 0, 0]).all() for a, b in here)
    ground = (last == 0x11).all(axis=2)
    assert ground[0, 0]
    assert ground[-1, -1]


def test_the_same_seed_is_the_same_film_and_another_is_not(scene):
    def middle(seed):
        film = morph(*scene, size=96, seconds=1, fps=8, seed=seed)
        return np.stack(list(film.frames))

    assert (middle(1) == middle(1)).all()
    assert (middle(1) != middle(2)).any()


def test_no_image_leaves_the_picture_however_far_the_cloud_reaches():
    points = np.concatenate([np.random.default_rng(0).normal(size=(99, 2)), [[80.0, -60.0]]])
    grid = best_grid(100, 1.6)
    film = morph(
        lambda _: np.full((8, 8, 3), 200, np.uint8), points, np.arange(100), grid, size=240, seconds=0.2, fps=5
    )
    first = next(film.frames)
    assert (first == 200).all(axis=2).sum() > 0


def test_an_mp4_and_a_gif_play_to_their_end(scene, tmp_path):
    for name, write in (("film.mp4", write_mp4), ("again.mp4", write_mp4), ("film.gif", write_gif)):
        film = morph(*scene, size=128, seconds=0.5, fps=10)
        write(tmp_path / name, film)
    with av.open(str(tmp_path / "film.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == film.count
    last = frames[-1].astype(int)
    assert np.abs(last[10:20, 10:20] - scene[0](0)[0, 0]).max() < 30
    assert (tmp_path / "film.mp4").read_bytes() == (tmp_path / "again.mp4").read_bytes()
    with Image.open(tmp_path / "film.gif") as gif:
        assert (gif.n_frames, gif.info["loop"], gif.info["duration"]) == (film.count, 0, 100)
        gif.seek(film.count - 1)
        shown = np.asarray(gif.convert("RGB")).astype(int)
    assert np.abs(shown[10, 10] - scene[0](0)[0, 0]).max() < 24


def test_arrows_are_long_where_images_had_to_go_far_and_coloured_by_their_way():
    grid = Grid(columns=10, rows=10)
    there = grid.centres()
    moved = np.asarray(arrows(there, grid.cells[::-1], grid, size=400)).astype(int)
    still = np.asarray(arrows(there, grid.cells, grid, size=400)).astype(int)
    assert moved.shape == still.shape == (400, 400, 3)
    assert (moved > 90).any(axis=2).sum() > 4 * (still > 90).any(axis=2).sum() > 0
    # The first image went down to the right, and the last up to the left: opposite colours.
    end, start = moved[378, 378], moved[22, 22]
    assert abs(end - start).sum() > 150


def test_arrows_of_many_are_of_patches_and_of_none_are_a_ground():
    rng = np.random.default_rng(0)
    grid = best_grid(6_000, 1.5)
    picture = np.asarray(arrows(rng.normal(size=(6_000, 2)), rng.permutation(grid.cells)[:6_000], grid, size=300))
    assert 0.02 < (picture > 90).any(axis=2).mean() < 0.9
    empty = arrows(np.empty((0, 2)), np.empty(0, np.int64), Grid(columns=1, rows=1), size=50)
    assert empty.getcolors() == [(2500, (0x11, 0x11, 0x11))]
