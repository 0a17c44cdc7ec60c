"""Detectors that measure one number in a picture, each with the weights that its package ships.

To add one: write its file, add its line to SCORERS.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from harvest.errors import ComponentMissing
from harvest.images.faces import detector_name
from harvest.scorers.base import LONGEST, Score, Scorer, ScorerKind
from harvest.scorers.faces import load_faces
from harvest.scorers.nsfw import identify_nsfw, load_nsfw
from harvest.scorers.text import identify_text, load_text

__all__ = ["LONGEST", "SCORERS", "Score", "Scorer", "ScorerKind", "identify", "load"]

SCORERS: Mapping[str, ScorerKind] = {
    kind.name: kind
    for kind in (
        ScorerKind(name="faces", identify=detector_name, load=load_faces),
        ScorerKind(name="nsfw", identify=identify_nsfw, load=load_nsfw),
        ScorerKind(name="text", identify=identify_text, load=load_text),
    )
}


def identify(name: str) -> str | None:
    """The name by which measurements of the scorer `name` are kept, None where it is not installed. Loads nothing.

    Raises ComponentMissing for a scorer that nobody knows.
    """
    return _kind(name).identify()


@lru_cache(maxsize=8)
def load(name: str) -> Scorer:
    """The scorer `name`, loaded once in a process. Raises ComponentMissing where it does not run."""
    return _kind(name).load()


def _kind(name: str) -> ScorerKind:
    try:
        return SCORERS[name]
    except KeyError:
        raise ComponentMissing(f"no scorer is called {name!r}; known are {', '.join(SCORERS)}") from None
