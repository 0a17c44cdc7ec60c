"""The recipe's `dedupe`: which methods find copies, how near is near, and which copy of a group stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harvest.config.reader import Section, setting

__all__ = ["CRITERIA", "DedupeConfig", "EmbeddingConfig", "NearConfig", "check_dedupe", "spelled_out"]

#: What can make a copy the better one, in the order that holds where the recipe says nothing.
CRITERIA = ("resolution", "compression", "provenance", "date")
_STRUCTURE, _CLIP = ("structure", 0.2), 0.9  # least similarities where the recipe says nothing
_SHORT = {"largest": CRITERIA, "earliest": ("date", "resolution", "compression", "provenance")}


@dataclass(frozen=True, slots=True, kw_only=True)
class NearConfig:
    """Perceptual hashes at most `max_distance` of 64 bits apart propose copies; pixels decide."""

    method: str = setting("phash", choices=("phash",))
    max_distance: int = setting(8, ge=0, le=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingConfig:
    """Vectors of `model` whose cosine is at least `min_similarity` propose copies that hashes miss: crops and borders.

    `structure` needs no weights and proposes from .2 on; any other name is a CLIP model.
    """

    model: str = "structure"
    min_similarity: float = setting(_STRUCTURE[1], gt=0, le=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupeConfig:
    """Methods that find copies, each with its own threshold, and how the best copy is chosen.

    `exact` is by construction: images of the same bytes are one image. `pixels` finds the same pixels in other bytes.
    `dihedral` lets a copy be mirrored (`flips`), or turned by quarters too (`all`). `keep` lists the criteria by which
    the kept copy is the better one, the first that differs decides. `cut` says when pictures are one group: each is a
    copy of the one that is kept (`keeper`), or each of each (`complete`).
    """

    exact: bool = True
    pixels: bool = True
    near: NearConfig | None = field(default_factory=NearConfig)
    embedding: EmbeddingConfig | None = None
    dihedral: str = setting("none", choices=("none", "flips", "all"))
    keep: tuple[str, ...] = setting(CRITERIA, choices=CRITERIA)
    cut: str = setting("keeper", choices=("keeper", "complete"))


def spelled_out(document: Section) -> Section:
    """A recipe's document with the short forms of its `dedupe` written out; for what is none of them, as it is.

    `keep: largest` and `keep: earliest` are lists of criteria, and a CLIP model has a similarity of its own. Raises
    ConfigError for any other word.
    """
    section = document.values.get("dedupe")
    if not isinstance(section, Mapping):
        return document
    values = dict(section)
    keep, embedding = section.get("keep"), section.get("embedding")
    if isinstance(keep, str):
        if keep not in _SHORT:
            choices = f"{', '.join(_SHORT)} or a list of {', '.join(CRITERIA)}"
            raise document.error("dedupe.keep", f"expected {choices}, got {keep!r}")
        values["keep"] = list(_SHORT[keep])
    if isinstance(embedding, Mapping) and embedding.get("model", _STRUCTURE[0]) != _STRUCTURE[0]:
        values["embedding"] = {"min_similarity": _CLIP, **embedding}
    return replace(document, values={**document.values, "dedupe": values})


def check_dedupe(document: Section, config: DedupeConfig) -> None:
    """Find what fits each field but not the others. Raises ConfigError."""
    if not config.exact:
        raise document.error("dedupe.exact", "expected true: images of the same bytes are one image in the ledger")
    if len(set(config.keep)) < len(config.keep):
        raise document.error("dedupe.keep", f"each criterion may stand once, got {list(config.keep)}")
