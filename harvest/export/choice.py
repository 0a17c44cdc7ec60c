"""Which images a recipe exports, what they are called, and by what their sets are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harvest.config.captions import CaptionLabels
from harvest.config.policy import Policy, default_policy
from harvest.config.reader import Section
from harvest.config.recipe import Recipe
from harvest.export.entries import Wording
from harvest.export.gates import Terms, terms_of
from harvest.ledger.rows import StageRun
from harvest.workspace import Workspace

__all__ = ["Choice", "Looked", "Others", "choice_of", "looked_then"]

#: The stages' digests of another recipe, by its file.
Others = Callable[[Path], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """By what an export's set is judged, kept so that it can be judged again without policy and recipe: the policy's
    terms, and whether the recipe's dedupe compares near pictures itself.
    """

    terms: Terms
    near: bool


class Choice(NamedTuple):
    """Which images, which files of them, what they are called, and by what they are judged."""

    digests: Mapping[str, str]
    size_digests: Mapping[int, str] | None
    wording: Wording
    looked: Looked
    others: Others | None


def choice_of(
    recipe: Recipe,
    digests: Mapping[str, str],
    *,
    size_digests: Mapping[int, str] | None,
    labelled_by: Sequence[tuple[str, str]],
    policy: Policy | None,
    others: Others | None,
) -> Choice:
    """What `run_exports` is told, put together. Words of models count for exports as they do for captions."""
    words = recipe.captions.labels if recipe.captions else CaptionLabels()
    wording = Wording(recipe=recipe.name, labelled_by=tuple(labelled_by), min_share=words.min_share, most=words.most)
    near, terms = recipe.dedupe.near, terms_of(policy or default_policy())
    looked = Looked(terms=terms, near=near is not None and near.max_distance >= terms.gates.near_bits)
    return Choice(digests, size_digests, wording, looked, others)


def looked_then(workspace: Workspace, name: str, last: StageRun) -> Looked:
    """By what an export was judged when it was made; by the default policy if it does not say."""
    said = last.detail.get("looked")
    if said is None:
        return Looked(terms=terms_of(default_policy()), near=True)
    return Section(workspace.ledger, f"export {name}", said).read(Looked)
