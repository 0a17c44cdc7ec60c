"""Say which words of a vocabulary fit an image best, and keep or drop by them.

Zero-shot classification as in the CLIP paper (Radford et al. 2021, https://arxiv.org/abs/2103.00020, section 3.1): a
leaf of the vocabulary is the mean of the unit vectors of its prompts, brought to unit length, and an image's shares are
the softmax over all leaves of cosine x the model's logit scale (also for a SigLIP, which was trained by a sigmoid: its
bias is the same for all leaves). Descriptions are prompts of their own, as in Menon and Vondrick 2022
(https://arxiv.org/abs/2210.07183). An inner node's share is the sum over the leaves below it: nothing is decided on the
way down, so that a leaf may win against a branch that is stronger altogether.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest import embedders
from harvest.config.reader import Section, setting
from harvest.config.recipe import params_digest
from harvest.config.vocabulary import SEPARATOR, Leaf, Vocabulary, load_vocabulary, vocabulary_of
from harvest.stages.filters.base import Asked, Judged
from layout.features import unit_rows

__all__ = ["LabelsFilter", "complete_labels"]

_SCALE = 100.0  # at which CLIP's training stops its logit scale: for models that do not say theirs
_LIKELY = 0.5
_ROWS = 8192  # images a block: with a thousand leaves, 32 MB of cosines
_PROMPTS = 256  # a block as well: a text tower takes more memory than its vectors
_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsFilter:
    """Words to tell images by: a list, or a file that holds a list or a tree (harvest.config.vocabulary).

    Every `{}` of the `templates` stands for a word. The `top` best words of each image go into the ledger's `labels`,
    whatever the verdict. `keep` and `drop` name leaves, or inner nodes for all below them. An image passes where the
    wanted leaves have a share of at least `min_share` together (0.5 unless said otherwise); wanted are those of `keep`,
    or all, less those of `drop`. Without either every image passes. `scale` takes the place of the model's logit scale:
    a smaller one makes shares more even.
    """

    version: ClassVar[int] = 1
    model: str
    vocabulary: Path | tuple[str, ...]
    templates: tuple[str, ...] = setting(("a photo of a {}",), pattern=r"\{\}", expected="a text with {} in it")
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    min_share: float | None = setting(None, gt=0, le=1)
    top: int = setting(3, ge=1, le=100)
    scale: float | None = setting(None, gt=0)

    @property
    def whole(self) -> bool:
        """Every image is judged by itself."""
        return False

    def grounds(self, said: Mapping[str, bool]) -> Mapping[str, object]:  # noqa: ARG002 - of the protocol
        """Nothing beside the parameters, of which the vocabulary's file is one."""
        return {}

    @property
    def vocabulary_digest(self) -> str:
        """By what the ledger's `labels` name the words, their tree and how they were asked; the file's layout aside."""
        leaves = [(leaf.path, leaf.prompts(self.templates)) for leaf in self._words().leaves]
        return params_digest("labels", self.version, {"leaves": leaves, "scale": self.scale})[:_DIGITS]

    def judge_all(self, asked: Asked) -> Judged:
        """Verdicts, and the labels of every image that was asked about."""
        words = self._words()
        leaves = _leaf_vectors(words.leaves, self.templates, asked.texts)
        scale = self.scale or float(getattr(embedders.load(self.model), "logit_scale", _SCALE))
        wanted = self._wanted(words)
        kept = min(self.top, len(words.leaves))
        best = np.empty((len(asked.vectors), kept), np.int64)
        shares = np.empty((len(asked.vectors), kept))
        share_wanted = np.empty(len(asked.vectors))
        for rows, block in _shares(asked.vectors, leaves, scale):
            best[rows] = _foremost(block, kept)
            shares[rows] = np.take_along_axis(block, best[rows], axis=1)
            share_wanted[rows] = block[:, wanted].sum(axis=1)
        labels = _rows(asked.sha256s, words.leaves, best, shares, self.vocabulary_digest)
        first = [words.leaves[place].label for place in best[:, 0].tolist()]
        return self._judged(first, shares[:, 0], share_wanted, labels)

    def _judged(
        self, first: Sequence[str], best: NDArray[np.float64], wanted: NDArray[np.float64], labels: pa.Table
    ) -> Judged:
        said = [f"{label!r} at {share:.2f}" for label, share in zip(first, best.tolist(), strict=True)]
        if not (self.keep or self.drop):
            nothing = np.full(len(best), np.nan)
            return Judged(keep=np.ones(len(best), np.bool_), reason=said, value=best, threshold=nothing, labels=labels)
        least = _LIKELY if self.min_share is None else self.min_share
        words = _listed(self.keep) if self.keep else f"all but {_listed(self.drop)}"
        value = np.round(wanted, 6)
        return Judged(
            keep=value >= least,
            reason=[f"{one}; {words} at {share:.2f}" for one, share in zip(said, value.tolist(), strict=True)],
            value=value,
            threshold=np.full(len(value), least),
            labels=labels,
        )

    def _wanted(self, words: Vocabulary) -> NDArray[np.int64]:
        """The leaves, by place, that an image may be of. Raises KeyError for a name that there is none of."""
        kept = {place for name in self.keep for place in words.below(name)} or set(range(len(words.leaves)))
        return np.array(sorted(kept - {place for name in self.drop for place in words.below(name)}), np.int64)

    def _words(self) -> Vocabulary:
        if isinstance(self.vocabulary, Path):
            status = self.vocabulary.stat()
            return _loaded(self.vocabulary, status.st_mtime_ns, status.st_size)
        return vocabulary_of(self.vocabulary, file=Path("recipe"), path="vocabulary")

    def check(self, section: Section) -> None:
        """Raise ConfigError where the words do not fit, or where nothing, or everything, would be dropped."""
        if isinstance(self.vocabulary, Path):
            words = self._words()
        else:
            words = vocabulary_of(self.vocabulary, file=section.file, path=f"{section.path}.vocabulary")
        for key in ("keep", "drop"):
            for index, name in enumerate(getattr(self, key)):
                try:
                    words.below(name)
                except KeyError as error:
                    raise section.error(f"{key}[{index}]", error.args[0]) from None
        wanted = len(self._wanted(words))
        if not self.templates:
            raise section.error("templates", "expected at least one text with {} in it, got none")
        if wanted == 0:
            raise section.error("drop", "takes all words away that `keep` names, so that no image could pass")
        if self.keep and wanted == len(words.leaves):
            raise section.error("keep", "stands for the whole vocabulary, so that no image could be dropped")
        if self.min_share is not None and not (self.keep or self.drop):
            raise section.error("min_share", "drops nothing by itself; expected `keep` or `drop` beside it")


def complete_labels(section: Section, params: Any) -> Any:
    """The parameters of a `labels` filter as they are, once their words fit each other. Raises ConfigError."""
    params.check(section)
    return params


@lru_cache(maxsize=8)
def _loaded(file: Path, _modified: int, _size: int) -> Vocabulary:
    return load_vocabulary(file)


def _leaf_vectors(
    leaves: Sequence[Leaf], templates: Sequence[str], texts: Callable[[Sequence[str]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Unit vectors (leaves, d), each the middle of its prompts'."""
    asked = [leaf.prompts(templates) for leaf in leaves]
    prompts = [prompt for each in asked for prompt in each]
    found = np.concatenate([texts(prompts[first : first + _PROMPTS]) for first in range(0, len(prompts), _PROMPTS)])
    starts = np.cumsum([0, *(len(each) for each in asked[:-1])])
    middles = np.add.reduceat(found, starts, axis=0)
    return unit_rows(middles)


class _Block(NamedTuple):
    """Some images, by place, and their shares (images, leaves), float64 where they are summed up."""

    rows: slice
    shares: NDArray[np.float32]


def _shares(vectors: NDArray[np.float32], leaves: NDArray[np.float32], scale: float) -> Iterator[_Block]:
    for first in range(0, len(vectors), _ROWS):
        rows = slice(first, min(first + _ROWS, len(vectors)))
        block = vectors[rows] @ leaves.T
        block *= np.float32(scale)
        block -= block.max(axis=1, keepdims=True)
        np.exp(block, out=block)
        block /= block.sum(axis=1, keepdims=True)
        yield _Block(rows, block)


def _foremost(shares: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The places of the `count` largest in each row, largest first."""
    if count >= shares.shape[1]:
        return np.argsort(-shares, axis=1, kind="stable")
    some = np.sort(np.argpartition(-shares, count, axis=1)[:, :count], axis=1)
    order = np.argsort(-np.take_along_axis(shares, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)


def _rows(
    sha256s: NDArray[np.str_],
    leaves: Sequence[Leaf],
    best: NDArray[np.int64],
    shares: NDArray[np.float64],
    vocabulary: str,
) -> pa.Table:
    """Columns for harvest.ledger.write_labels, the ranks of an image one after the other."""
    count, top = best.shape
    places = pa.array(best.reshape(-1))
    return pa.table(
        {
            "sha256": pa.array(sha256s).take(pa.array(np.repeat(np.arange(count), top))),
            "vocabulary": pa.repeat(vocabulary, count * top),
            "rank": pa.array(np.tile(np.arange(1, top + 1, dtype=np.int32), count)),
            "label": pa.array([leaf.label for leaf in leaves], pa.string()).take(places),
            "path": pa.array([SEPARATOR.join(leaf.path) for leaf in leaves], pa.string()).take(places),
            "score": pa.array(np.round(shares.reshape(-1), 6)),
        }
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
