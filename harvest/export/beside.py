"""The regularisation set: pictures that lie beside those of a subject and show others of its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harvest.export.trainers.lora import MEANING, RegularisationSettings
from harvest.ledger import Connection
from harvest.ledger.near_sets import beside_set
from harvest.ledger.sets import set_of

__all__ = ["choose_beside"]

# What this filter leaves out shows the subject itself, once more.
_SUBJECT = frozenset({"diverse"})


def choose_beside(
    con: Connection,
    terms: RegularisationSettings,
    sha256s: NDArray[np.bytes_],
    digests: Mapping[str, str],
    others: Mapping[str, str] | None,
    *,
    seed: int,
) -> list[str]:
    """The sha256s of the regularisation set for the images `sha256s`, (n,), in order.

    `digests` (stage -> recipe_digest) are those of the recipe, `others` those of the one that the settings name. Stages
    that look at rights, refusals, copies and quality keep every one of them.
    """
    kinds = {stage: _kind(stage) for stage in digests}
    guards = {stage: digest for stage, digest in digests.items() if kinds[stage] not in {*MEANING, *_SUBJECT}}
    asked = frozenset(terms.filters or MEANING)
    dropping = {stage: digest for stage, digest in digests.items() if kinds[stage] in asked}
    among: Sequence[str] | None = None
    if others is not None:
        among = [sha256.decode() for sha256 in set_of(con, others)]
    return beside_set(
        con,
        sha256s,
        kept_by=guards,
        among=among,
        dropped_by=dropping,
        bits=terms.max_distance,
        count=terms.count or len(sha256s),
        seed=seed,
    )


def _kind(stage: str) -> str:
    """`clip` for the decisions of `filter.clip` and `filter.clip.2`, `dedupe` for its own."""
    return stage.removeprefix("filter.").split(".")[0]
