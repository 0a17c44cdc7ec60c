"""Drop what declares itself to be made by a machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harvest.config.reader import setting
from harvest.stages.filters.base import Candidate, Case, Verdict, drop, keep

__all__ = ["SyntheticFilter"]

# https://cv.iptc.org/newscodes/digitalsourcetype/
_TERMS = (
    "algorithmicMedia",
    "algorithmicallyEnhanced",
    "composite",
    "compositeCapture",
    "compositeSynthetic",
    "compositeWithTrainedAlgorithmicMedia",
    "computationalCapture",
    "dataDrivenMedia",
    "digitalArt",
    "digitalCapture",
    "digitalCreation",
    "humanEdits",
    "minorHumanEdits",
    "multiFrameComputationalCapture",
    "negativeFilm",
    "positiveFilm",
    "print",
    "screenCapture",
    "softwareImage",
    "trainedAlgorithmicData",
    "trainedAlgorithmicMedia",
    "virtualRecording",
)
_GENERATED = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticFilter:
    """The terms of IPTC's DigitalSourceType that are taken out."""

    version: ClassVar[int] = 1
    reads: ClassVar[frozenset[str]] = frozenset()
    exclude: tuple[str, ...] = setting(_GENERATED, choices=_TERMS)

    def judge(self, candidate: Candidate) -> Verdict:
        """By what the file says of itself; most files say nothing."""
        found = candidate.image.digital_source_type
        if found in self.exclude:
            return drop(f"declared {found}")
        return keep(f"declared {found}" if found else "declares no source type")

    def cases(self) -> tuple[Case, ...]:
        """The same in SQL."""
        declared = "'declared ' || digital_source_type"
        return (
            Case(when="list_contains($exclude, digital_source_type)", reason=declared),
            Case(when="digital_source_type <> ''", keep=True, reason=declared),
            Case(keep=True, reason="'declares no source type'"),
        )
