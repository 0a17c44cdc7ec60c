"""How loops over arrays are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["compiled"]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` as machine code that runs without Python's lock, kept on disk where there is a place for it."""
    made: Callable[..., Any]
    try:
        made = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written to
        made = numba.njit(nogil=True)(function)
    return made
