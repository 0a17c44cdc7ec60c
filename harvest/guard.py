"""A guard against foreign packages: `spiders` and `layout` are names that other projects use too."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import harvest
from harvest.errors import UsageError

__all__ = ["check_packages"]


def check_packages() -> None:
    """Make sure that `spiders` and `layout` are the ones that came with this `harvest`.

    Raises UsageError naming the foreign package's place, because a crawl that runs somebody else's spiders, or none,
    would fail in ways that nobody can read.
    """
    home = Path(harvest.__file__).resolve().parent.parent
    for name in ("spiders", "layout"):
        spec = importlib.util.find_spec(name)
        places = [Path(place).resolve() for place in (spec.submodule_search_locations or [])] if spec else []
        if not places:
            raise UsageError(f"the package {name!r} of {harvest.DISTRIBUTION} is missing; install it again with pip")
        if home / name not in places[:1]:
            raise UsageError(
                f"{places[0]} is not the {name!r} that belongs to {harvest.DISTRIBUTION} (expected {home / name}); "
                f"start from another folder, take {places[0].parent} out of PYTHONPATH, or use a venv of its own "
                f"({sys.executable})"
            )
