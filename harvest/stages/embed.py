"""Vectors of what images show, one row for each image and model, computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harvest.config.recipe import Recipe, params_digest
from harvest.errors import Broken, LedgerError, WeightsMissing
from harvest.images.decode import decode_rgb
from harvest.ledger import (
    Connection,
    decided,
    decisions,
    images,
    latest_stage,
    open_ledger,
    record_stage,
    vectors,
    without_vectors,
    write_decisions,
    write_embeddings,
)
from harvest.ledger.rows import DecisionRow, ImageRow
from harvest.processes import batches, in_threads
from harvest.progress import Progress
from harvest.stages import clip, dedupe, filters
from harvest.stages.report import StageReport
from harvest.stages.work import digest_over
from harvest.store import Store
from harvest.workspace import Workspace

if TYPE_CHECKING:
    import torch

__all__ = ["STAGE", "LedgerSpace", "copies", "embed_missing", "model_id", "models_of", "run_embed", "undecodable"]

STAGE = "embed"
VERSION = 1
_BATCH = 64
_WRITE = 512


def run_embed(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Embed what has no vector yet, with every model that the recipe's filters and layout name.

    Images that dedupe dropped are left out: their better copy speaks for them. An image that does not decode gets a
    `drop` decision of the stage `embed`. Raises WeightsMissing or ComponentMissing.
    """
    done = skipped = dropped = 0
    detail: dict[str, object] = {}
    for name in models_of(recipe):
        report = embed_missing(workspace, recipe, name, progress=progress)
        done, skipped, dropped = done + report.done, skipped + report.skipped, dropped + report.dropped
        detail[name] = dict(report.detail)
    return StageReport(stage=STAGE, done=done, skipped=skipped, dropped=dropped, detail=detail)


def models_of(recipe: Recipe) -> tuple[str, ...]:
    """The CLIP models that a recipe needs, in the order in which it names them."""
    named = [job.params.model for job in filters.build(recipe) if isinstance(job.params, filters.ByMeaning)]
    if recipe.layout is not None and recipe.layout.features == "clip":
        named.append(recipe.layout.model or (named[0] if named else clip.DEFAULT_MODEL))
    return tuple(dict.fromkeys(named))


def embed_missing(workspace: Workspace, recipe: Recipe, name: str, *, progress: Progress) -> StageReport:
    """Embed with the model `name` every image that needs it and has no vector. Loads nothing when none is missing."""
    identity = model_id(workspace, name)
    digest = _digest(identity)
    with open_ledger(workspace) as con:
        left_out = undecodable(con, identity) | copies(con, recipe)
        missing = without_vectors(con, identity)
        present = len(images(con)) - len(missing)
    todo = [image for image in missing if image.sha256 not in left_out]
    if not todo:
        return StageReport(stage=STAGE, skipped=present, detail={"model": identity})
    model = clip.load(name)
    progress.say(f"embedding {len(todo):,} images with {identity} on the {model.where}")
    broken = 0
    with progress.start(f"embed ({model.where})", len(todo)) as task:
        for batch in batches(_vectors(workspace, model, todo), _WRITE):
            good = [(image.sha256, found) for image, found in batch if isinstance(found, np.ndarray)]
            bad = [(image, found) for image, found in batch if isinstance(found, Broken)]
            with open_ledger(workspace, write=True) as con:
                if good:
                    write_embeddings(con, identity, [sha256 for sha256, _ in good], np.stack([v for _, v in good]))
                write_decisions(con, [_drop(image, error, digest) for image, error in bad])
            broken += len(bad)
            task.advance(len(batch))
    detail = {"model": identity, "device": model.device.type, "where": model.where, "broken": broken}
    with open_ledger(workspace, write=True) as con:
        record_stage(con, STAGE, name, digest, digest_over(image.sha256 for image in todo), detail)
    return StageReport(stage=STAGE, done=len(todo), skipped=present, dropped=broken, detail=detail)


def model_id(workspace: Workspace, name: str) -> str:
    """`name@digest` of a model: of its weights where they are here, else of those that embedded this workspace.

    So exports and audits of a finished workspace need no weights. Raises WeightsMissing when neither is known.
    """
    try:
        return clip.find_weights(name).model_id
    except WeightsMissing:
        with open_ledger(workspace) as con:
            last = latest_stage(con, STAGE, name)
        if last is None:
            raise
        return str(last.detail["model"])


def undecodable(con: Connection, identity: str) -> set[str]:
    """The sha256s that could not be decoded for this model."""
    return decided(con, STAGE, _digest(identity))


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSpace:
    """A model's space: vectors of images from the ledger, and of texts as they are asked for."""

    name: str
    vectors: Mapping[str, NDArray[np.float32]] = field(repr=False)

    @classmethod
    def of(cls, con: Connection, name: str, identity: str) -> LedgerSpace:
        """All vectors that the ledger has of the model `identity`."""
        sha256s, matrix = vectors(con, identity)
        return cls(name=name, vectors=dict(zip(sha256s, matrix, strict=True)))

    def image(self, sha256: str) -> NDArray[np.float32] | None:
        """The unit vector of an image, None when it has none."""
        return self.vectors.get(sha256)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of texts; loads the model."""
        return clip.load(self.name).texts(texts)


def _digest(identity: str) -> str:
    return params_digest(STAGE, VERSION, {"model": identity})


def copies(con: Connection, recipe: Recipe) -> set[str]:
    """The sha256s that dedupe dropped."""
    verdicts = decisions(con, {dedupe.STAGE: dedupe.dedupe_digest(con, recipe)})
    return {row.sha256 for row in verdicts if row.verdict == "drop"}


def _vectors(
    workspace: Workspace, model: clip.Clip, todo: Sequence[ImageRow]
) -> Iterator[tuple[ImageRow, NDArray[np.float32] | Broken]]:
    """Each image with its vector, or with what is wrong with it, in order: threads decode while the model computes."""

    def prepared(image: ImageRow) -> tuple[ImageRow, torch.Tensor | Broken]:
        try:
            return image, model.prepare(decode_rgb(_path(workspace, image), longest=model.image_size))
        except Broken as error:
            return image, error

    for batch in batches(in_threads(prepared, todo, ahead=3 * _BATCH), _BATCH, seconds=60):
        tensors = [tensor for _, tensor in batch if not isinstance(tensor, Broken)]
        found = iter(model.images(tensors, pad_to=_BATCH) if tensors else ())
        for image, tensor in batch:
            yield image, tensor if isinstance(tensor, Broken) else next(found)


def _path(workspace: Workspace, image: ImageRow) -> Path:
    path = Store(workspace.root).local(image.path)
    if not path.is_file():
        raise LedgerError(f"{image.path}: the original is gone; `harvest verify` lists all that are")
    return path


def _drop(image: ImageRow, error: Broken, digest: str) -> DecisionRow:
    return DecisionRow(
        sha256=image.sha256,
        stage=STAGE,
        recipe_digest=digest,
        verdict="drop",
        reason=f"does not decode: {error.kind}: {error}",
        decided_by=f"{STAGE}/{VERSION}",
    )
