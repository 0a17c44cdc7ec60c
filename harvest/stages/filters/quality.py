"""Drop what is blurred, empty, too dark or too bright, as measured when the image was fingerprinted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harvest.config.reader import setting
from harvest.stages.filters.base import Candidate, Case, Verdict, drop, keep

__all__ = ["QualityFilter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityFilter:
    """Bounds on sharpness [0, 1], entropy [bits, 0 to 8] and brightness [0, 1]; see harvest.images.fingerprint."""

    version: ClassVar[int] = 1
    reads: ClassVar[frozenset[str]] = frozenset()
    min_sharpness: float = setting(0.0, ge=0, le=1)
    min_entropy: float = setting(0.0, ge=0, le=8)
    min_brightness: float = setting(0.0, ge=0, le=1)
    max_brightness: float = setting(1.0, ge=0, le=1)

    def judge(self, candidate: Candidate) -> Verdict:
        """The first bound that is broken decides."""
        image = candidate.image
        if image.sharpness < self.min_sharpness:
            return drop(f"blurred: sharpness {image.sharpness:.3f}", image.sharpness, self.min_sharpness)
        if image.entropy < self.min_entropy:
            return drop(f"empty: {image.entropy:.2f} bits of entropy", image.entropy, self.min_entropy)
        if image.brightness < self.min_brightness:
            return drop(f"too dark: brightness {image.brightness:.3f}", image.brightness, self.min_brightness)
        if image.brightness > self.max_brightness:
            return drop(f"too bright: brightness {image.brightness:.3f}", image.brightness, self.max_brightness)
        return keep(
            f"sharpness {image.sharpness:.3f}, entropy {image.entropy:.2f}", image.sharpness, self.min_sharpness
        )

    def cases(self) -> tuple[Case, ...]:
        """The same in SQL."""
        return (
            _bound("sharpness", "<", "$min_sharpness", "blurred: sharpness %.3f"),
            _bound("entropy", "<", "$min_entropy", "empty: %.2f bits of entropy"),
            _bound("brightness", "<", "$min_brightness", "too dark: brightness %.3f"),
            _bound("brightness", ">", "$max_brightness", "too bright: brightness %.3f"),
            Case(
                keep=True,
                reason="printf('sharpness %.3f, entropy %.2f', sharpness, entropy)",
                value="sharpness",
                threshold="$min_sharpness",
            ),
        )


def _bound(column: str, is_beyond: str, bound: str, words: str) -> Case:
    return Case(
        when=f"{column} {is_beyond} {bound}", reason=f"printf('{words}', {column})", value=column, threshold=bound
    )
