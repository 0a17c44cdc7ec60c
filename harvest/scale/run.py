"""A recipe's work on a cluster: what is missing, done by workers, told by a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harvest import __version__, embedders
from harvest.config.recipe import Recipe
from harvest.errors import UsageError
from harvest.places import Place, normal_url, place_at
from harvest.progress import Progress
from harvest.scale.cluster import LOCAL, carried_out, session
from harvest.scale.plan import Plan, plan_of
from harvest.scale.results import MANIFEST, Manifest, is_workspace, parts_in, read_manifest, write_manifest
from harvest.scale.workers import Terms
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["BLOCK", "ScaleReport", "scale"]

BLOCK = 128  # images: what a worker that dies has to do again, and some 20 MB of pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleReport:
    """What a run on a cluster did: images by what they lacked (`missing`), and the `rows` at `to` now, by table."""

    to: str
    images: int
    missing: Mapping[str, int]
    rows: Mapping[str, int]


def scale(
    workspace: Workspace,
    recipe: Recipe,
    *,
    to: str,
    progress: Progress,
    originals: str | None = None,
    address: str = LOCAL,
    workers: int | None = None,
    gpus: int | None = None,
    block: int = BLOCK,
) -> ScaleReport:
    """Make on a Ray cluster what `recipe` wants of each image and neither the ledger nor the result at `to` has.

    `to` is a folder or URL that all machines of the cluster reach, and so are `originals` (default: the workspace's
    store). Nothing is written here: `harvest.scale.take_result` brings the result into the ledger. A run that was
    stopped, or killed, goes on where it was.

    Raises UsageError where `to` holds the result of another recipe, WeightsMissing and ComponentMissing for models or
    packages that are missing here or on a worker, and SourceError when cluster or store do not answer.
    """
    to, source = normal_url(to), normal_url(originals or _store_of(workspace))
    place = place_at(to)
    _require_same(recipe, place, to)
    parts = parts_in(place)
    plan = plan_of(workspace, recipe, place=place, parts=parts)
    if len(plan.work):
        terms = _terms(plan, originals=source, to=to, block=block)
        with session(address, workers=workers, gpus=gpus, has_models=bool(terms.models)) as crew:
            progress.say(
                f"{len(plan.work):,} images, {crew.lookers} workers"
                + (
                    f", {crew.embedders} with models on {'GPUs' if crew.on_gpus else 'processors'}"
                    if terms.models
                    else ""
                )
            )
            with progress.start("scale", len(plan.work)) as task:
                for done in carried_out(terms, plan, crew):
                    task.advance(done)
    manifest = Manifest(
        recipe=recipe.name,
        recipe_digest=recipe.digest,
        code_version=__version__,
        models=plan.models,
        parts=tuple(parts_in(place)),
    )
    if len(plan.work) or (manifest.parts and place.size(MANIFEST) is None):
        write_manifest(place, manifest)
    return ScaleReport(
        to=to,
        images=len(plan.work),
        missing={f"{want.kind} {want.name}": plan.count(want) for want in plan.wants},
        rows=manifest.rows,
    )


def _require_same(recipe: Recipe, place: Place, to: str) -> None:
    if is_workspace(place):
        raise UsageError(f"{to}: is a workspace; name a folder or store that is for results alone")
    if place.size(MANIFEST) is not None and (other := read_manifest(place, to).recipe) != recipe.name:
        raise UsageError(f"{to}: holds the result of the recipe {other!r}, not of {recipe.name!r}; name another place")


def _store_of(workspace: Workspace) -> str:
    return Store(workspace.root).url or str(workspace.originals)


def _terms(plan: Plan, *, originals: str, to: str, block: int) -> Terms:
    models = [want.name for want in plan.wants if want.kind == "vector"]
    return Terms(
        code_version=__version__,
        originals=originals,
        to=to,
        wants=plan.wants,
        framings=tuple(embedders.load(name).framing for name in models),
        block=block,
    )
