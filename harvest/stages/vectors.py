"""Vectors of images by a model, computed where they are missing and kept in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harvest import embedders
from harvest.config.recipe import params_digest
from harvest.engine import Runner
from harvest.errors import Broken, ComponentMissing, LedgerError
from harvest.images.decode import decode_rgb
from harvest.ledger import (
    Connection,
    decided,
    images,
    latest_stage,
    open_ledger,
    record_stage,
    without_vectors,
    write_decisions,
    write_embeddings,
)
from harvest.ledger.rows import DecisionRow, ImageRow
from harvest.processes import batches, in_threads
from harvest.progress import Progress
from harvest.stages.report import StageReport
from harvest.stages.work import digest_over
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["STAGE", "embed_images", "model_id", "undecodable", "undecodable_digest", "undecodable_row"]

STAGE = "embed"
VERSION = 1
_BATCH = 64
_WRITE = 512


def embed_images(
    workspace: Workspace, name: str, *, progress: Progress, left_out: Set[str] = frozenset()
) -> StageReport:
    """Embed with the model `name` every image that has no vector, but `left_out`. Loads nothing when none is missing.

    An image that does not decode gets a `drop` decision of the stage `embed`. Raises WeightsMissing, ComponentMissing.
    """
    identity = model_id(workspace, name)
    digest = undecodable_digest(identity)
    with open_ledger(workspace) as con:
        left_out = undecodable(con, identity) | left_out
        missing = without_vectors(con, identity)
        present = len(images(con)) - len(missing)
    todo = [image for image in missing if image.sha256 not in left_out]
    if not todo:
        return StageReport(stage=STAGE, skipped=present, detail={"model": identity})
    model = Runner(embedders.load(name))
    progress.say(f"embedding {len(todo):,} images with {identity} on the {model.where}")
    broken = 0
    with progress.start(f"embed ({model.where})", len(todo)) as task:
        for batch in batches(_vectors(workspace, model, todo), _WRITE):
            good = [(image.sha256, found) for image, found in batch if isinstance(found, np.ndarray)]
            bad = [(image, found) for image, found in batch if isinstance(found, Broken)]
            with open_ledger(workspace, write=True) as con:
                if good:
                    write_embeddings(con, identity, [sha256 for sha256, _ in good], np.stack([v for _, v in good]))
                write_decisions(
                    con, [undecodable_row(image.sha256, identity, f"{error.kind}: {error}") for image, error in bad]
                )
            broken += len(bad)
            task.advance(len(batch))
    detail = {"model": identity, "device": model.device.kind, "where": model.where, "broken": broken}
    with open_ledger(workspace, write=True) as con:
        record_stage(con, STAGE, name, digest, digest_over(image.sha256 for image in todo), detail)
    return StageReport(stage=STAGE, done=len(todo), skipped=present, dropped=broken, detail=detail)


def model_id(workspace: Workspace, name: str) -> str:
    """`name@digest` of a model: of its weights where they are here, else of those that embedded this workspace.

    So exports and audits of a finished workspace need neither weights nor torch. Raises WeightsMissing or
    ComponentMissing when neither is known.
    """
    try:
        return embedders.model_id_of(name)
    except ComponentMissing:
        with open_ledger(workspace) as con:
            last = latest_stage(con, STAGE, name)
        if last is None:
            raise
        return str(last.detail["model"])


def undecodable(con: Connection, identity: str) -> set[str]:
    """The sha256s that could not be decoded for this model."""
    return decided(con, STAGE, undecodable_digest(identity))


def undecodable_digest(identity: str) -> str:
    """The recipe digest under which images stand that could not be decoded for this model."""
    return params_digest(STAGE, VERSION, {"model": identity})


def _vectors(
    workspace: Workspace, model: Runner, todo: Sequence[ImageRow]
) -> Iterator[tuple[ImageRow, NDArray[np.float32] | Broken]]:
    """Each image with its vector, or with what is wrong with it, in order: threads decode while the model computes."""

    def prepared(image: ImageRow) -> tuple[ImageRow, NDArray[np.uint8] | Broken]:
        try:
            return image, model.framing(decode_rgb(_path(workspace, image), longest=model.framing.least))
        except Broken as error:
            return image, error

    for batch in batches(in_threads(prepared, todo, ahead=3 * _BATCH), _BATCH, seconds=60):
        pixels = [framed for _, framed in batch if not isinstance(framed, Broken)]
        found = iter(model.vectors(np.stack(pixels)) if pixels else ())
        for image, framed in batch:
            yield image, framed if isinstance(framed, Broken) else next(found)


def _path(workspace: Workspace, image: ImageRow) -> Path:
    path = Store(workspace.root).local(image.path)
    if not path.is_file():
        raise LedgerError(f"{image.path}: the original is gone; `harvest verify` lists all that are")
    return path


def undecodable_row(sha256: str, identity: str, words: str) -> DecisionRow:
    """What is decided of an image that could not be decoded for this model; `words` say its kind of fault and more."""
    return DecisionRow(
        sha256=sha256,
        stage=STAGE,
        recipe_digest=undecodable_digest(identity),
        verdict="drop",
        reason=f"does not decode: {words}",
        decided_by=f"{STAGE}/{VERSION}",
    )
