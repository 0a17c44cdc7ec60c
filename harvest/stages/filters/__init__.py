"""The filters that a recipe may name, one file each. To add one: write its file, add its line to FILTERS."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from harvest.config.reader import Section
from harvest.config.recipe import Recipe, params_digest
from harvest.stages.filters.aesthetic import AestheticFilter, check_aesthetic
from harvest.stages.filters.base import (
    Asked,
    ByScore,
    ByVectors,
    Candidate,
    Case,
    Filter,
    FilterKind,
    Grounded,
    InSql,
    Judged,
    Verdict,
    drop,
    keep,
)
from harvest.stages.filters.clip import ClipFilter, check_prompts, find_pictures
from harvest.stages.filters.diverse import DiverseFilter
from harvest.stages.filters.faces import FacesFilter, check_faces
from harvest.stages.filters.labels import LabelsFilter, complete_labels
from harvest.stages.filters.learned import LearnedFilter, check_learned
from harvest.stages.filters.licence import LicenceFilter, check_allowed
from harvest.stages.filters.like import LikeFilter, check_examples, find_examples
from harvest.stages.filters.nsfw import NsfwFilter, check_nsfw
from harvest.stages.filters.opt_out import OptOutFilter
from harvest.stages.filters.outliers import OutliersFilter, check_bound
from harvest.stages.filters.quality import QualityFilter
from harvest.stages.filters.reviewed import ReviewedFilter
from harvest.stages.filters.size import SizeFilter
from harvest.stages.filters.synthetic import SyntheticFilter
from harvest.stages.filters.text import TextFilter, check_text

__all__ = [
    "FILTERS",
    "Asked",
    "ByScore",
    "ByVectors",
    "Candidate",
    "Case",
    "Filter",
    "FilterJob",
    "FilterKind",
    "Grounded",
    "InSql",
    "Judged",
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
        FilterKind(name="clip", params=ClipFilter, check=check_prompts, complete=find_pictures),
        FilterKind(name="like", params=LikeFilter, check=check_examples, complete=find_examples),
        FilterKind(name="labels", params=LabelsFilter, complete=complete_labels),
        FilterKind(name="aesthetic", params=AestheticFilter, check=check_aesthetic),
        FilterKind(name="nsfw", params=NsfwFilter, check=check_nsfw),
        FilterKind(name="faces", params=FacesFilter, check=check_faces),
        FilterKind(name="text", params=TextFilter, check=check_text),
        FilterKind(name="diverse", params=DiverseFilter),
        FilterKind(name="outliers", params=OutliersFilter, check=check_bound),
        FilterKind(name="learned", params=LearnedFilter, check=check_learned),
        FilterKind(name="reviewed", params=ReviewedFilter),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterJob:
    """One entry of a recipe's `filter:` list. `stage` is the name its decisions go by."""

    stage: str
    params: Filter | InSql | ByVectors | ByScore

    def digest(
        self,
        identity: str | None = None,
        *,
        said: Mapping[str, bool] | None = None,
        after: Mapping[str, str] | None = None,
        inputs: str | None = None,
    ) -> str:
        """The recipe digest of its decisions: parameters, contents of the files among them, and what else they rest on.

        `identity` is that of the model or detector it judges by; `said` what people said of images. `after` and
        `inputs` are the digests of the filters before it and of the set that they keep, where it judges a whole set.
        """
        values: dict[str, Any] = {**_plain(asdict(self.params)), "model_id": identity}  # type: ignore[call-overload]
        if identity is not None:
            values.pop("model", None)  # it names the weights where they lie, `identity` by what is in them
        if isinstance(self.params, Grounded) and (grounds := self.params.grounds(said or {})):
            values |= {"grounds": dict(grounds)}
        if inputs is not None:
            values |= {"after": dict(after or {}), "inputs": inputs}
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
        seen[name] = seen.get(name, 0) + 1
        stage = f"filter.{name}" if seen[name] == 1 else f"filter.{name}.{seen[name]}"
        jobs.append(FilterJob(stage=stage, params=_params(kind, section)))
    return jobs


def _params(kind: FilterKind, section: Section) -> Any:
    params: Any = section.read(kind.params)
    if kind.check is not None:
        kind.check(section)
    files = {field.name: _found(section, field.name, getattr(params, field.name)) for field in fields(params)}
    params = replace(params, **files)
    return params if kind.complete is None else kind.complete(section, params)


def _found(section: Section, key: str, value: Any) -> Any:
    """A parameter with every path in it made absolute; relative ones start at the folder of the recipe."""
    if isinstance(value, tuple) and any(isinstance(each, Path) for each in value):
        return tuple(_found(section, f"{key}[{index}]", each) for index, each in enumerate(value))
    if not isinstance(value, Path):
        return value
    path = section.file.resolve().parent / value.expanduser()
    if not path.exists():
        raise section.error(key, f"no such file: {path}")
    return path


def _plain(value: Any) -> Any:
    """Parameters for a digest: files count by what is in them, wherever they lie."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Path) and value.is_file():
        with value.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return value


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name, FILTERS, n=1, cutoff=0.5)
    known = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(FILTERS)}"
    return f"unknown filter; {known}"
