"""The datasets of the export's tests, exported. Each test breaks a copy of its own."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harvest.workspace import Workspace

_spec = importlib.util.spec_from_file_location("dataset_fixtures", Path(__file__).parents[1] / "export" / "conftest.py")
assert _spec
assert _spec.loader
_fixtures = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _fixtures  # dataclasses look their module up
_spec.loader.exec_module(_fixtures)

empty = _fixtures.empty


@pytest.fixture(scope="session")
def _pattern(tmp_path_factory: pytest.TempPathFactory):
    made = _fixtures.make_empty(tmp_path_factory.mktemp("pattern"))
    for seed in range(6):
        made.meet(seed)
    made.crawl()
    made.keep()
    made.export()
    return made


@pytest.fixture
def exported(_pattern, tmp_path: Path):
    """Six shells by six creators in two exports: small (64 px) and whole (originals)."""
    shutil.copytree(_pattern.workspace.root, tmp_path / "workspace")
    return replace(_pattern, workspace=Workspace(tmp_path / "workspace"), met=[])
