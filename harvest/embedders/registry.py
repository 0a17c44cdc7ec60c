"""Embedders by name. To add a kind: a module with what finds its weights and what loads them, and a line in KINDS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from harvest.embedders import backbones, openclip, plain
from harvest.embedders.base import Embedder
from harvest.embedders.weights import Weights
from harvest.errors import ComponentMissing

__all__ = ["DEFAULT_MODEL", "DEMO_MODEL", "KINDS", "Kind", "find_weights", "knows_words", "load", "model_id_of"]

DEFAULT_MODEL = "ViT-B-32/laion2b_s34b_b79k"
DEMO_MODEL = "harvest-demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of embedder: what finds the weights of a name of this kind, and what makes an embedder of them.

    `find` needs no torch where a path or the package itself says where the weights are. `wordless` tells what keeps
    models that know words from understanding them here; None for a kind that knows pictures only.
    """

    find: Callable[[str], Weights]
    load: Callable[[Weights], Embedder]
    wordless: Callable[[Weights], ComponentMissing | None] | None = None


KINDS: Mapping[str, Kind] = {
    DEMO_MODEL: Kind(find=openclip.find_demo, load=openclip.load, wordless=openclip.wordless),
    "local-dir": Kind(find=openclip.find_folder, load=openclip.load, wordless=openclip.wordless),
    "file": Kind(find=openclip.find_file, load=openclip.load, wordless=openclip.wordless),
    "timm": Kind(find=backbones.find_timm, load=backbones.load_timm),
    "torchvision": Kind(find=backbones.find_torchvision, load=backbones.load_torchvision),
    "pixels": Kind(find=plain.find_pixels, load=plain.load_pixels),
    "colours": Kind(find=plain.find_colours, load=plain.load_colours),
}
_TAG = Kind(find=openclip.find_tag, load=openclip.load, wordless=openclip.wordless)  # ARCHITECTURE/TAG


def find_weights(name: str) -> Weights:
    """Where the weights of the model `name` lie on this machine. Nothing is downloaded.

    Raises WeightsMissing with the ways out, ComponentMissing when a library is needed to know and is not here,
    ConfigError when a model's own configuration does not say how it is fed.
    """
    return _kind(name).find(name)


def model_id_of(name: str) -> str:
    """`name@digest` of the model `name`, by which vectors are kept. Raises what `find_weights` does."""
    return find_weights(name).model_id


def load(name: str) -> Embedder:
    """The embedder `name`, in evaluation mode and float32; the last few stay loaded.

    Raises what `find_weights` does, UsageError when a file does not hold weights of that model.
    """
    weights = find_weights(name)
    return _loaded(weights, weights.model_id)


def knows_words(name: str) -> bool:
    """Whether the model `name` knows words beside pictures.

    Raises what `find_weights` does, and WeightsMissing or ComponentMissing when its tokenizer is not here.
    """
    kind = _kind(name)
    if kind.wordless is None:
        return False
    lack = kind.wordless(kind.find(name))
    if lack is not None:
        raise lack
    return True


@lru_cache(maxsize=3)
def _loaded(weights: Weights, model_id: str) -> Embedder:  # noqa: ARG001 - other bytes at the same path are another
    return _kind(weights.name).load(weights)


def _kind(name: str) -> Kind:
    return KINDS.get(name.partition(":")[0], _TAG)
