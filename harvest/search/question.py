"""What is asked for: words, picture files and images of the ledger, each wanted or unwanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harvest import embedders
from harvest.embedders.base import Embedder, Speaking
from harvest.errors import Broken, ConfigError, UsageError
from harvest.images.decode import decode_rgb
from harvest.ledger import Connection, EmbeddedModel, find_sha256, vectors_of
from harvest.ledger.naming import DIGITS

__all__ = ["Part", "Question", "parts", "query_vector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that is asked for: words, a path, or a whole sha256. With `weight` below 0 it is unwanted."""

    kind: Literal["words", "file", "image"]
    value: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question to the ledger: parts, and how many answers are wanted."""

    parts: tuple[Part, ...]
    top: int = 24
    min_score: float | None = None


def parts(con: Connection, wanted: Sequence[str], unwanted: Sequence[str] = ()) -> tuple[Part, ...]:
    """Read what a person typed: the path of a file that is here is that picture, ten or more hexadecimal digits are an
    image of the ledger, and all else is words. Raises UsageError.
    """
    if not any(text.strip() for text in wanted):
        raise UsageError("expected words, a picture's path, or the first digits of an image's sha256")
    both = [*((text, 1.0) for text in wanted), *((text, -1.0) for text in unwanted)]
    return tuple(_part(con, text, weight) for text, weight in both if text.strip())


def _part(con: Connection, text: str, weight: float) -> Part:
    if Path(text).is_file():
        return Part(kind="file", value=text, weight=weight)
    if DIGITS.fullmatch(text.strip()):
        return Part(kind="image", value=find_sha256(con, text), weight=weight)
    if "/" in text and Path(text).suffix.lower() in {
        ".jpg",
        ".jpeg",
        ".png",
        ".webp",
        ".gif",
        ".tif",
        ".tiff",
        ".avif",
        ".heic",
        ".jxl",
    }:
        raise UsageError(f"{text}: no such file")
    return Part(kind="words", value=" ".join(text.split()), weight=weight)


def query_vector(con: Connection, model: EmbeddedModel, name: str, asked: Sequence[Part]) -> NDArray[np.float32]:
    """The unit vector (d,) that is asked for: the parts' unit vectors, weighted and added.

    Images of the ledger have theirs already; for words and files the model `name` is loaded. Raises UsageError where
    it does not know words, or has other weights than those that made the ledger's vectors; WeightsMissing.
    """
    images = [part.value for part in asked if part.kind == "image"]
    known = vectors_of(con, model.model_id, images)
    missing = [sha256 for sha256 in images if sha256 not in known]
    if missing:
        raise UsageError(
            f"{missing[0][:16]} has no vector of {model.model_id}; `harvest embed` makes it, if it decodes"
        )
    loaded = _loaded(model, name) if len(images) < len(asked) else None
    total = np.zeros(model.width, np.float64)
    for part in asked:
        found = known[part.value] if part.kind == "image" else _embedded(loaded, name, part)
        total += part.weight * found.astype(np.float64)
    length = float(np.linalg.norm(total))
    if length < 1e-6:
        raise UsageError("what is wanted and what is not cancel each other out; ask for something else")
    return np.asarray(total / length, np.float32)


def _loaded(model: EmbeddedModel, name: str) -> Embedder:
    loaded = embedders.load(name)
    if loaded.model_id != model.model_id:
        raise UsageError(
            f"{name}: the weights here are {loaded.model_id}, and the ledger's vectors are of {model.model_id}; "
            "`harvest embed RECIPE` makes vectors of these weights"
        )
    return loaded


def _embedded(loaded: Embedder | None, name: str, part: Part) -> NDArray[np.float32]:
    assert loaded is not None
    if part.kind == "words":
        if not isinstance(loaded, Speaking):
            raise UsageError(f"{name} does not know words; ask with pictures, or name a CLIP model by --model")
        return np.asarray(loaded.texts([part.value])[0], np.float32)
    try:
        picture = decode_rgb(Path(part.value), longest=loaded.framing.least)
    except (Broken, OSError) as error:
        raise ConfigError(part.value, "", f"expected a picture: {error}") from None
    return np.asarray(loaded.images(loaded.framing(picture)[None])[0], np.float32)
