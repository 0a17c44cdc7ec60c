"""Where models run, in which precision they are quick there, and how an exhausted memory shows."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import lru_cache

from harvest.processes import cores

__all__ = ["Device", "best_device", "is_out_of_memory"]

_EXHAUSTED = ("out of memory", "can't allocate memory", "not enough memory", "std::bad_alloc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where networks run: `kind` is torch's name of it, `words` are for people, `batch` suits it.

    `lanes` batches are computed at a time. On a processor each lane has one thread: threads that share a batch wait for
    each other at every layer, and for whatever else runs on their cores.

    `quick` names the precision, a torch dtype, in which it multiplies matrices faster than in float32, '' where there
    is none: on processors only where there are instructions for it, for all others emulate bfloat16.
    """

    kind: str
    words: str
    batch: int
    lanes: int = 1
    quick: str = ""


@lru_cache(maxsize=1)
def best_device() -> Device:
    """The first GPU that torch can use, else the processor, with as many threads as torch was told to have at first."""
    import torch  # noqa: PLC0415 - seconds to import, and an optional component

    if torch.cuda.is_available():
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return Device(
            kind="cuda",
            words=f"GPU ({torch.cuda.get_device_name()})",
            batch=256,
            quick="bfloat16" if has_bf16 else "float16",
        )
    threads = min(torch.get_num_threads(), cores())
    quick = _quick_on_processor(torch.cpu)
    return Device(kind="cpu", words=f"CPU ({threads} threads)", batch=16, lanes=threads, quick=quick)


def is_out_of_memory(error: Exception) -> bool:
    """Whether a device, or this machine, had too little memory for a batch."""
    import torch  # noqa: PLC0415

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _EXHAUSTED)


def _quick_on_processor(cpu: object) -> str:
    if platform.machine() not in {"x86_64", "AMD64"}:
        return ""
    # torch has no public word for it (2.8 to 2.15); a version without these names does without.
    asked = (getattr(cpu, name, None) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"))
    return "bfloat16" if any(ask() for ask in asked if ask is not None) else ""
