"""What a stage says about its work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["StageReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """How a stage went: images worked on, images left alone because nothing was missing, and the verdicts in force.

    `kept` and `dropped` are those of this stage alone, over all images, and 0 for stages that do not decide. `detail`
    holds plain values for JSON.
    """

    stage: str
    done: int = 0
    skipped: int = 0
    kept: int = 0
    dropped: int = 0
    detail: Mapping[str, Any] = field(default_factory=dict)
