"""Drop what is too small, too large or too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harvest.config.reader import setting
from harvest.stages.filters.base import Candidate, Case, Verdict, drop, keep

__all__ = ["SizeFilter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeFilter:
    """Bounds in pixels of the shorter and the longer side, and on longer side / shorter side."""

    version: ClassVar[int] = 1
    reads: ClassVar[frozenset[str]] = frozenset()
    min_side: int = setting(1, ge=1)
    max_side: int | None = setting(None, ge=1)
    max_aspect: float | None = setting(None, ge=1)

    def judge(self, candidate: Candidate) -> Verdict:
        """The shorter side is looked at first, then the longer one, then the aspect."""
        width, height = candidate.image.width, candidate.image.height
        shorter, longer = min(width, height), max(width, height)
        if shorter < self.min_side:
            return drop(f"too small: {width}x{height} < {self.min_side}", shorter, self.min_side)
        if self.max_side is not None and longer > self.max_side:
            return drop(f"too large: {width}x{height} > {self.max_side}", longer, self.max_side)
        if self.max_aspect is not None and longer / shorter > self.max_aspect:
            aspect = longer / shorter
            return drop(f"too long: {width}x{height} is {aspect:.2f} to 1", aspect, self.max_aspect)
        return keep(f"{width}x{height}", shorter, self.min_side)

    def cases(self) -> tuple[Case, ...]:
        """The same in SQL."""
        shorter, longer, size = "least(width, height)", "greatest(width, height)", "width || 'x' || height"
        aspect = f"{longer} / {shorter}"
        return (
            Case(
                when=f"{shorter} < $min_side",
                reason=f"'too small: ' || {size} || ' < ' || $min_side",
                value=shorter,
                threshold="$min_side",
            ),
            Case(
                when=f"{longer} > $max_side",
                reason=f"'too large: ' || {size} || ' > ' || $max_side",
                value=longer,
                threshold="$max_side",
            ),
            Case(
                when=f"{aspect} > $max_aspect",
                reason=f"'too long: ' || {size} || printf(' is %.2f to 1', {aspect})",
                value=aspect,
                threshold="$max_aspect",
            ),
            Case(keep=True, reason=size, value=shorter, threshold="$min_side"),
        )
