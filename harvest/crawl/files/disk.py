"""Files of this machine as a crawl names them: paths in a config, addresses in the ledger, versions, opened files."""

from __future__ import annotations

import asyncio
import atexit
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote, unquote_to_bytes, urlsplit

from harvest.crawl.carriers.base import CarrierFailed

__all__ = ["Addresses", "Opened", "in_batches", "located", "resolve", "shown", "version"]

T = TypeVar("T")
_BATCH = 200
_bases: dict[str, Path] = {}


def resolve(path: str, config: Path) -> Path:
    """A path as a config writes it: `~` is the home folder, a relative one starts at the config's own folder."""
    return Path(os.path.abspath(config.parent / Path(path).expanduser()))  # noqa: PTH100 - keeps symlinks as they are


def shown(path: Path) -> str:
    """A path as text that a database takes, also where a name is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def version(path: Path) -> str:
    """What changes when a regular file's content does. Raises CarrierFailed (`missing`, `unreadable`)."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise CarrierFailed("missing: no such file", is_gone=True) from None
    except OSError as error:
        raise CarrierFailed(f"unreadable: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise CarrierFailed("unreadable: no regular file")
    return f"{found.st_size}-{found.st_mtime_ns}"


@dataclass(frozen=True, slots=True)
class Addresses:
    """How files are named in the ledger: by their absolute paths or, under `base`, by its own name and what follows it.

    Absolute paths tell names of home folders and disks; with a base neither addresses nor carriers do. A carrier finds
    the file again through `located`, in any process that has made the same Addresses.
    """

    base: Path | None = None

    def __post_init__(self) -> None:
        if self.base is not None:
            _bases[self.base.name] = self.base

    def url(self, path: Path, fragment: str = "") -> str:
        """The file's address; `fragment` names a part of it and is to be quoted already."""
        if self.base is not None and path.is_relative_to(self.base):
            path = Path("/", self.base.name, path.relative_to(self.base))
        return f"file://{quote(os.fsencode(path))}" + (f"#{fragment}" if fragment else "")

    def args(self, path: Path, **more: Any) -> dict[str, Any]:
        """A carrier's arguments for the file: its address, its version, and `more`.

        A file that cannot be read has no version: the carrier will find out why, and say it in the image's row.
        """
        args: dict[str, Any] = {"file": self.url(path), **more}
        if self.base is not None and path.is_relative_to(self.base):
            args["base"] = self.base.name
        with suppress(CarrierFailed):
            args["version"] = version(path)
        return args


def located(args: Mapping[str, Any]) -> Path:
    """The file that a carrier's arguments name. Raises CarrierFailed when nobody told where their base lies."""
    path = Path(os.fsdecode(unquote_to_bytes(urlsplit(str(args["file"])).path)))
    name = args.get("base")
    if name is None:
        return path
    if name not in _bases:
        raise CarrierFailed(f"missing: nobody told where the folder {name!r} lies")
    return _bases[str(name)].joinpath(*path.parts[2:])


@dataclass(slots=True)
class _Slot(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: T | None = None
    is_evicted: bool = False


class Opened(Generic[T]):
    """The files opened last, so that a thousand parts of one file open it once. One user at a time for each file.

    `limit` is how many stay open, until the process ends; `close` ends one where that needs more than forgetting it.
    Safe between threads.
    """

    def __init__(self, opener: Callable[[Path], T], close: Callable[[T], None] | None = None, *, limit: int) -> None:
        self._open, self._close, self._limit = opener, close, limit
        self._slots: OrderedDict[tuple[Path, str], _Slot[T]] = OrderedDict()
        self._lock = threading.Lock()
        atexit.register(self._evict, 0)

    @contextmanager
    def use(self, path: Path) -> Iterator[T]:
        """The opened file, opened anew when its version changed. Raises what opening raises, and CarrierFailed."""
        key = (path, version(path))
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
        self._evict(self._limit)
        with slot.lock:
            if slot.value is None:
                slot.value = self._open(path)
            try:
                yield slot.value
            finally:
                if slot.is_evicted:
                    self._end(slot)

    def _evict(self, limit: int) -> None:
        """End all but the `limit` that were used last."""
        with self._lock:
            idle = [self._slots.popitem(last=False)[1] for _ in range(len(self._slots) - limit)]
        for old in idle:
            with old.lock:
                old.is_evicted = True
                self._end(old)

    def _end(self, slot: _Slot[T]) -> None:
        if slot.value is not None and self._close is not None:
            self._close(slot.value)
        slot.value = None


async def in_batches(made: Iterator[T], size: int = _BATCH) -> AsyncIterator[T]:
    """What an iterator makes, made in a thread and `size` at a time, so that reading a disk holds up no network."""
    while batch := await asyncio.to_thread(lambda: list(islice(made, size))):
        for one in batch:
            yield one
