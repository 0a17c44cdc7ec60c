"""Into which shapes sd-scripts brings pictures for training, and how far they are resized and cropped for it.

The rule is that of `BucketManager` and `make_bucket_resolutions` in https://github.com/kohya-ss/sd-scripts (library/).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from harvest.config.reader import setting

__all__ = ["Bucket", "BucketSettings", "Buckets", "Fitted", "sort_into_buckets"]

Shape = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSettings:
    """`min` and `max` are the least and largest side of a bucket in pixels, `step` the grid that sides lie on.

    Without `upscale`, small pictures are trained at their own size, in buckets that only they make, and `min` and `max`
    do not count. Without `enabled`, all pictures are cropped to the one resolution.
    """

    enabled: bool = True
    min: int = setting(256, ge=8)
    max: int | None = setting(None, ge=8)
    step: int = setting(64, ge=8)
    upscale: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A picture in its bucket: width and height of the bucket, of the resized picture, and the share cropped off."""

    bucket: Shape
    resized: Shape
    cropped: float
    enlarged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One shape (width, height), how many pictures are trained at it, and how they are brought to it."""

    shape: Shape
    images: int
    enlarged: int
    cropped: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """The shapes that may be chosen, for one training resolution."""

    resolution: int
    settings: BucketSettings
    shapes: tuple[Shape, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shapes", tuple(_shapes(self.resolution, self)))

    @property
    def least(self) -> int:
        """The least side, brought down to the grid."""
        return self.settings.min - self.settings.min % self.settings.step

    @property
    def largest(self) -> int:
        """The largest side, brought up to the grid; twice the resolution unless said otherwise."""
        largest = self.settings.max or 2 * self.resolution
        return largest + -largest % self.settings.step

    def fit(self, width: int, height: int) -> Fitted:
        """Where a picture of so many pixels goes. Raises ValueError for one that no bucket can hold."""
        if not self.settings.enabled:
            return self._cover((self.resolution, self.resolution), width, height)
        if not self.settings.upscale:
            return self._own_size(width, height)
        if (width, height) in self.shapes:
            return self._cover((width, height), width, height)
        wanted = width / height
        return self._cover(min(self.shapes, key=lambda shape: abs(shape[0] / shape[1] - wanted)), width, height)

    def _cover(self, shape: Shape, width: int, height: int) -> Fitted:
        scale = shape[1] / height if width / height > shape[0] / shape[1] else shape[0] / width
        return _fitted(shape, (int(width * scale + 0.5), int(height * scale + 0.5)), width)

    def _own_size(self, width: int, height: int) -> Fitted:
        """The size that a picture has, or comes down to, cut to the grid."""
        step, area, aspect = self.settings.step, self.resolution**2, width / height
        resized = (width, height)
        if width * height > area:
            wide = math.sqrt(area * aspect)
            by_width, by_height = self._round(wide), self._round(area / wide)
            error_by_width = abs(by_width / (self._round(by_width / aspect) or 1) - aspect)
            error_by_height = abs((self._round(by_height * aspect) or 1) / (by_height or 1) - aspect)
            if error_by_width < error_by_height:
                resized = (by_width, int(by_width / aspect + 0.5))
            else:
                resized = (int(by_height * aspect + 0.5), by_height)
        shape = (resized[0] - resized[0] % step, resized[1] - resized[1] % step)
        if not all(shape):
            raise ValueError(f"{width}x{height} has no bucket on a grid of {step} pixels")
        return _fitted(shape, resized, width)

    def _round(self, length: float) -> int:
        whole = int(length + 0.5)
        return whole - whole % self.settings.step


def sort_into_buckets(fitted: Iterable[Fitted]) -> list[Bucket]:
    """The buckets that hold something, in order of their shape; `cropped` is the mean share of the pictures' area."""
    held: dict[Shape, list[Fitted]] = {}
    for each in fitted:
        held.setdefault(each.bucket, []).append(each)
    return [
        Bucket(
            shape=shape,
            images=len(inside),
            enlarged=sum(each.enlarged for each in inside),
            cropped=sum(each.cropped for each in inside) / len(inside),
        )
        for shape, inside in sorted(held.items())
    ]


def _fitted(shape: Shape, resized: Shape, width: int) -> Fitted:
    kept = min(shape[0], resized[0]) * min(shape[1], resized[1]) / (resized[0] * resized[1])
    return Fitted(bucket=shape, resized=resized, cropped=1 - kept, enlarged=resized[0] > width)


def _shapes(resolution: int, buckets: Buckets) -> list[Shape]:
    area, step = resolution**2, buckets.settings.step
    square = resolution // step * step
    shapes = {(square, square)}
    for width in range(buckets.least, buckets.largest + 1, step):
        height = min(buckets.largest, area // width // step * step)
        if height >= buckets.least:
            shapes |= {(width, height), (height, width)}
    return sorted(shapes)
