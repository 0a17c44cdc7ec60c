"""Copies among a ledger's images: found, grouped, and the best of each kept.

What is compiled is loaded when it is needed: commands that only ask who was decided on start without it.
"""

from __future__ import annotations

from harvest.config.recipe import Recipe
from harvest.progress import Progress
from harvest.stages.dedupe.digest import STAGE, dedupe_digest
from harvest.stages.report import StageReport
from harvest.workspace import Workspace

__all__ = ["STAGE", "dedupe_digest", "run_dedupe"]


def run_dedupe(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Group copies among all images of the ledger and decide which stay: `harvest.stages.dedupe.stage`."""
    from harvest.stages.dedupe import stage  # noqa: PLC0415

    return stage.run_dedupe(workspace, recipe, progress=progress)
