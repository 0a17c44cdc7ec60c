"""Machine code gives the same bits whether it was just compiled or is loaded from disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

from layout import swapping_hexagons, swapping_squares, windows

COSTS = """
import hashlib, numpy as np
from layout.grid import Grid
from layout.swaps import Board

cells, generator = 32 * 32, np.random.default_rng(0)
board = Board.of(
    columns=32, hexagonal=HEXAGONAL, occupant=np.arange(cells, dtype=np.int32), movable=np.ones(cells, np.bool_),
    features=generator.random((cells, 3), np.float32), beyond=np.zeros(cells, np.float32),
    neighbours=np.empty((cells, 0), np.int32), home=np.full(cells, -1), stay=0.0,
    weights=(1 / np.arange(1, 9)).astype(np.float32), missing=1.0,
)
print(hashlib.sha256(board.game.costs.tobytes()).hexdigest())
"""


@pytest.mark.parametrize("module", [swapping_squares, swapping_hexagons, windows])
def test_no_loop_shares_code_that_is_free_to_round(module):
    loops = [one for one in vars(module).values() if isinstance(one, Dispatcher)]
    called = {
        name: one.py_func.__globals__[name].targetoptions
        for one in loops
        for name in one.py_func.__code__.co_names
        if isinstance(one.py_func.__globals__.get(name), Dispatcher)
    }
    assert called
    assert [
        name for name, how in called.items() if how.get("inline") != "always" and how.get("fastmath") is not False
    ] == []


@pytest.mark.parametrize("hexagonal", [False, True])
def test_a_process_that_compiles_finds_what_one_that_loads_finds(hexagonal, tmp_path):
    code = COSTS.replace("HEXAGONAL", str(hexagonal))
    here = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    found = [
        subprocess.run([sys.executable, "-c", code], env=here, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert found[0] == found[1]
