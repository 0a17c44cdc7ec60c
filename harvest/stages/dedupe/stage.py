"""The stage: groups of copies, the best of each kept, and a decision for every image."""

from __future__ import annotations

from collections.abc import Mapping

from harvest.config.recipe import Recipe
from harvest.ledger import latest_stage, open_ledger, reviews, write_decisions, write_duplicates
from harvest.progress import Progress
from harvest.stages.dedupe.decisions import outcome
from harvest.stages.dedupe.digest import STAGE, VERSION, digest_for
from harvest.stages.dedupe.pictures import Pictures
from harvest.stages.dedupe.search import Reviewed, search
from harvest.stages.report import StageReport
from harvest.workspace import Workspace

__all__ = ["run_dedupe"]

_BATCH = 100_000


def run_dedupe(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Group copies among all images of the ledger and decide which of each group stays.

    Methods propose, pixels decide: two images are copies when some method of the recipe finds them near and one, laid
    over the other, agrees by at least LIKENESS; those of equal pixels are without being looked at. A new image can be a
    better copy than one that was kept, so the decisions stand under a digest that covers the whole set and what people
    said of it, and any change makes them anew: from what the ledger remembers. Exact copies share their bytes and with
    them their row: they are one image here.
    """
    with open_ledger(workspace) as con:
        pictures = Pictures.of(con)
        said = reviews(con, recipe.name, STAGE)
        last = latest_stage(con, STAGE, recipe.name)
    inputs = pictures.digest(said)
    digest = digest_for(recipe.dedupe, inputs)
    if last is not None and last.recipe_digest == digest:
        return _report(last.detail, done=0, skipped=len(pictures))
    reviewed = Reviewed.of(pictures, said)
    found = search(workspace, recipe.dedupe, pictures, reviewed, progress)
    words = {"stage": STAGE, "recipe_digest": digest, "decided_by": f"{STAGE}/{VERSION}"}
    threshold = float(recipe.dedupe.near.max_distance) if recipe.dedupe.near else None
    result = outcome(pictures, found, reviewed, words=words, threshold=threshold)
    for start in range(0, len(pictures), _BATCH):
        with open_ledger(workspace, write=True) as con:
            write_decisions(con, result.verdicts.slice(start, _BATCH))
    detail = {"images": len(pictures), "groups": result.groups, "dropped": result.dropped, **found.counts}
    with open_ledger(workspace, write=True) as con:
        write_duplicates(
            con, name=recipe.name, recipe_digest=digest, input_digest=inputs, rows=result.rows, detail=detail
        )
    return _report(detail, done=len(pictures), skipped=0)


def _report(detail: Mapping[str, object], *, done: int, skipped: int) -> StageReport:
    dropped = int(str(detail["dropped"]))
    total = int(str(detail["images"]))
    return StageReport(
        stage=STAGE, done=done, skipped=skipped, kept=total - dropped, dropped=dropped, detail=dict(detail)
    )
