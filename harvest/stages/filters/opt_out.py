"""Drop what somebody asked not to be used, by whichever way they said it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harvest.config.reader import setting
from harvest.config.source import OPT_OUT_KINDS
from harvest.items import Signal
from harvest.stages.filters.base import Candidate, Verdict, drop, keep

__all__ = ["OptOutFilter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutFilter:
    """The kinds of refusal that count here; crawls record all of them, also those that they do not honour."""

    version: ClassVar[int] = 1
    honour: tuple[str, ...] = setting(OPT_OUT_KINDS, choices=OPT_OUT_KINDS)

    def judge(self, candidate: Candidate) -> Verdict:
        """A refusal met with any sighting of the bytes holds for the image, and so does one inside the file."""
        found = [signal for signal in candidate.signals if signal.kind in OPT_OUT_KINDS]
        mining = candidate.image.data_mining
        if mining is not None and mining.startswith("DMI-PROHIBITED"):
            found.append(Signal(kind="iptc", value=mining, where="xmp:plus:DataMining"))
        honoured = [signal for signal in found if signal.kind in self.honour]
        if not honoured:
            return keep(f"{len(found)} refusals not honoured here" if found else "no refusal met")
        first = honoured[0]
        return drop(f"refused by {first.kind}: {first.value} ({first.where})")
