"""One export to write: what it is made of and by, and what its papers tell of that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harvest.config.reader import digest_of
from harvest.config.recipe import Recipe
from harvest.export.base import Entry, RecipeFacts, SourceFacts
from harvest.export.choice import Looked
from harvest.export.entries import Wording
from harvest.export.gates import Finding
from harvest.export.paper import Census, census
from harvest.export.registry import ExportJob
from harvest.export.told import input_digest
from harvest.ledger import open_ledger
from harvest.workspace import Workspace

__all__ = ["Work", "beside_of", "counts_of", "facts_of", "made_by"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One export to write, whatever its images are."""

    job: ExportJob
    recipe: RecipeFacts
    recipe_digest: str
    left_out: int
    wording: Wording
    stages: Mapping[str, str]
    size_digest: str | None
    counts: Census
    looked: Looked
    findings: tuple[Finding, ...] = ()

    def input_digest(self, entries: Sequence[Entry]) -> str:
        """Hex sha256 over all that is written."""
        found = json.dumps([asdict(finding) for finding in self.findings], sort_keys=True)
        return input_digest(entries, self.counts.digest() + found)


def counts_of(workspace: Workspace, entries: Sequence[Entry], stages: Mapping[str, str]) -> Census:
    """What the papers count of the images of these entries, and of the stages that chose them."""
    with open_ledger(workspace) as con:
        return census(con, [entry.image.sha256 for entry in entries], stages)


def beside_of(entries: Sequence[Entry]) -> dict[str, Any]:
    """Which entries lie beside the set, so that the export can be made again."""
    beside = [entry for entry in entries if entry.regularises]
    return {"sha256s": [entry.image.sha256 for entry in beside], "caption": beside[0].caption} if beside else {}


def facts_of(recipe: Recipe) -> RecipeFacts:
    """What an export tells of its recipe."""
    return RecipeFacts(
        name=recipe.name,
        title=recipe.title,
        description=recipe.description,
        digest=recipe.digest,
        text=recipe.file.read_text(encoding="utf-8"),
        sources=tuple(SourceFacts(name=source.stem, digest=digest_of(source)) for source in recipe.sources),
        policy_digest=digest_of(recipe.policy) if recipe.policy else None,
        about=recipe.about,
    )


def made_by(work: Work) -> dict[str, Any]:
    """What an export was made by, as its papers tell it."""
    return {
        "format": {"name": work.job.format.name, "version": work.job.format.version},
        "settings": asdict(work.job.settings),
        "stages": dict(sorted(work.stages.items())),
        "size": work.size_digest,
    }
