"""Models that turn pictures, and some of them words, into vectors: found here, each fed as it was trained.

A model is named `harvest-demo` (the small one in this package), `local-dir:/path` or `file:/path` (open_clip, with its
configuration), `ARCHITECTURE/TAG` (open_clip, from the local cache), `timm:NAME` or `torchvision:NAME` (pictures only,
from the local cache or `@/path`), `pixels` or `colours` (no weights).
"""

from harvest.embedders.base import Embedder, Framing, Speaking
from harvest.embedders.registry import DEFAULT_MODEL, DEMO_MODEL, find_weights, knows_words, load, model_id_of
from harvest.embedders.weights import Weights

__all__ = [
    "DEFAULT_MODEL",
    "DEMO_MODEL",
    "Embedder",
    "Framing",
    "Speaking",
    "Weights",
    "find_weights",
    "knows_words",
    "load",
    "model_id_of",
]
