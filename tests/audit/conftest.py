"""The datasets of the export's tests, exported. Each test breaks a copy of its own."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from harvest.workspace import Workspace


def _module(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


_fixtures = _module("dataset_fixtures", Path(__file__).parents[1] / "export" / "conftest.py")
_asked_again = _module("asked_again", Path(__file__).parent / "asked_again.py")

empty = _fixtures.empty


@pytest.fixture(scope="session")
def photograph() -> Callable[..., bytes]:
    """A small JPEG that no other number gives."""
    return _fixtures.photograph  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def asked_again() -> ModuleType:
    """Museums on loopback: `Museum` over HTTP/1.1, `Http2Museum` over HTTP/2."""
    return _asked_again


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
