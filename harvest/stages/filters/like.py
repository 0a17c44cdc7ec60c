"""Keep what looks like examples that are wanted rather than like examples that are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harvest.config.reader import Section, setting
from harvest.stages.filters.base import Asked, Judged
from harvest.stages.filters.examples import pictures_at
from harvest.stages.filters.likeness import Anchors, ByLikeness, check_bounds
from layout.features import unit_rows

__all__ = ["LikeFilter", "check_examples", "find_examples"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeFilter(ByLikeness):
    """Pictures as examples. The score of an image is its cosine with `these` less its cosine with `unlike`.

    Examples are files, folders or patterns (`examples/*.jpg`) relative to the recipe's folder, or images of the ledger
    by at least ten of the first digits of their sha256. `how` compares with the `nearest` example of each side, or with
    their `mean`. The bounds are those of `clip`; cosines between pictures lie higher than those with words (0.5 to 0.9
    for ViT-B-32). Any model will do, also one that knows no words.
    """

    model: str
    these: tuple[str | Path, ...]
    unlike: tuple[str | Path, ...] = ()
    how: str = setting("nearest", choices=("nearest", "mean"))

    def judge_all(self, asked: Asked) -> Judged:
        """Embeds the examples; the images' vectors are there already."""
        return self.compare(
            asked, self._anchors(asked, self.these), self._anchors(asked, self.unlike) if self.unlike else None
        )

    def _anchors(self, asked: Asked, examples: Sequence[str | Path]) -> Anchors:
        vectors = asked.pictures([str(example) for example in examples])
        names = [example.name if isinstance(example, Path) else example[:12] for example in examples]
        if self.how == "nearest" or len(names) == 1:
            return Anchors(names=names, vectors=vectors)
        return Anchors(names=[f"{len(names)} examples"], vectors=unit_rows(vectors.mean(axis=0, keepdims=True)))


def check_examples(section: Section) -> None:
    """Raise ConfigError where there is no example, or nothing that could ever be dropped."""
    if not section.read(LikeFilter).these:
        raise section.error("these", "expected at least one picture, got none")
    check_bounds(section, unwanted="unlike")


def find_examples(section: Section, params: LikeFilter) -> LikeFilter:
    """The parameters with every folder and pattern replaced by the pictures in it. Raises ConfigError."""

    def found(key: str, names: Sequence[str | Path]) -> tuple[str | Path, ...]:
        lists = [pictures_at(section, f"{key}[{index}]", str(name)) for index, name in enumerate(names)]
        return tuple(picture for pictures in lists for picture in pictures)

    return replace(params, these=found("these", params.these), unlike=found("unlike", params.unlike))
