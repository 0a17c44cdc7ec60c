"""What filters ask a model beside the vectors of images: words, and pictures to compare with, as vectors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harvest import embedders
from harvest.embedders.base import Embedder, Speaking
from harvest.errors import Broken, ConfigError, UsageError
from harvest.images.decode import decode_rgb
from harvest.ledger import catalogued, find_sha256, open_ledger, vectors_of
from harvest.ledger.naming import DIGITS
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["Questions"]

Vectors = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """Unit vectors of words and pictures by the model `name`, each made once; it is loaded when first needed.

    `identity` is the `name@digest` under which the ledger keeps its vectors.
    """

    workspace: Workspace
    name: str
    identity: str
    _words: dict[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)
    _pictures: dict[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of texts. Raises UsageError where the model does not know words."""
        return _remembered(self._words, texts, self._say)

    def pictures(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, d) of picture files, or of images of the ledger by the first digits of their sha256.

        Raises UsageError for an image that is not here, ConfigError for a file that does not decode.
        """
        return _remembered(self._pictures, names, self._see)

    def known(self, sha256s: Collection[str]) -> Vectors:
        """The vectors that the ledger has of these images, by sha256."""
        with open_ledger(self.workspace) as con:
            return vectors_of(con, self.identity, sha256s)

    def _say(self, texts: Sequence[str]) -> NDArray[np.float32]:
        loaded = self._loaded()
        if not isinstance(loaded, Speaking):
            raise UsageError(f"{self.name} does not know words; name a CLIP model, or filter by example: `like`")
        return loaded.texts(texts)

    def _see(self, names: Sequence[str]) -> NDArray[np.float32]:
        with open_ledger(self.workspace) as con:
            # A file of that name comes first, as people who see it in their folder expect.
            sha256s = {
                name: find_sha256(con, name) for name in names if DIGITS.fullmatch(name) and not Path(name).is_file()
            }
            known = vectors_of(con, self.identity, sha256s.values())
            unseen = [sha256 for sha256 in sha256s.values() if sha256 not in known]
            paths = {sha256: row.path for sha256, row in catalogued(con, unseen).items()} if unseen else {}
        return np.stack([self._seen(name, sha256s.get(name), known, paths) for name in names])

    def _seen(self, name: str, sha256: str | None, known: Vectors, paths: Mapping[str, str]) -> NDArray[np.float32]:
        if sha256 is not None and sha256 in known:
            return known[sha256]
        if sha256 is not None and sha256 not in paths:
            raise UsageError(f"{name}: this image is not here any more; name another one")
        path = Path(name) if sha256 is None else Store(self.workspace.root).local(paths[sha256])
        loaded = self._loaded()
        try:
            picture = decode_rgb(path, longest=loaded.framing.least)
        except (Broken, OSError) as error:
            raise ConfigError(path, "", f"expected a picture: {error}") from None
        seen: NDArray[np.float32] = loaded.images(loaded.framing(picture)[None])[0]
        return seen

    def _loaded(self) -> Embedder:
        return embedders.load(self.name)


def _remembered(
    known: dict[str, NDArray[np.float32]],
    wanted: Sequence[str],
    make: Callable[[Sequence[str]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    missing = [each for each in dict.fromkeys(wanted) if each not in known]
    if missing:
        known.update(zip(missing, make(missing), strict=True))
    return np.stack([known[each] for each in wanted])
