"""The filters that a recipe may name, one file each. To add one: write its file, add its line to FILTERS."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from harvest.config.recipe import Recipe, params_digest
from harvest.stages.filters.base import (
    ByMeaning,
    Candidate,
    Case,
    Filter,
    FilterKind,
    InSql,
    Judge,
    Space,
    Verdict,
    drop,
    keep,
)
from harvest.stages.filters.clip import ClipFilter, check_prompts
from harvest.stages.filters.licence import LicenceFilter, check_allowed
from harvest.stages.filters.opt_out import OptOutFilter
from harvest.stages.filters.quality import QualityFilter
from harvest.stages.filters.size import SizeFilter
from harvest.stages.filters.synthetic import SyntheticFilter

__all__ = [
    "FILTERS",
    "ByMeaning",
    "Candidate",
    "Case",
    "Filter",
    "FilterJob",
    "FilterKind",
    "InSql",
    "Judge",
    "Space",
    "Verdict",
    "build",
    "drop",
    "keep",
]

FILTERS: Mapping[str, FilterKind] = {
    kind.name: kind
    for kind in (
        FilterKind(name="size", params=SizeFilter),
        FilterKind(name="quality", params=QualityFilter),
        FilterKind(name="licence", params=LicenceFilter, check=check_allowed),
        FilterKind(name="opt_out", params=OptOutFilter),
        FilterKind(name="synthetic", params=SyntheticFilter),
        FilterKind(name="clip", params=ClipFilter, check=check_prompts),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterJob:
    """One entry of a recipe's `filter:` list. `stage` is the name its decisions go by."""

    stage: str
    params: Filter | ByMeaning

    def digest(self, model_id: str | None = None) -> str:
        """The recipe digest of its decisions; `model_id` belongs in it where the filter judges by meaning."""
        values = {**asdict(self.params), "model_id": model_id}  # type: ignore[call-overload]
        return params_digest(self.stage, self.params.version, values)


def build(recipe: Recipe) -> list[FilterJob]:
    """Read every `filter:` entry of the recipe. Raises ConfigError, with the place, at the first that does not fit.

    A filter that stands more than once has its second entry called `filter.<name>.2`, and so on.
    """
    jobs: list[FilterJob] = []
    seen: dict[str, int] = {}
    for entry in recipe.filter:
        name = next(iter(entry.values))
        kind = FILTERS.get(name)
        if kind is None:
            raise entry.error(name, _unknown(name))
        section = entry.section(name)
        params = section.read(kind.params)
        if kind.check is not None:
            kind.check(section)
        seen[name] = seen.get(name, 0) + 1
        stage = f"filter.{name}" if seen[name] == 1 else f"filter.{name}.{seen[name]}"
        jobs.append(FilterJob(stage=stage, params=params))
    return jobs


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name, FILTERS, n=1, cutoff=0.5)
    known = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(FILTERS)}"
    return f"unknown filter; {known}"
