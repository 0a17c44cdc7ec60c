"""The whole job on the demo museum: serve, run the recipe, audit, and count against what was planted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from harvest import run as runner
from harvest.demo.museum.client import Museum
from harvest.demo.museum.collection import draw_collection
from harvest.demo.museum.plan import Scale
from harvest.demo.scoreboard import Scoreboard, score
from harvest.ledger import exported, open_ledger
from harvest.progress import Progress
from harvest.run import RunReport
from harvest.workspace import Workspace

__all__ = ["DemoReport", "run_demo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """What the demo did, how it did it, and where the pictures and reports are."""

    run: RunReport
    scoreboard: Scoreboard
    pictures: Mapping[str, Path]


def run_demo(workspace: Workspace, *, seed: int, scale: Scale, progress: Progress) -> DemoReport:
    """Run the demo's recipe against the museum in `workspace`.

    The museum's drawings are kept in the workspace, so that a second run starts at once. Raises what a run raises.
    """
    cache = workspace.root / "museum"
    draw_collection(cache, seed, scale, progress)
    with Museum(cache, seed, scale) as museum, _environment(museum.environment):
        with as_file(files("harvest.demo") / "configs") as configs:
            plan = runner.prepare(configs / "museum.yaml", seed=seed)
            report = runner.run(workspace, plan, progress=progress, processes=2)
        truth, requests = museum.truth, museum.requests
    with open_ledger(workspace) as con:
        out = {row.sha256 for name in report.exports for row in exported(con, name)}
        scoreboard = score(con, truth, out, requests)
    return DemoReport(run=report, scoreboard=scoreboard, pictures=_pictures(workspace, report))


def _pictures(workspace: Workspace, report: RunReport) -> dict[str, Path]:
    folder = workspace.layouts / report.recipe
    return {
        "viewer": folder / "index.html",
        "mosaic": folder / "mosaic.png",
        "contact sheet": folder / "sheet-01.jpg",
        "audit": report.audit.html,
        **{f"export {name}": workspace.exports / name for name in report.exports},
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
