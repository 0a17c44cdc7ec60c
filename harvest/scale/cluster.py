"""Ray: the session, and the pipeline of workers in it. The only module that imports it."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any

from harvest.errors import ComponentMissing, HarvestError, SourceError, UsageError
from harvest.processes import cores
from harvest.scale.plan import Plan
from harvest.scale.workers import Embedding, Looking, Terms

__all__ = ["LOCAL", "Crew", "carried_out", "crew_of", "session"]

LOCAL = "local"
_ADVICE = "Failed to apply UDF"  # what Ray adds to the words of others
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
def session(address: str, *, workers: int | None, gpus: int | None, has_models: bool) -> Iterator[Crew]:
    """Be a driver of the cluster at `address`, or of one of this machine's own that ends with the block.

    `workers` and `gpus` say how many of each to use, None all that are there. Without models there is nothing to embed.
    Raises ComponentMissing without Ray, UsageError for more than there is, and SourceError when no cluster answers.
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
            yield crew_of(resources(), workers=workers, gpus=gpus, has_models=has_models)
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
    context.raise_original_map_exception = True  # what a worker says is for people
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def crew_of(there: Mapping[str, float], *, workers: int | None, gpus: int | None, has_models: bool) -> Crew:
    """Who works, of what a cluster has: `there` counts its CPU and GPU, `workers` and `gpus` are as in `session`.

    Raises UsageError for more than there is: workers that wait for a processor would wait for ever.
    """
    processors, accelerators = int(there.get("CPU", 0)), int(there.get("GPU", 0))
    if gpus is not None and gpus > accelerators:
        raise UsageError(f"--gpus {gpus}: this cluster has {accelerators}")
    used = (accelerators if gpus is None else gpus) if has_models else 0
    reserved = 1 if has_models and not used else 0
    lookers = workers or processors - reserved
    if not 0 < lookers <= processors - reserved:
        but = ", and the models need one of them" if reserved else ""
        raise UsageError(f"--workers {lookers}: this cluster has {processors} processors{but}")
    return Crew(lookers=lookers, embedders=max(1, used), on_gpus=used > 0)


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
            **({"num_gpus": 1, "num_cpus": 0} if crew.on_gpus else {"num_cpus": 1}),
            **common,
        )
    try:
        for table in made.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield len(table)
    except RayTaskError as error:
        raise _of_worker(error) from None
    except RayError as error:
        raise SourceError(
            f"the cluster gave up: {' '.join(str(error).split())[:300]}; what is done is kept, and the same command "
            "goes on from here"
        ) from None


def _of_worker(error: Any) -> Exception:
    """What a worker raised, in the words in which it would have been said here."""
    cause = error.cause
    words = str(cause).partition(_ADVICE)[0].strip()
    return type(cause)(words) if isinstance(cause, HarvestError) else RuntimeError(str(error))
