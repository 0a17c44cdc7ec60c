"""Ray: the session, and the pipeline of workers in it. The only module that imports it."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any

from harvest.errors import ComponentMissing, HarvestError, SourceError, UsageError
from harvest.processes import cores
from harvest.scale.plan import Plan
from harvest.scale.workers import Embedding, Looking, Terms

__all__ = ["LOCAL", "Crew", "carried_out", "session"]

LOCAL = "local"
_SHARED = 1 << 30  # bytes that workers of this machine share


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
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what matters is raised
    try:
        import ray  # noqa: PLC0415 - an optional component, and seconds to import
        import ray.data  # noqa: PLC0415
    except ImportError as error:
        raise ComponentMissing(f"harvest scale needs Ray ({error}): pip install 'herbarium-harvester[ray]'") from None
    folder = tempfile.mkdtemp(prefix="hray-") if address == LOCAL else None  # sockets' paths are at most 107 long
    with redirect_stdout(sys.stderr):  # Ray prints what it says, and stdout is for results
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
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def _crew(there: dict[str, float], workers: int | None, gpus: int | None) -> Crew:
    processors, accelerators = int(there.get("CPU", 0)), int(there.get("GPU", 0))
    if gpus is not None and gpus > accelerators:
        raise UsageError(f"--gpus {gpus}: this cluster has {accelerators}")
    used = accelerators if gpus is None else gpus
    return Crew(lookers=workers or max(1, processors - max(1, used)), embedders=max(1, used), on_gpus=used > 0)


def carried_out(terms: Terms, plan: Plan, crew: Crew) -> Iterator[int]:
    """Have a plan's work done in blocks, and count the images that are done, as they are.

    A block whose worker dies goes to another one, and what was done and lost with the machine that had it is done
    again, to the same effect. Raises what a worker raised.
    """
    import ray.data  # noqa: PLC0415
    from ray.exceptions import RayError, RayTaskError  # noqa: PLC0415

    blocks = list(plan.blocks(terms.block))
    common: Any = {"batch_size": None, "batch_format": "pyarrow"}
    pool: Any = ray.data.ActorPoolStrategy
    made: Any = ray.data.from_arrow(blocks).map_batches(
        Looking,
        fn_constructor_args=(terms,),
        compute=pool(size=min(crew.lookers, len(blocks))),
        num_cpus=1,
        **common,
    )
    if terms.models:
        made = made.map_batches(
            Embedding,
            fn_constructor_args=(terms,),
            compute=pool(size=min(crew.embedders, len(blocks))),
            **({"num_gpus": 1} if crew.on_gpus else {"num_cpus": 1}),
            **common,
        )
    try:
        for table in made.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield len(table)
    except RayTaskError as error:
        raise error.cause if isinstance(error.cause, HarvestError) else error from None
    except RayError as error:
        raise SourceError(
            f"the cluster gave up: {' '.join(str(error).split())[:300]}; what is done is kept, and the same command "
            "goes on from here"
        ) from None
