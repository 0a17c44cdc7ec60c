"""Drop what somebody asked not to be used, by whichever way they said it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harvest.config.reader import setting
from harvest.config.source import OPT_OUT_KINDS
from harvest.items import Signal
from harvest.stages.filters.base import Candidate, Case, Verdict, drop, keep

__all__ = ["OptOutFilter"]


_FOUND = f"""
    list_concat(
        list_filter(refusals, lambda s: list_contains([{", ".join(f"'{kind}'" for kind in OPT_OUT_KINDS)}], s.kind)),
        CASE WHEN starts_with(data_mining, 'DMI-PROHIBITED')
             THEN [{{'kind': 'iptc', 'value': data_mining, 'where': 'xmp:plus:DataMining'}}] ELSE [] END
    )"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutFilter:
    """The kinds of refusal that count here; crawls record all of them, also those that they do not honour."""

    version: ClassVar[int] = 1
    reads: ClassVar[frozenset[str]] = frozenset({"refusals"})
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

    def cases(self) -> tuple[Case, ...]:
        """The same in SQL."""
        first = f"list_filter({_FOUND}, lambda s: list_contains($honour, s.kind))[1]"
        return (
            Case(
                when=f"{first} IS NOT NULL",
                reason=f"""printf('refused by %s: %s (%s)', {first}.kind, {first}."value", {first}."where")""",
            ),
            Case(when=f"len({_FOUND}) > 0", keep=True, reason=f"len({_FOUND}) || ' refusals not honoured here'"),
            Case(keep=True, reason="'no refusal met'"),
        )
