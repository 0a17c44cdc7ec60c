"""Ledgers without rows for workspaces of tests: made by the program once, then copied, for making one takes a while."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from harvest.ledger import open_ledger
from harvest.workspace import Workspace

__all__ = ["begun"]


def begun(root: Path) -> Workspace:
    """The workspace `root` with a ledger that has no rows yet."""
    workspace = Workspace(root)
    root.mkdir(parents=True, exist_ok=True)
    workspace.ledger.write_bytes(_empty())
    return workspace


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        with open_ledger(workspace, write=True):
            pass
        return workspace.ledger.read_bytes()
