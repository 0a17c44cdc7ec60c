"""Where squares are cut for sizes whose crops need more than the picture: faces, a model, or what a sidecar says."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from harvest import embedders, measuring
from harvest.config.sizes import SizeConfig
from harvest.embedders import Speaking
from harvest.embedders.framing import Windowed
from harvest.engine import Order, Runner, look, readable
from harvest.errors import UsageError
from harvest.images.attention import around_faces, around_point
from harvest.ledger import face_boxes, focus_points, images, open_ledger
from harvest.ledger.rows import ImageRow
from harvest.progress import Progress
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["embedded_places", "face_places", "focus_places"]

_CANDIDATES = (0.5, 0.25, 0.75, 0.0, 1.0)  # the first of equals counts
_BATCH = 16  # images whose candidates are embedded together


def focus_places(workspace: Workspace, chosen: Sequence[ImageRow]) -> dict[str, float]:
    """By sha256, the place around the point that a sidecar calls the focus; images without one are not in it."""
    with open_ledger(workspace) as con:
        points = focus_points(con)
    return {
        image.sha256: around_point(points[image.sha256], image.width, image.height)
        for image in chosen
        if image.sha256 in points
    }


def face_places(workspace: Workspace, chosen: Sequence[ImageRow], *, progress: Progress) -> dict[str, float]:
    """By sha256, the place that shows the faces; images without faces are not in it.

    Faces are looked for where nobody has yet, and remain in the ledger. Raises ComponentMissing without the detector,
    unless it has looked at all of them before.
    """
    wanted = {image.sha256 for image in chosen}
    with open_ledger(workspace) as con:
        others = {image.sha256 for image in images(con)} - wanted
    measuring.measure(workspace, ["faces"], progress=progress, left_out=others)
    detector = measuring.identify(workspace, "faces")
    with open_ledger(workspace) as con:
        boxes = face_boxes(con, detector)
    places = {
        image.sha256: around_faces(json.loads(boxes[image.sha256]), image.width, image.height)
        for image in chosen
        if image.sha256 in boxes
    }
    return {sha256: place for sha256, place in places.items() if place is not None}


def embedded_places(
    workspace: Workspace, chosen: Collection[ImageRow], size: SizeConfig, model: str, *, progress: Progress
) -> dict[str, float]:
    """By sha256, which of five places shows what is most like the whole picture, or most like the words `size.text`.

    "Most like" is the largest cosine of unit vectors by `model`; the whole picture is looked at squashed, for models
    cut off what is not square. Images that do not decode are not in it. Raises WeightsMissing, ComponentMissing, and
    UsageError for words to a model that knows none.
    """
    asked = sorted((image.sha256, image.path) for image in chosen if image.width != image.height)
    if not asked:
        return {}
    embedder = embedders.load(model)
    text = _worded(embedder, model, size.text) if size.text else None
    runner = Runner(embedder)
    windows = [Windowed(framing=runner.framing, place=place) for place in (None, *_CANDIDATES)]
    order = Order(framings=tuple(windows[1:] if text is not None else windows))
    found = {}
    with (
        progress.start(f"crops by {model}", len(asked)) as task,
        closing(look(asked, Store(workspace.root).read, order, batch=_BATCH, total=len(asked))) as batches,
    ):
        for batch in batches:
            n = len(batch.seen)
            vectors = runner.vectors(np.concatenate(batch.pixels)).reshape(len(batch.pixels), n, -1)
            likeness = _likeness(vectors, text)
            for at, seen in enumerate(batch.seen):
                if readable(seen).fault is None:
                    found[seen.sha256] = _CANDIDATES[int(np.argmax(likeness[:, at]))]
            task.advance(n)
    return found


def _likeness(vectors: NDArray[np.float32], text: NDArray[np.float32] | None) -> NDArray[np.float64]:
    """Cosines (candidates, n) of unit vectors; without a text, the first of (1 + candidates, n, d) are whole pictures.

    Rounded, so that what is alike but for the order of additions is equal.
    """
    compared = vectors[1:] if text is None else vectors
    wanted = np.broadcast_to(vectors[0] if text is None else text, compared.shape[1:])
    return np.asarray(np.round(np.einsum("cnd,nd->cn", compared, wanted, dtype=np.float64), 4))


def _worded(embedder: object, model: str, text: str) -> NDArray[np.float32]:
    if not isinstance(embedder, Speaking):
        raise UsageError(f"{model} does not know words; leave `text` out of the size, or name a CLIP model")
    return np.asarray(embedder.texts([text])[0], np.float32)
