"""Images to vectors by several models at once: decoded once, computed while the next ones are decoded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from harvest.engine.decoders import look
from harvest.engine.look import Order, Seen
from harvest.engine.network import Pending
from harvest.engine.runner import Runner
from harvest.engine.workers import Reader

__all__ = ["Embedded", "embed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Images in their order, and their vectors by each runner: (n, d), of no meaning where an image has a fault."""

    seen: Sequence[Seen]
    vectors: tuple[NDArray[np.float32], ...] = field(repr=False)


def embed(
    images: Iterable[tuple[str, str]],
    read: Reader,
    runners: Sequence[Runner],
    *,
    order: Order | None = None,
    total: int | None = None,
    workers: int | None = None,
) -> Iterator[Embedded]:
    """The vectors of images, given as (sha256, path), by all `runners`, and whatever else `order` wants of them.

    `read`, `total` and `workers` are those of `look`. Without an `order`, an image has the vector that each model alone
    would give it. On a GPU the next batch is handed over while one is computed.
    """
    order = replace(order or Order(is_exact=True), framings=tuple(dict.fromkeys(runner.framing for runner in runners)))
    places = [order.framings.index(runner.framing) for runner in runners]
    size = max((runner.at_once for runner in runners), default=64)
    under_way: deque[tuple[Sequence[Seen], list[Pending]]] = deque()
    with closing(look(images, read, order, batch=size, total=total, workers=workers)) as batches:
        for batch in batches:
            pending = [runner.submit(batch.pixels[place]) for runner, place in zip(runners, places, strict=True)]
            under_way.append((batch.seen, pending))
            if len(under_way) > 1:
                yield _finished(*under_way.popleft())
    while under_way:
        yield _finished(*under_way.popleft())


def _finished(seen: Sequence[Seen], pending: Sequence[Pending]) -> Embedded:
    return Embedded(seen=seen, vectors=tuple(wait() for wait in pending))
