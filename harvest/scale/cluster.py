"""Ray: the session, and the pipeline of workers in it. The only module that imports it."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from harvest import errors
from harvest.engine import Fault
from harvest.errors import ComponentMissing, HarvestError, SourceError, UsageError
from harvest.processes import cores
from harvest.scale.workers import Embedding, Looking, Terms, faults_of

__all__ = ["LOCAL", "Crew", "carried_out", "session"]

LOCAL = "local"
_ATTEMPTS = 2  # of a block whose worker died, before it is taken apart
_SHARED = 1 << 30  # bytes that workers of this machine share
_FEW = 100  # images that may end workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """How many workers there are: `lookers` on a processor each, `embedders` that hold the models.

    Embedders have a GPU each with `on_gpus`, else a processor.
    """

    lookers: int
    embedders: int
    on_gpus: bool


@contextmanager
def session(address: str, *, workers: int | None, gpus: int | None) -> Iterator[Crew]:
    """Be a driver of the cluster at `address`, or of one of this machine's own that ends with the block.

    `workers` and `gpus` say how many of each to use, None all that are there. Raises ComponentMissing without Ray,
    UsageError for more GPUs than there are, and SourceError when no cluster answers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_RECORD_ACTOR_TASK_LOGGING", "0")
    try:
        import ray  # noqa: PLC0415 - an optional component, and seconds to import
        import ray.data  # noqa: PLC0415
    except ImportError as error:
        raise ComponentMissing(f"harvest scale needs Ray ({error}): pip install 'herbarium-harvester[ray]'") from None
    folder = tempfile.mkdtemp(prefix="hray-") if address == LOCAL else None  # sockets' paths are at most 107 long
    try:
        try:
            ray.init(**_settings(address, folder, workers, gpus))
        except (ConnectionError, TimeoutError, RuntimeError, ValueError) as error:
            raise SourceError(f"{address}: no Ray cluster answers: {' '.join(str(error).split())[:300]}") from None
        _quieten(ray)
        resources: Any = ray.cluster_resources
        yield _crew(resources(), workers, gpus)
    finally:
        ray.shutdown()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _settings(address: str, folder: str | None, workers: int | None, gpus: int | None) -> dict[str, Any]:
    shared: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if address != LOCAL:
        return {**shared, "address": address}
    lookers = workers or cores()
    own: dict[str, Any] = {"address": "local", "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    # Processors are only counted: embedding has one of its own beside those that look.
    own |= {"_temp_dir": folder, "num_cpus": lookers + max(1, gpus or 0), "object_store_memory": _SHARED}
    return {**shared, **own, **({} if gpus is None else {"num_gpus": gpus})}


def _quieten(ray: Any) -> None:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False  # ours say it
    context.print_on_execution_start = False
    context.max_errored_blocks = -1  # what a block failed with is found out block by block
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def _crew(there: dict[str, float], workers: int | None, gpus: int | None) -> Crew:
    processors, accelerators = int(there.get("CPU", 0)), int(there.get("GPU", 0))
    if gpus is not None and gpus > accelerators:
        raise UsageError(f"--gpus {gpus}: this cluster has {accelerators}")
    used = accelerators if gpus is None else gpus
    return Crew(lookers=workers or max(1, processors - max(1, used)), embedders=max(1, used), on_gpus=used > 0)


def carried_out(terms: Terms, work: pa.Table, crew: Crew, *, block: int) -> Iterator[int]:
    """Have `work` done in blocks of so many images, and count those that are done, as they are.

    A block whose worker dies goes to another one, and what was done and lost with the machine that had it is done
    again, to the same effect. Blocks that no worker survived are taken apart; an image that goes on ending whoever
    looks at it has a fault. Raises what a worker raised, and SourceError where too many end workers.
    """
    left = work
    for size in (block, 1):
        done: set[str] = set()
        for sha256s in _blocks_of(terms, left, crew, size):
            done.update(sha256s)
            yield len(sha256s)
        left = left.filter(pc.invert(pc.is_in(left.column("sha256"), value_set=pa.array(sorted(done), pa.string()))))
        if not len(left):
            return
    if len(left) > _FEW:
        raise SourceError(
            f"workers ended at {len(left):,} images, again and again, which is not the images' doing: Ray's logs say "
            "what ended them (memory?); the same command goes on from here"
        )
    faults_of(left, terms, Fault(kind="crash", words="the process that decoded it ended, again and again"))
    yield len(left)


def _blocks_of(terms: Terms, work: pa.Table, crew: Crew, size: int) -> Iterator[list[str]]:
    """Which images are done, block by block; those of blocks that no worker survived are not told."""
    import ray.data  # noqa: PLC0415

    blocks = [work.slice(start, size).combine_chunks() for start in range(0, len(work), size)]
    # Any: Ray's own annotations are of another version of its parameters.
    common: Any = {"batch_size": None, "batch_format": "pyarrow", "max_task_retries": _ATTEMPTS}
    made: Any = ray.data.from_arrow(blocks).map_batches(
        _Looking,
        fn_constructor_args=(terms,),
        compute=ray.data.ActorPoolStrategy(size=min(crew.lookers, len(blocks))),
        num_cpus=1,
        **common,
    )
    if terms.models:
        made = made.map_batches(
            _Embedding,
            fn_constructor_args=(terms,),
            compute=ray.data.ActorPoolStrategy(size=min(crew.embedders, len(blocks))),
            **({"num_gpus": 1} if crew.on_gpus else {"num_cpus": 1}),
            **common,
        )
    for table in made.iter_batches(batch_size=None, batch_format="pyarrow"):
        _raise_told(table)
        yield table.column("sha256").to_pylist()


class _Looking:
    """A Ray actor around `Looking`. Errors are told, not raised: only a death makes Ray try again."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._worker: Looking | None = None

    def __call__(self, work: pa.Table) -> pa.Table:
        try:
            self._worker = self._worker or Looking(self._terms)
            return _and_error(self._worker(work))
        except Exception as error:
            return _told(error, self._terms)


class _Embedding:
    """A Ray actor around `Embedding`, which goes the same way about errors, and passes on those that it is given."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._worker: Embedding | None = None

    def __call__(self, framed: pa.Table) -> pa.Table:
        if framed.column("error").null_count < len(framed):
            return framed.select(["sha256", "error"])
        try:
            self._worker = self._worker or Embedding(self._terms)
            return _and_error(self._worker(framed.drop_columns(["error"])))
        except Exception as error:
            return _told(error, self._terms).select(["sha256", "error"])


def _and_error(table: pa.Table) -> pa.Table:
    return table.append_column("error", pa.nulls(len(table), pa.string()))


def _told(error: Exception, terms: Terms) -> pa.Table:
    """A table as `Looking` gives it, of one row that is no image's."""
    words = str(error) if isinstance(error, HarvestError) else traceback.format_exc()
    row = {"error": [f"{type(error).__name__}\n{words}"]}
    empty = {field.name: pa.nulls(1, field.type) for field in terms.framed if field.name != "error"}
    return pa.table({**empty, **row}).select([*empty, "error"])


def _raise_told(table: pa.Table) -> None:
    for said in table.column("error").drop_null().to_pylist():
        name, _, words = said.partition("\n")
        kind = getattr(errors, name, None) if name in errors.__all__ else None
        raise kind(words) if kind else RuntimeError(f"a worker failed:\n{words}")
