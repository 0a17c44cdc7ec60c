"""Variants of images to learn from: `augment:` of a recipe."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from harvest.config.reader import Section, setting

__all__ = ["AugmentConfig", "check_augment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """`count` variants of each image, made of its copy of `size` pixels, or of the original where none is named; `px`
    is the longer side of a variant, by default that of what it is made of, and never more.

    `flip` mirrors every other one; `quarters` turns by multiples of 90 degrees; `rotate` by so many degrees at most, to
    either side. `corners` that a rotation lays bare are cut off (`crop`) or filled with `background` (`pad`). `crop` is
    the least share of the area that a random crop keeps, `aspect` how much longer or shorter it may be than the whole.
    `brightness`, `contrast` and `saturation` change by that share at most, `hue` by that part of the circle. `grey` and
    `erase` are the chances that a variant is grey, and that a rectangle of up to `erase_share` of it is erased. `blur`
    is the largest radius in pixels, `noise` the largest deviation as a share of white.
    """

    count: int = setting(2, ge=1, le=100)
    size: int | None = setting(None, ge=8, le=8192)
    px: int | None = setting(None, ge=8, le=8192)
    flip: str = setting("horizontal", choices=("none", "horizontal", "vertical", "both"))
    quarters: bool = False
    rotate: float = setting(8.0, ge=0, le=180)
    corners: str = setting("crop", choices=("crop", "pad"))
    background: str = setting("#ffffff", pattern=r"^#[0-9a-fA-F]{6}$", expected="a colour like '#ffffff'")
    crop: float = setting(0.85, gt=0, le=1)
    aspect: float = setting(1.1, ge=1, le=4)
    brightness: float = setting(0.1, ge=0, le=1)
    contrast: float = setting(0.1, ge=0, le=1)
    saturation: float = setting(0.1, ge=0, le=1)
    hue: float = setting(0.0, ge=0, le=0.5)
    grey: float = setting(0.0, ge=0, le=1)
    erase: float = setting(0.0, ge=0, le=1)
    erase_share: float = setting(0.2, gt=0, le=0.5)
    blur: float = setting(0.0, ge=0, le=50)
    noise: float = setting(0.0, ge=0, le=0.5)
    format: str = setting("jpeg", choices=("jpeg", "png", "webp"))
    quality: int = setting(92, ge=1, le=100)


def check_augment(section: Section, config: AugmentConfig | None, sizes: Collection[int]) -> None:
    """Raise ConfigError where variants are to be made of a size that the recipe does not make."""
    if config is not None and config.size is not None and config.size not in sizes:
        known = (
            f"one of the recipe's sizes ({', '.join(map(str, sorted(sizes)))})" if sizes else "no size: there is none"
        )
        raise section.error("augment.size", f"expected {known}, got {config.size}")
