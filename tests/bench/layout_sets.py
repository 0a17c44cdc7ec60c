"""The sets that layouts are compared on: features, and a full grid."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from layout.features import PYRAMID_SIDE, pixel_pyramid
from layout.grid import Grid

__all__ = ["SETS", "FeatureSet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSet:
    """Features (n, d) and a grid of n cells."""

    features: np.ndarray
    grid: Grid


def _given(name: str) -> Path | None:
    path = Path(os.environ.get("DIR") or ".") / name
    return path if path.exists() else None


def _kress() -> FeatureSet | None:
    """1,056 prints of the National Gallery's Kress collection, as ImageRearranger ships them."""
    path = _given("nga_kress_32.zip")
    if path is None:
        return None
    tiles = []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.lower().endswith((".jpg", ".jpeg", ".png")) and "__MACOSX" not in name:
                with Image.open(io.BytesIO(archive.read(name))) as image:
                    tiles.append(np.asarray(image.convert("RGB").resize((PYRAMID_SIDE, PYRAMID_SIDE))))
    return FeatureSet(features=pixel_pyramid(np.stack(tiles)), grid=Grid(columns=33, rows=32))


def _cyr() -> FeatureSet | None:
    """1,008 tiles of one mosaic, as ImageRearranger ships it."""
    path = _given("src_cyr_32.png")
    if path is None:
        return None
    with Image.open(path) as image:
        mosaic = np.asarray(image.convert("RGB"))
    rows, columns = mosaic.shape[0] // PYRAMID_SIDE, mosaic.shape[1] // PYRAMID_SIDE
    tiles = mosaic.reshape(rows, PYRAMID_SIDE, columns, PYRAMID_SIDE, 3).transpose(0, 2, 1, 3, 4)
    tiles = np.ascontiguousarray(tiles.reshape(-1, PYRAMID_SIDE, PYRAMID_SIDE, 3))
    return FeatureSet(features=pixel_pyramid(tiles), grid=Grid(columns=columns, rows=rows))


def _digits() -> FeatureSet:
    return FeatureSet(features=load_digits().data[:1764].astype(np.float32), grid=Grid(columns=42, rows=42))


def _colours() -> FeatureSet:
    return FeatureSet(features=np.random.default_rng(0).random((1024, 3), np.float32), grid=Grid(columns=32, rows=32))


SETS: dict[str, Callable[[], FeatureSet | None]] = {
    "kress": _kress,
    "cyr": _cyr,
    "digits": _digits,
    "colours": _colours,
}
