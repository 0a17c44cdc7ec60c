"""What a filter is: parameters that judge one image at a time and say why, or a million of them in SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from harvest.config.reader import Section
from harvest.items import Signal
from harvest.ledger.rows import ImageRow, SightingRow

__all__ = [
    "Advising",
    "Asked",
    "ByScore",
    "ByVectors",
    "Candidate",
    "Case",
    "Filter",
    "FilterKind",
    "Grounded",
    "InSql",
    "Judged",
    "Verdict",
    "drop",
    "keep",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An image as filters see it: its row, the sighting that answers for it, and every refusal met with its bytes."""

    image: ImageRow
    origin: SightingRow | None = None
    signals: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Keep or drop, in words, and where a number decided, that number and the bound it was held against."""

    keep: bool
    reason: str
    value: float | None = None
    threshold: float | None = None


def keep(reason: str, value: float | None = None, threshold: float | None = None) -> Verdict:
    """A verdict that lets the image pass."""
    return Verdict(keep=True, reason=reason, value=value, threshold=threshold)


def drop(reason: str, value: float | None = None, threshold: float | None = None) -> Verdict:
    """A verdict that takes the image out."""
    return Verdict(keep=False, reason=reason, value=value, threshold=threshold)


class Filter(Protocol):
    """A frozen dataclass of parameters, read from the recipe. `version` rises when the same ones judge otherwise."""

    version: ClassVar[int]

    def judge(self, candidate: Candidate) -> Verdict:
        """The verdict on one image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way in which a filter's judgement goes, in SQL: `reason` is text, `value` and `threshold` are numbers.

    They may name the columns of `images`, those that the filter `reads`, and the filter's parameters as `$min_side`.
    """

    reason: str
    when: str = "true"
    keep: bool = False
    value: str = "NULL"
    threshold: str = "NULL"


@runtime_checkable
class InSql(Protocol):
    """A filter that also says in SQL what `judge` says. That is a hundred times faster, and has to come to the same.

    `reads` names what it looks at beside the columns of `images`: `origin` brings `license` and `license_raw` of the
    sighting that answers for the image, both NULL without one; `refusals` brings a list of {kind, value, where}, every
    distinct one that was met with the bytes, in order; `said` brings what people said of the image for this recipe's
    choice, `said` (keep or drop), `said_why` and `said_by`, all NULL where nobody did.
    """

    version: ClassVar[int]
    reads: ClassVar[frozenset[str]]

    def cases(self) -> Sequence[Case]:
        """The first case whose `when` holds decides; that of the last one always does."""


@runtime_checkable
class Grounded(Protocol):
    """A filter whose verdicts rest on more than its parameters."""

    def grounds(self, said: Mapping[str, bool]) -> Mapping[str, object]:
        """What the verdicts rest on beside parameters and weights, as plain values: digests of files that it reads, of
        what people said if it learns from that. A change makes it judge anew.
        """


@runtime_checkable
class Advising(Protocol):
    """A filter that judges nothing, or not all it could, until people did something."""

    def advice(self, said: Mapping[str, bool]) -> str | None:
        """What is missing, given what people said of images; None when nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a filter by vectors is asked about: images that decode, with their vectors in the model's space.

    `sha256s` are in order; `vectors` is (n, d), float32, unit length. `texts` makes unit vectors of words, and
    `pictures` of image files or of sha256s in the ledger; both load the model. `said` holds, by sha256, what people
    said of images for this recipe's choice: True to keep, False to drop. `words` holds why and who: "too dark (Ada)".
    `known` gives the vectors that there are of any images, by sha256, and loads nothing.
    """

    sha256s: NDArray[np.str_]
    vectors: NDArray[np.float32]
    texts: Callable[[Sequence[str]], NDArray[np.float32]]
    pictures: Callable[[Sequence[str]], NDArray[np.float32]]
    said: Mapping[str, bool]
    words: Mapping[str, str] = field(default_factory=dict)
    known: Callable[[Collection[str]], Mapping[str, NDArray[np.float32]]] = field(default=lambda _: {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Verdicts on all images that were asked about, in their order: one entry each.

    `value` and `threshold` are float64, NaN where no number decided. `labels` are words that were found for the images,
    as columns of the ledger's `labels` but for the model's: the stage writes them with `write_labels`, and before the
    verdicts, so that who has a verdict has labels. `detail` holds plain values for JSON kept with the stage run of a
    `whole` filter: how a threshold was found.
    """

    keep: NDArray[np.bool_]
    reason: Sequence[str]
    value: NDArray[np.float64]
    threshold: NDArray[np.float64]
    labels: pa.Table | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class ByVectors(Protocol):
    """A filter that judges by vectors of the model `model`, many images at once."""

    version: ClassVar[int]

    @property
    def model(self) -> str:
        """The model's name, as harvest.embedders knows it."""

    @property
    def whole(self) -> bool:
        """Whether the verdict on an image depends on the others: the best 500, 500 that cover all.

        Such a filter is asked about what dedupe and the filters before it keep, and anew whenever that changes. Others
        are asked about every image that dedupe keeps, once.
        """

    def grounds(self, said: Mapping[str, bool]) -> Mapping[str, object]:
        """What the verdicts rest on beside parameters and weights, as plain values: digests of files that it reads, of
        what people said if it learns from that. A change makes it judge anew.
        """

    def judge_all(self, asked: Asked) -> Judged:
        """The verdicts."""


@runtime_checkable
class ByScore(Protocol):
    """A filter that holds a number which a detector measured in each image against a bound.

    `scorer` names the detector as harvest.scorers knows it; what is not measured yet is measured first.
    """

    version: ClassVar[int]

    @property
    def scorer(self) -> str:
        """The detector's name."""

    def judge_scores(self, values: NDArray[np.float64]) -> Judged:
        """Verdicts on the measured values (n,); NaN where the image does not decode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterKind:
    """A filter as the recipe names it.

    Parameters of type Path are files relative to the recipe's folder, and have to be there. `check` may find fault with
    what types cannot express; `complete` gets the section and the parameters read from it, and gives those to judge by.
    """

    name: str
    params: type[Filter] | type[InSql] | type[ByVectors] | type[ByScore]
    check: Callable[[Section], None] | None = None
    complete: Callable[[Section, Any], Any] | None = None
