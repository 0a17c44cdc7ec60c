"""Parts to train, validate and test with: `split:` of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harvest.config.reader import Section, setting

__all__ = ["SPLITS", "SplitConfig", "complete_split"]

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitConfig:
    """Shares of `train` (what the others leave, unless it is given), `validation` and `test`, which sum up to 1.

    Copies are never torn apart, nor pairs that dedupe found at least so `alike` without taking them for copies; nor,
    as `by` says, all images of one creator or of one source. `labels` are those that the parts are balanced by: those
    that people gave by hand and the `source`'s, those of the recipe's `labels` filters (`model`), or `both`, where a
    model's count for images that have no other.
    """

    train: float | None = setting(None, gt=0, le=1)
    validation: float = setting(0.1, ge=0, le=1)
    test: float = setting(0.1, ge=0, le=1)
    by: str | tuple[str, ...] = setting("creator", choices=("creator", "source", "none"))
    labels: str = setting("both", choices=("both", "source", "model", "none"))
    alike: float = setting(0.9, gt=0, le=1)

    @property
    def shares(self) -> Mapping[str, float]:
        """The share of each of SPLITS."""
        return {"train": self.train or 0.0, "validation": self.validation, "test": self.test}


def complete_split(section: Section, config: SplitConfig | None) -> SplitConfig | None:
    """What a recipe says of its split, the share of `train` worked out and `by` as a tuple.

    Raises ConfigError for shares that do not sum up to 1, and for `none` beside something.
    """
    if config is None:
        return None
    held_out = config.validation + config.test
    if config.train is None and held_out >= 1:
        raise section.error("split", f"expected validation and test to leave something for train, got {held_out:g}")
    train = round(1 - held_out, 9) if config.train is None else config.train
    if abs(train + held_out - 1) > 1e-6:
        raise section.error("split", f"expected shares that sum up to 1, got {train + held_out:g}")
    by = (config.by,) if isinstance(config.by, str) else config.by
    if "none" in by and len(by) > 1:
        raise section.error("split.by", f"expected `none` alone, or without it, got {', '.join(by)}")
    return replace(config, train=train, by=tuple(sorted({name for name in by if name != "none"})))
