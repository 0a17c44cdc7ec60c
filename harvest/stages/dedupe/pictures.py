"""All images of a ledger as columns: a million of them in some hundred megabytes, and no object for each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from harvest.ledger import Connection, ReviewRow, image_columns

__all__ = ["Pictures"]

# What groups and choice depend on beside the bytes themselves.
_FACTS = ("sha256", "phash", "phash_version", "has_license", "has_creator", "date")


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Images by number, in the order of their sha256. `table` is what `harvest.ledger.image_columns` gives."""

    table: pa.Table = field(repr=False)

    @classmethod
    def of(cls, con: Connection) -> Pictures:
        """All that the ledger has, taken-down ones left out."""
        return cls(table=image_columns(con).combine_chunks())

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> NDArray[np.generic]:
        """A column as an array; texts as objects."""
        return np.asarray(self.table.column(name).to_numpy())

    @cached_property
    def names(self) -> NDArray[np.bytes_]:
        """The sha256 of each, (n,) of 64 bytes, for looking numbers up."""
        return np.asarray(self.table.column("sha256").to_numpy().astype("S64"))

    def sha256(self, number: int) -> str:
        """The sha256 of one image."""
        return str(self.table.column("sha256")[int(number)])

    def path(self, number: int) -> str:
        """Where its bytes lie, relative to the workspace."""
        return str(self.table.column("path")[int(number)])

    def number(self, sha256: str) -> int | None:
        """The number of one image, None when it is not here."""
        number = int(self.numbers(pa.chunked_array([[sha256]]))[0])
        return None if number < 0 else number

    def numbers(self, sha256s: pa.ChunkedArray) -> NDArray[np.int64]:
        """The numbers of images by their sha256, -1 for those that are not here."""
        wanted = np.asarray(sha256s.to_numpy()).astype("S64")
        if not len(self):
            return np.full(len(wanted), -1)
        places = np.minimum(np.searchsorted(self.names, wanted), len(self) - 1)
        return np.where(self.names[places] == wanted, places, -1)

    def digest(self, reviews: list[ReviewRow]) -> str:
        """Hex sha256 over what the outcome depends on: the images, what is known of them, and what people said."""
        columns = [pc.cast(self.table.column(name), pa.string()) for name in _FACTS]
        lines = pc.binary_join_element_wise(*columns, "\n", "\x1f") if len(self) else pa.chunked_array([[""]])
        digest = hashlib.sha256()
        for chunk in lines.chunks:
            digest.update("".join(chunk.to_pylist()).encode())
        digest.update(
            repr([(row.sha256, row.other, row.verdict, row.reason, row.decided_by) for row in reviews]).encode()
        )
        return digest.hexdigest()
