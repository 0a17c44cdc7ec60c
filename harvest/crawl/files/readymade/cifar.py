"""CIFAR-10 and CIFAR-100, the Python and the binary version: https://www.cs.toronto.edu/~kriz/cifar.html

The Python version is pickles. They are read by an unpickler that knows arrays, texts, numbers, lists and dicts, and
calls nothing else, so that a file from a stranger is data and no program.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harvest.config.source import Limits
from harvest.crawl.carriers.base import Carried, CarrierFailed
from harvest.crawl.files.disk import Opened, located
from harvest.crawl.files.readymade.base import Dataset
from harvest.images.png import as_png
from harvest.items import ImageItem

__all__ = ["load_pickle", "read", "read_item"]

_PIXELS = 3 * 32 * 32
_BATCHES = ("data_batch_[1-9]*", "test_batch*", "train", "test", "train.bin", "test.bin")


@dataclass(frozen=True, slots=True)
class _Batch:
    """One file: pixels of shape (N, 3, 32, 32), rows of class numbers, and the names that images once had."""

    pixels: NDArray[np.uint8]
    fine: list[int]
    coarse: list[int]
    names: list[str]


def read(dataset: Dataset) -> Iterator[ImageItem]:
    """Every image of every batch, with its class, and for CIFAR-100 its superclass too."""
    for file in dataset.files(*_BATCHES, *(f"*/{pattern}" for pattern in _BATCHES)):
        split = "test" if file.name.startswith("test") else "train"
        if not dataset.wants(split):
            continue
        try:
            with _FILES.use(file) as batch:
                found = batch
            fine, coarse = _classes(file.parent)
        except CarrierFailed as failed:
            dataset.problem(file, failed.reason)
            continue
        dataset.announce(len(found.fine))
        args = dataset.addresses.args(file)
        for at, number in enumerate(found.fine):
            labels = [dataset.label(number, fine)]
            if found.coarse:
                labels.append(coarse[found.coarse[at]] if found.coarse[at] < len(coarse) else str(found.coarse[at]))
            name = found.names[at] if found.names else str(at)
            yield dataset.part(
                "cifar",
                file,
                f"item={at}",
                f"{dataset.name(file)}/{name}",
                args={**args, "item": at},
                labels=tuple(labels),
                raw={"split": split},
            )


def read_item(args: Mapping[str, Any], limits: Limits) -> Carried:  # noqa: ARG001 - 32 pixels a side are no burden
    """The image number `item` of the batch in `file`, as PNG. Raises CarrierFailed."""
    with _FILES.use(located(args)) as batch:
        pixels = batch.pixels[int(args["item"])].transpose(1, 2, 0)
    made = f"pixels of item {args['item']} of a CIFAR batch"
    return Carried(body=as_png(Image.fromarray(np.ascontiguousarray(pixels))), etag=str(args["version"]), made=made)


def load_pickle(body: bytes) -> dict[str, Any]:
    """What a pickled dict holds, its keys as texts. Raises CarrierFailed for anything but data."""
    try:
        found = _Data(io.BytesIO(body), encoding="bytes").load()
    except Exception as error:  # whatever a hostile pickle makes of its reader
        raise CarrierFailed(f"changed: {error}") from None
    if not isinstance(found, dict):
        raise CarrierFailed(f"changed: a pickled {type(found).__name__} is no batch")
    return {_text(key): value for key, value in found.items()}


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in Python 2's protocols."""
    return text.encode("latin1" if encoding == "latin1" else "ascii")


def _reconstruct(_kind: Any, _shape: Any, _code: Any) -> NDArray[Any]:
    """An empty array for the unpickler to fill."""
    return np.ndarray((0,), np.uint8)


def _dtype(code: Any, *_: Any) -> np.dtype[Any]:
    """A type of plain numbers."""
    name = _text(code)
    if name not in {"u1", "i1", "u2", "i2", "i4", "i8", "f4", "f8"}:
        raise pickle.UnpicklingError(f"an array of {name!r}, which no batch has")
    return np.dtype(name, False, True)


# By the modules that Python's and numpy's versions name them in. `ndarray` is only ever an argument, and not callable.
_KNOWN: Mapping[tuple[str, str], Callable[..., Any] | None] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    ("numpy", "ndarray"): None,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): bytes,
    ("builtins", "bytes"): bytes,
}


class _Data(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Raises UnpicklingError for whatever no batch needs."""
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it wants to call {module}.{name}, which no batch needs")
        return _KNOWN[module, name]


def _load(path: Path) -> _Batch:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise CarrierFailed(f"unreadable: {error.strerror}") from None
    return _binary(body, path) if path.suffix == ".bin" else _pickled(body)


def _pickled(body: bytes) -> _Batch:
    said = load_pickle(body)
    data = said.get("data")
    fine, coarse = said.get("fine_labels", said.get("labels")), said.get("coarse_labels", [])
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != _PIXELS:
        raise CarrierFailed("changed: this is no batch of 32x32 colour images")
    names = [_text(name) for name in said.get("filenames", [])]
    if not isinstance(fine, list) or len(fine) != len(data) or len(names) not in {0, len(data)}:
        raise CarrierFailed("changed: images and labels of this batch do not go together")
    numbers = [int(number) for number in fine]
    return _Batch(data.reshape(-1, 3, 32, 32), numbers, [int(number) for number in coarse], names)


def _binary(body: bytes, path: Path) -> _Batch:
    bytes_of_labels = 2 if path.name in {"train.bin", "test.bin"} else 1
    size = bytes_of_labels + _PIXELS
    if not body or len(body) % size:
        raise CarrierFailed(f"corrupt: {len(body)} bytes are no whole number of records of {size}")
    rows = np.frombuffer(body, np.uint8).reshape(-1, size)
    labels = rows[:, :bytes_of_labels].astype(int).tolist()
    pixels = rows[:, bytes_of_labels:].reshape(-1, 3, 32, 32)
    return _Batch(pixels, [row[-1] for row in labels], [row[0] for row in labels] if bytes_of_labels == 2 else [], [])


def _classes(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of classes and superclasses that stand beside the batches."""
    for name in ("batches.meta", "meta"):
        if (folder / name).is_file():
            said = load_pickle((folder / name).read_bytes())
            fine = said.get("fine_label_names", said.get("label_names", []))
            return tuple(map(_text, fine)), tuple(map(_text, said.get("coarse_label_names", [])))
    fine = _lines(folder / "fine_label_names.txt") or _lines(folder / "batches.meta.txt")
    return fine, _lines(folder / "coarse_label_names.txt")


def _lines(file: Path) -> tuple[str, ...]:
    if not file.is_file():
        return ()
    return tuple(line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip())


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


_FILES: Opened[_Batch] = Opened(_load, limit=3)
