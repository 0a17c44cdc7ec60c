"""Oxford's 102 flowers: https://www.robots.ox.ac.uk/~vgg/data/flowers/102/

The dataset numbers its classes and does not name them; names are the config's to give.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from harvest.crawl.files.readymade.base import Dataset
from harvest.errors import ComponentMissing
from harvest.items import ImageItem

__all__ = ["read"]

_SETS = {"trnid": "train", "valid": "validation", "tstid": "test"}


def read(dataset: Dataset) -> Iterator[ImageItem]:
    """Every jpg/image_NNNNN.jpg with its class of imagelabels.mat and its split of setid.mat."""
    labels = _load(dataset, "imagelabels.mat", ("labels",))["labels"]
    setid = dataset.path / "setid.mat"
    sets = _load(dataset, "setid.mat", tuple(_SETS)) if setid.exists() else {}
    splits = {number: _SETS[name] for name, numbers in sets.items() for number in numbers}
    dataset.announce(len(labels))
    folders = (dataset.path / "jpg", dataset.path)
    folder = next((each for each in folders if (each / "image_00001.jpg").exists()), None)
    if folder is None:
        raise dataset.error("path", f"no jpg/image_00001.jpg in {dataset.path}; unpack 102flowers.tgz there")
    for number, label in enumerate(labels, start=1):
        split = splits.get(number)
        if dataset.wants(split):
            name = dataset.classes[label - 1] if 0 < label <= len(dataset.classes) else str(label)
            raw = {"class": label, **({"split": split} if split else {})}
            file = folder / f"image_{number:05d}.jpg"
            yield dataset.item(file, file.stem, labels=(name,), raw=raw)


def _load(dataset: Dataset, name: str, keys: tuple[str, ...]) -> dict[str, list[int]]:
    """The rows of whole numbers in a MATLAB file."""
    if find_spec("scipy") is None:
        raise ComponentMissing("MATLAB files need SciPy: pip install 'herbarium-harvester[layout]'")
    from scipy.io import loadmat  # noqa: PLC0415 - an optional component

    file: Path = dataset.path / name
    try:
        said: dict[str, Any] = loadmat(str(file), variable_names=keys)
        return {key: np.asarray(said[key]).ravel().astype(int).tolist() for key in keys}
    except KeyError as missing:
        raise dataset.error("path", f"{file} has no {missing}") from None
    except Exception as error:  # as many kinds as there are ways to write such a file wrongly
        raise dataset.error("path", f"{file} cannot be read: {error}") from None
