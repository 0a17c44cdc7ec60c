"""The datasets of the export's tests: originals, sizes, and exports to make of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("dataset_fixtures", Path(__file__).parents[1] / "export" / "conftest.py")
assert _spec
assert _spec.loader
fixtures = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = fixtures  # dataclasses look their module up
_spec.loader.exec_module(fixtures)

empty = fixtures.empty
dataset = fixtures.dataset


@pytest.fixture(scope="session")
def photograph():
    """A small JPEG that no other seed gives."""
    return fixtures.photograph
