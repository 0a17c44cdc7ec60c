"""The stage: every selected image to train, validation or test, with the part that it must not be torn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.config.recipe import Recipe, params_digest
from harvest.config.split import SPLITS, SplitConfig
from harvest.errors import ConfigError
from harvest.ledger import (
    CaptionFacts,
    Connection,
    bound_pairs,
    caption_facts,
    earlier_splits,
    images_among,
    latest_stage,
    open_ledger,
    write_splits,
)
from harvest.progress import Progress
from harvest.stages.labelling import label_filters, labelled_by
from harvest.stages.report import StageReport
from harvest.stages.selection import stage_digests
from harvest.stages.split.allot import Part, allot
from harvest.stages.split.parts import Bonds
from harvest.stages.work import digest_over
from harvest.workspace import Workspace

__all__ = ["STAGE", "check_split", "labels_of", "run_split"]

STAGE = "split"
VERSION = 1
_SHOWN = 12  # parts told of those that were joined
_OFF = 0.25  # of what was asked for: how far from it a split may be without a word


def run_split(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Put every selected image into train, validation or test, unless the split in force has them all as they are.

    An image stays where it was put as long as the recipe's split says the same; new ones go where they are short of.
    Where a new link binds parts that were apart, they go where most of their images were, and that is told.
    """
    config = recipe.split
    if config is None:
        return StageReport(stage=STAGE)
    stages = stage_digests(recipe, workspace)
    digest = _digest(config, recipe.seed)
    by = labelled_by(recipe, workspace)
    with open_ledger(workspace) as con:
        chosen = images_among(con, kept_by=stages, not_dropped_by={})
        facts = _Facts.of(con, chosen, by, config, progress)
        bonds = _bonds(facts, bound_pairs(con, recipe.name, config.alike))
        earlier = earlier_splits(con, recipe.name, digest)
        last = latest_stage(con, STAGE, recipe.name)
    parts, part_of = _parts(facts, bonds, earlier)
    inputs = digest_over(zip(facts.names, part_of, facts.labels, strict=True))
    if last is not None and (last.recipe_digest, last.input_digest) == (digest, inputs):
        return StageReport(stage=STAGE, skipped=len(facts.names), detail=last.detail)
    placed = allot(parts, config.shares, seed=recipe.seed)
    columns = pa.table(
        {
            "sha256": pa.array(facts.names, pa.string()),
            "split": pa.array([placed[part] for part in part_of], pa.string()),
            "part": pa.array(part_of, pa.string()),
            "label": pa.array([labels[0] if labels else None for labels in facts.labels], pa.string()),
        }
    )
    detail = _detail(config, parts, placed, facts, earlier, columns)
    for line in _words(config, detail, is_anew=last is not None and last.recipe_digest != digest):
        progress.say(line)
    with open_ledger(workspace, write=True) as con:
        write_splits(con, name=recipe.name, recipe_digest=digest, input_digest=inputs, rows=columns, detail=detail)
    return StageReport(stage=STAGE, done=len(columns), detail=detail)


def check_split(recipe: Recipe) -> None:
    """Raise ConfigError where a split wants labels by a model that no filter of the recipe asks for."""
    if recipe.split is not None and recipe.split.labels == "model" and not label_filters(recipe):
        raise ConfigError(
            recipe.file, "split.labels", "expected a `labels` filter in the recipe to take labels from, got none"
        )


def labels_of(workspace: Workspace, recipe: Recipe, sha256s: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By sha256, in order, the labels that the recipe's split is balanced by."""
    config = recipe.split or SplitConfig()
    by = labelled_by(recipe, workspace)
    names = np.array(sorted(sha256s), dtype="S64")
    with open_ledger(workspace) as con:
        return {facts.sha256: _labels(facts, config.labels) for some in caption_facts(con, names, by) for facts in some}


def _digest(config: SplitConfig, seed: int) -> str:
    terms = {"shares": config.shares, "by": config.by, "labels": config.labels, "alike": config.alike, "seed": seed}
    return params_digest(STAGE, VERSION, terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What is known of the images, each list in order of sha256."""

    names: Sequence[str]
    creators: Sequence[str | None]
    sources: Sequence[str | None]
    labels: Sequence[tuple[str, ...]]
    by: Sequence[str]

    @classmethod
    def of(
        cls,
        con: Connection,
        chosen: NDArray[np.bytes_],
        by: Sequence[tuple[str, str]],
        config: SplitConfig,
        progress: Progress,
    ) -> _Facts:
        rows: list[tuple[str, str | None, str | None, tuple[str, ...]]] = []
        with progress.start(STAGE, len(chosen)) as task:
            for some in caption_facts(con, chosen, by):
                rows += [
                    (facts.sha256, _person(facts.creator), facts.source, _labels(facts, config.labels))
                    for facts in some
                ]
                task.advance(len(some))
        names, creators, sources, labels = zip(*rows, strict=True) if rows else ((), (), (), ())
        return cls(names=names, creators=creators, sources=sources, labels=labels, by=config.by)


def _person(name: str | None) -> str | None:
    """A creator as one is told from another, whatever the case and the blanks; None for an unknown one."""
    return " ".join(name.split()).casefold() or None if name else None


def _labels(facts: CaptionFacts, which: str) -> tuple[str, ...]:
    """The labels to balance by: all that people and the source gave, or the one that models found first."""
    if which in {"both", "source"} and facts.labels:
        return tuple(facts.labels)
    return tuple(found.label for found in facts.found[:1]) if which in {"both", "model"} else ()


def _bonds(facts: _Facts, pairs: Iterator[tuple[str, str]]) -> Bonds:
    bonds = Bonds(facts.names)
    for one, other in pairs:
        bonds.tie(one, other)
    if "creator" in facts.by:
        bonds.tie_alike(facts.names, facts.creators)
    if "source" in facts.by:
        bonds.tie_alike(facts.names, facts.sources)
    return bonds


def _parts(facts: _Facts, bonds: Bonds, earlier: Mapping[str, str]) -> tuple[list[Part], list[str]]:
    """The parts that hold any image of the dataset, in order, and for each image the name of its part."""
    part_of = [bonds.find(name) for name in facts.names]
    sizes = Counter(part_of)
    labels: dict[str, Counter[str]] = {name: Counter() for name in sizes}
    for part, found in zip(part_of, facts.labels, strict=True):
        labels[part].update(found)
    before: dict[str, Counter[str]] = {name: Counter() for name in sizes}
    for name, members in bonds.members().items():
        if name in sizes:
            before[name].update(earlier[member] for member in members if member in earlier)
    parts = [
        Part(name=name, size=size, labels=labels[name], earlier=before[name]) for name, size in sorted(sizes.items())
    ]
    return parts, part_of


def _detail(  # noqa: PLR0917 - all that there is to tell of
    config: SplitConfig,
    parts: Sequence[Part],
    placed: Mapping[str, str],
    facts: _Facts,
    earlier: Mapping[str, str],
    columns: pa.Table,
) -> dict[str, Any]:
    """What came of it, as plain values."""
    where = columns.column("split").to_pylist()
    counts = Counter(where)
    moved = Counter(
        f"{earlier[name]} to {split}"
        for name, split in zip(facts.names, where, strict=True)
        if earlier.get(name, split) != split
    )
    joined = [part for part in parts if len(part.earlier) > 1]
    largest = max(parts, key=lambda part: (part.size, part.name), default=None)
    return {
        "images": len(where),
        "parts": len(parts),
        "splits": {name: counts[name] for name in SPLITS},
        "asked": dict(config.shares),
        "labels": len({label for labels in facts.labels for label in labels}),
        "stayed": sum(name in earlier for name in facts.names) - sum(moved.values()),
        "moved": dict(sorted(moved.items())),
        "joined": len(joined),
        "named": [
            {"part": part.name, "were": dict(sorted(part.earlier.items())), "now": placed[part.name]}
            for part in joined[:_SHOWN]
        ],
        "largest": {"part": largest.name, "images": largest.size, "split": placed[largest.name]} if largest else None,
    }


def _words(config: SplitConfig, detail: Mapping[str, Any], *, is_anew: bool) -> Iterator[str]:
    """Lines for whoever watches, about what they may want to know or mend."""
    if is_anew:
        yield "split: made anew, for its parameters changed: do not test models of the earlier split with this one"
    for told in detail["named"]:
        were = " and ".join(f"{count:,} in {split}" for split, count in told["were"].items())
        yield f"split: what was apart is bound now: of part {told['part'][:12]} {were}; all are in {told['now']} now"
    if detail["moved"]:
        moved = ", ".join(f"{count:,} from {way}" for way, count in detail["moved"].items())
        yield f"split: {moved}; models trained before have seen what was in train"
    total = detail["images"]
    for name, share in config.shares.items():
        got = detail["splits"][name]
        if abs(got - share * total) > max(1, _OFF * share * total):
            largest = detail["largest"]
            bound = " or ".join(("copies", *config.by))
            yield (
                f"split: {name} has {got:,} of {total:,} images, {share * total:,.0f} were asked for; the largest part "
                f"(bound by {bound}) has {largest['images']:,} and is in {largest['split']}"
                + ("; `by: none` keeps only copies together" if config.by else "")
            )
