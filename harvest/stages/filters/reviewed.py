"""Drop what people left out by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from harvest.stages.filters.base import Case

__all__ = ["ReviewedFilter", "by_hand", "said_digest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedFilter:
    """Heeds `harvest review --of filter --drop`; what nobody judged stays."""

    version: ClassVar[int] = 1
    reads: ClassVar[frozenset[str]] = frozenset({"said"})

    def grounds(self, said: Mapping[str, bool]) -> Mapping[str, object]:
        """What people said."""
        return {"said": said_digest(said)}

    def cases(self) -> tuple[Case, ...]:
        """By the newest word on the image."""
        words = "said_why || ' (' || said_by || ')'"
        return (
            Case(when="said = 'drop'", reason=f"'dropped by hand: ' || {words}"),
            Case(when="said = 'keep'", keep=True, reason=f"'kept by hand: ' || {words}"),
            Case(keep=True, reason="'nobody judged it'"),
        )


def by_hand(kept: bool, words: str) -> str:
    """The reason of a verdict that people gave, in the same words as above; `words` say why and who."""
    return f"{'kept' if kept else 'dropped'} by hand: {words}"


def said_digest(said: Mapping[str, bool]) -> str:
    """Hex sha256 of what people said of images."""
    return hashlib.sha256(json.dumps(dict(sorted(said.items()))).encode()).hexdigest()
