"""How workers read originals: without a workspace, from wherever all machines reach them.

What decodes imports this and little more, for there are as many such processes as processors.
"""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

from harvest.errors import SourceError
from harvest.places import Folder, Place, place_at

__all__ = ["Originals", "patiently"]

Result = TypeVar("Result")

_PREFIX = "originals/"
_PAUSES = (1.0, 4.0, 16.0)  # seconds after which a store that did not answer is asked again


@dataclass(frozen=True, slots=True)
class Originals:
    """Reads originals at `url`."""

    url: str

    def __call__(self, path: str) -> bytes:
        """The bytes at a ledger's path. Raises OSError where there are none, or a store has others than it should.

        What lies in a folder is taken as it is, as `harvest.store.Store` does.
        """
        place = _place(self.url)
        body = patiently(functools.partial(_bytes, place, path.removeprefix(_PREFIX)))
        if not isinstance(place, Folder) and hashlib.sha256(body).hexdigest() != PurePosixPath(path).stem:
            raise OSError(f"{path}: other bytes than its name says; see `harvest verify`")
        return body


def patiently(asked: Callable[[], Result]) -> Result:
    """Ask a store again that does not answer. Raises SourceError when it still does not."""
    for pause in _PAUSES:
        try:
            return asked()
        except SourceError:
            time.sleep(pause)
    return asked()


_place = functools.lru_cache(maxsize=4)(place_at)


def _bytes(place: Place, key: str) -> bytes:
    with place.opened(key) as file:
        return file.read()
