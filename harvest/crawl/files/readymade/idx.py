"""MNIST's IDX files, plain or gzipped: http://yann.lecun.com/exdb/mnist/, and all that is written likewise."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harvest.config.source import Limits
from harvest.crawl.carriers.base import Carried, CarrierFailed
from harvest.crawl.files.disk import Opened, located
from harvest.crawl.files.readymade.base import Dataset, split_of
from harvest.images.png import as_png
from harvest.items import ImageItem

__all__ = ["load", "read", "read_item"]

_UNSIGNED_BYTE = 8
_MOST = 1 << 34  # bytes of one array that are ever taken into memory


def read(dataset: Dataset) -> Iterator[ImageItem]:
    """Every image of every `*images*idx*` file, with the label of the same place in the `*labels*` file beside it."""
    for file in dataset.files("*images*idx[34]*"):
        split = split_of(file.name.rpartition("images")[0].rstrip("-._").rpartition("-")[2])
        if not dataset.wants(split):
            continue
        try:
            with _ARRAYS.use(file) as images:
                number = len(images)
            labels = _labels(file, number)
        except CarrierFailed as failed:
            dataset.problem(file, failed.reason)
            continue
        dataset.announce(number)
        args = dataset.addresses.args(file)
        for at in range(number):
            label = (dataset.label(int(labels[at])),) if labels is not None else ()
            yield dataset.part(
                "idx",
                file,
                f"item={at}",
                f"{split or file.name}/{at}",
                args={**args, "item": at},
                labels=label,
                raw={"split": split} if split else {},
            )


def read_item(args: Mapping[str, Any], limits: Limits) -> Carried:
    """The image number `item` of the array in `file`, as PNG. Raises CarrierFailed."""
    with _ARRAYS.use(located(args)) as images:
        pixels = images[int(args["item"])]
    if pixels.shape[0] * pixels.shape[1] > limits.max_pixels:
        raise CarrierFailed(f"bomb: more than {limits.max_pixels} pixels (limits.max_pixels)")
    made = f"pixels of item {args['item']} of an IDX array"
    return Carried(body=as_png(Image.fromarray(pixels)), etag=str(args["version"]), made=made)


def load(path: Path) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file. Raises CarrierFailed when it holds anything else, or ends early."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            zeros, kind, rank = struct.unpack(">HBB", file.read(4))
            shape = struct.unpack(f">{rank}I", file.read(4 * rank))
            size = math.prod(shape)
            if zeros or kind != _UNSIGNED_BYTE or not 1 <= rank <= 4 or size > _MOST:
                raise CarrierFailed("changed: this is no IDX file of unsigned bytes")
            body = file.read(size)
    except (struct.error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CarrierFailed(f"corrupt: {error}") from None
    except OSError as error:
        raise CarrierFailed(f"unreadable: {error.strerror}") from None
    if len(body) < size:
        raise CarrierFailed(f"corrupt: {len(body)} bytes where the header says {size}")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _images(path: Path) -> NDArray[np.uint8]:
    array = load(path)
    if array.ndim == 3 or (array.ndim == 4 and array.shape[3] in {3, 4}):
        return array
    raise CarrierFailed(f"changed: an array of shape {array.shape} holds no images")


def _labels(images: Path, number: int) -> NDArray[np.uint8] | None:
    name = images.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    other = name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz"
    found = next((path for path in (images.with_name(name), images.with_name(other)) if path.exists()), None)
    if found is None:
        return None
    labels = load(found)
    if labels.shape != (number,):
        raise CarrierFailed(f"changed: {number} images, but labels of shape {labels.shape}")
    return labels


_ARRAYS: Opened[NDArray[np.uint8]] = Opened(_images, limit=3)
