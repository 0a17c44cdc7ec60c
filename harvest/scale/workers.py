"""What workers do, wherever they run: look at images on processors, embed what they framed on accelerators.

Both are the local engine's own functions. What a worker finds it writes itself; only pixels travel between workers.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from harvest import __version__, embedders
from harvest.embedders.base import Framing
from harvest.engine import Fault, Order, Runner, Seen
from harvest.engine.workers import Job, Plane, Reader, Workers
from harvest.errors import ComponentMissing
from harvest.images.decode import frame_count
from harvest.images.sizes import derivative_of, sized_name, sized_path
from harvest.ledger import FacesRow
from harvest.ledger.results import RESULT_TABLES
from harvest.measuring import row_of
from harvest.places import Place, place_at
from harvest.scale.plan import Want
from harvest.scale.reading import Originals, patiently
from harvest.scale.results import write_part

__all__ = ["Embedding", "Looking", "Terms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for all workers of a run: where originals are and results go, and what is wanted.

    `framings` are those of the wanted vectors, in their order, and `block` is how many images a worker has at a time.
    """

    code_version: str
    originals: str
    to: str
    wants: tuple[Want, ...]
    framings: tuple[Framing, ...] = ()
    block: int

    def wanted(self, bits: int, kind: str) -> list[Want]:
        """What is wanted of one kind, where bit i of `bits` stands for `wants[i]`."""
        return [want for at, want in enumerate(self.wants) if bits >> at & 1 and want.kind == kind]

    @property
    def planes(self) -> tuple[Framing, ...]:
        """The distinct framings: models that frame alike share pixels, and each has a column of them."""
        return tuple(dict.fromkeys(self.framings))

    @property
    def models(self) -> tuple[Want, ...]:
        """The wanted vectors."""
        return tuple(want for want in self.wants if want.kind == "vector")

    def check(self) -> None:
        """Raises ComponentMissing where this worker's program is another one than the driver's."""
        if __version__ != self.code_version:
            raise ComponentMissing(
                f"a worker has herbarium-harvester {__version__}, and {self.code_version} asks it to work: "
                "install the same version on every machine of the cluster"
            )


class Looking:
    """Looks at a block of work: rows of a plan's `work`. What it makes goes to the result, but for pixels.

    Called with a table of images that lack the same, it gives one of the same images: sha256, wants, and a column of
    pixels for each of `Terms.planes`, null where none are wanted, or could be had. Another process decodes, because
    there are pictures that end the process that does.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._result = place_at(terms.to)
        self._bits = 0
        self._eyes: _Eyes | None = None

    def __call__(self, work: pa.Table) -> pa.Table:
        """Look at each image of a block. Raises ComponentMissing where this machine has another program."""
        self._terms.check()
        eyes = self._eyes_for(work.column("wants")[0].as_py())
        rows = work.to_pylist()
        seen = eyes([(row["sha256"], row["path"]) for row in rows])
        found = _Found(self._terms)
        for row, one in zip(rows, seen, strict=True):
            found.add(row, one)
        found.write(self._result)
        there = np.array([one.fault is None for one in seen])
        columns = {"sha256": work.column("sha256"), "wants": work.column("wants")}
        for at, framing in enumerate(self._terms.planes):
            columns[f"pixels_{at}"] = eyes.column(framing, there)
        return pa.table(columns)

    def close(self) -> None:
        """End the process that decodes."""
        if self._eyes is not None:
            self._eyes.close()

    def _eyes_for(self, bits: int) -> _Eyes:
        if self._eyes is not None and self._bits == bits:
            return self._eyes
        self.close()
        wanted = functools.partial(self._terms.wanted, bits)
        framings = (self._terms.framings[self._terms.models.index(want)] for want in wanted("vector"))
        order = Order(
            framings=tuple(dict.fromkeys(framings)),
            prints=tuple(want.name for want in wanted("print")),
            sizes=tuple(want.size for want in wanted("size") if want.size is not None),
            scores=tuple(want.name for want in wanted("score")),
            is_exact=True,  # rows from here lie among rows of other orders
        )
        self._bits, self._eyes = bits, _Eyes(Originals(self._terms.originals), order, self._terms.block)
        return self._eyes


class _Eyes:
    """A process that carries out one order, for blocks of at most `rows` images."""

    def __init__(self, read: Reader, order: Order, rows: int) -> None:
        self._framings = order.framings
        self._planes = tuple(Plane(rows, framing.side) for framing in order.framings)
        self._workers = Workers(1, read, order, self._planes)
        self.close = self._workers.close

    def __call__(self, images: Sequence[tuple[str, str]]) -> list[Seen]:
        """What is seen of images, given as (sha256, path), in their order."""
        waiting = deque(Job(sha256=sha256, path=path, row=row) for row, (sha256, path) in enumerate(images))
        seen: dict[int, Seen] = {}
        while len(seen) < len(images):
            while waiting and self._workers.free():
                self._workers.give(waiting.popleft())
            seen |= {job.row: one for job, one in self._workers.take()}
        return [seen[row] for row in range(len(images))]

    def column(self, framing: Framing, there: NDArray[np.bool_]) -> pa.Array:
        """The pixels of the images seen last, where they are `there`; a column of nulls where nobody wanted them."""
        if framing not in self._framings:
            return pa.nulls(len(there), pa.binary(framing.side**2 * 3))
        pixels = self._planes[self._framings.index(framing)].pixels[: len(there)]
        return _bytes_column(pixels.copy(), there)


class Embedding:
    """Holds the models on this worker's device. Called with what `Looking` gives, it writes vectors to the result.

    It gives back which images are done with: one column, sha256.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._result = place_at(terms.to)

    def __call__(self, framed: pa.Table) -> pa.Table:
        """Embed a block of framed pictures. Raises ComponentMissing where this machine has other weights."""
        self._terms.check()
        for want, framing, runner in zip(self._terms.models, self._terms.framings, self._runners, strict=True):
            rows = framed.filter(_has(framed, self._terms.wants.index(want), self._terms.planes.index(framing)))
            if len(rows):
                pixels = rows.column(f"pixels_{self._terms.planes.index(framing)}").combine_chunks()
                found = runner.vectors(_pixels(pixels, framing.side))
                write_part(self._result, "embeddings", _vector_rows(rows.column("sha256"), want.version, found))
        return framed.select(["sha256"])

    @functools.cached_property
    def _runners(self) -> list[Runner]:
        # With the first block: what a worker lacks as it starts, Ray would not say in so many words.
        return [self._runner(want) for want in self._terms.models]

    def _runner(self, want: Want) -> Runner:
        runner = Runner(embedders.load(want.name))
        if runner.model_id != want.version:
            raise ComponentMissing(
                f"{want.name}: a worker has {runner.model_id}, and vectors of {want.version} are wanted: "
                "put the same weights on every machine of the cluster"
            )
        return runner


class _Found:
    """Rows of a block, by table."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._rows: dict[str, list[dict[str, Any]]] = {table: [] for table in RESULT_TABLES}

    def add(self, row: Mapping[str, Any], seen: Seen) -> None:
        """Take what was made of one image."""
        sha256 = seen.sha256
        wanted = functools.partial(self._terms.wanted, row["wants"])
        if seen.fault is not None:
            self._fault(sha256, seen.fault, wanted)
            if seen.fault.kind == "gone":
                return
        for want in wanted("print"):
            value, quality = seen.prints.get(want.name, ("", None))
            made = {"method": want.name, "version": want.version, "value": value, "quality": quality}
            self._rows["fingerprints"].append({"sha256": sha256, **made})
        for want in wanted("score"):
            measured = row_of(sha256, want.name, want.version, seen.scores.get(want.name))
            self._rows["faces" if isinstance(measured, FacesRow) else "scores"].append(asdict(measured))
        if seen.sizes:
            name = sized_name(sha256[: row["digits"]], row["title"], row["image_url"])
            frame = 0 if frame_count(row["format"], row["frames"]) > 1 else None
            for want, copy in zip(wanted("size"), seen.sizes, strict=True):
                assert want.size is not None
                made = asdict(derivative_of(copy, want.size, sized_path(want.size, name), want.version, frame))
                self._rows["derived"].append({"sha256": sha256, **made, "body": copy.body})

    def _fault(self, sha256: str, fault: Fault, wanted: Callable[[str], list[Want]]) -> None:
        models = [want.version for want in wanted("vector")] or [""]
        said = {"sha256": sha256, "kind": fault.kind, "words": fault.words}
        self._rows["faults"] += [{**said, "model": model} for model in models]

    def write(self, place: Place) -> None:
        """Put all into the result."""
        for table, rows in self._rows.items():
            patiently(functools.partial(write_part, place, table, pa.Table.from_pylist(rows, RESULT_TABLES[table])))


def _bytes_column(pixels: NDArray[np.uint8], there: NDArray[np.bool_]) -> pa.Array:
    """Rows of an array (n, ...) as n values of as many bytes, null where they are not `there`; copies nothing."""
    width = int(np.prod(pixels.shape[1:]))
    validity = pa.array(there).buffers()[1]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(pixels), [validity, pa.py_buffer(pixels)])


def _pixels(column: pa.FixedSizeBinaryArray, side: int) -> NDArray[np.uint8]:
    """What `_bytes_column` was made of, where it has no nulls; a copy, because Ray's memory is not to be written to."""
    flat = np.frombuffer(column.buffers()[1], np.uint8)
    size = side * side * 3
    return flat[column.offset * size : (column.offset + len(column)) * size].reshape(-1, side, side, 3).copy()


def _has(framed: pa.Table, bit: int, plane: int) -> pa.Array:
    """Which rows have pixels of a plane and lack the vector that bit `bit` of `wants` stands for."""
    wants = framed.column("wants").to_numpy() >> np.uint64(bit) & np.uint64(1)
    return pc.and_(pa.array(wants.astype(bool)), framed.column(f"pixels_{plane}").is_valid())


def _vector_rows(sha256s: pa.ChunkedArray, model: str, vectors: NDArray[np.float32]) -> pa.Table:
    offsets = pa.array(np.arange(len(vectors) + 1, dtype=np.int32) * vectors.shape[1])
    rows = pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(vectors).reshape(-1)))
    return pa.table({"sha256": sha256s, "model": pa.array([model] * len(vectors), pa.string()), "vector": rows})
