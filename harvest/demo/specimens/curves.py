"""Curves in specimen space: points are float64 arrays (n, 2), x to the right, y down, the specimen within radius 1."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Points",
    "bend",
    "bezier",
    "ellipse",
    "mirrored",
    "normals",
    "polar",
    "profile",
    "read",
    "ribbon",
    "smooth",
    "smoothstep",
    "table",
    "taper",
    "turn",
]

Points = NDArray[np.float64]
_TABLE = 4096


def smooth(knots: ArrayLike, *, steps: int = 12, closed: bool = False) -> Points:
    """Catmull-Rom spline through `knots` (k, 2), `steps` points to each span."""
    points = np.asarray(knots, dtype=np.float64)
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    spans = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    curve = spans.reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def profile(t: ArrayLike, knots: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """A smooth positive function of `t` through `knots` (position, value), positions rising: monotone cubic steps.

    Slopes are limited as by Fritsch and Carlson (1980), so that a profile never swings past its knots.
    """
    xs, ys = np.array(knots, dtype=np.float64).T
    rise = np.diff(ys) / np.diff(xs)
    slope = np.concatenate([rise[:1], np.where(rise[:-1] * rise[1:] > 0, (rise[:-1] + rise[1:]) / 2, 0.0), rise[-1:]])
    limit = 3 * np.minimum(np.abs(np.concatenate([rise[:1], rise])), np.abs(np.concatenate([rise, rise[-1:]])))
    slope = np.clip(slope, -limit, limit)
    where = np.clip(np.asarray(t, dtype=np.float64), xs[0], xs[-1])
    span = np.clip(np.searchsorted(xs, where, side="right") - 1, 0, len(xs) - 2)
    width = xs[span + 1] - xs[span]
    u = (where - xs[span]) / width
    return np.asarray(
        ys[span] * (1 + 2 * u) * (1 - u) ** 2
        + slope[span] * width * u * (1 - u) ** 2
        + ys[span + 1] * u**2 * (3 - 2 * u)
        + slope[span + 1] * width * u**2 * (u - 1)
    )


def bezier(start: ArrayLike, first: ArrayLike, second: ArrayLike, end: ArrayLike, *, steps: int = 24) -> Points:
    """Cubic Bezier curve of `steps` points."""
    t = np.linspace(0, 1, steps)[:, None]
    a, b, c, d = (np.asarray(point, dtype=np.float64)[None] for point in (start, first, second, end))
    return np.asarray((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d)


@functools.cache
def taper(start: float, end: float, steps: int) -> NDArray[np.float64]:
    """`steps` widths from `start` to `end`; kept, since a drawing asks for the same ones a hundred times."""
    return np.linspace(start, end, steps)


@functools.cache
def _circle(steps: int) -> Points:
    angle = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def ellipse(centre: ArrayLike, rx: float, ry: float, *, angle: float = 0.0, steps: int = 48) -> Points:
    """Ellipse of half-axes `rx`, `ry`, turned by `angle` radians."""
    outline = _circle(steps) * (rx, ry)
    if angle:
        outline = turn(outline, angle)
    return np.asarray(outline + np.asarray(centre, dtype=np.float64))


def polar(radius: ArrayLike, angle: ArrayLike) -> Points:
    """Points at `radius` and `angle` (radians, 0 to the right, rising clockwise as seen)."""
    r, a = np.broadcast_arrays(np.asarray(radius, dtype=np.float64), np.asarray(angle, dtype=np.float64))
    return np.stack([r * np.cos(a), r * np.sin(a)], -1)


def turn(points: Points, angle: float) -> Points:
    """`points` turned by `angle` radians about the origin."""
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[c, s], [-s, c]]))


def bend(points: Points, amount: float) -> Points:
    """`points` bowed sideways by `amount` at the ends of the y axis, as a leaf or a feather lies."""
    return points + np.stack([amount * points[:, 1] ** 2, np.zeros(len(points))], 1)


def mirrored(half: Points) -> Points:
    """Close the right half of an outline (x >= 0, top to bottom) by its mirror image."""
    return np.concatenate([half, half[::-1] * [-1, 1]])


def normals(path: Points) -> Points:
    """Unit normals of paths (..., k, 2), to the left of their direction as seen on the page."""
    tangent = np.empty_like(path)
    tangent[..., 1:-1, :] = path[..., 2:, :] - path[..., :-2, :]
    tangent[..., 0, :] = path[..., 1, :] - path[..., 0, :]
    tangent[..., -1, :] = path[..., -1, :] - path[..., -2, :]
    across = tangent[..., ::-1] * (1.0, -1.0)
    return np.asarray(across / np.maximum(np.hypot(across[..., 0], across[..., 1]), 1e-9)[..., None])


def ribbon(path: Points, widths: ArrayLike) -> Points:
    """Outlines of bands along paths (..., k, 2); `widths` is one width, or one for each of the k points."""
    half = normals(path) * (np.asarray(widths, dtype=np.float64) / 2)[..., None]
    return np.concatenate([path + half, (path - half)[..., ::-1, :]], axis=-2)


def table(knots: Sequence[tuple[float, float]]) -> NDArray[np.float32]:
    """`profile` from 0 to 1 in steps fine enough to be read for each place of a map (see `read`)."""
    return profile(np.linspace(0, 1, _TABLE), knots).astype(np.float32)


def read(values: NDArray[np.float32], t: NDArray[np.floating]) -> NDArray[np.float32]:
    """The `table` at `t`, its ends held outside 0 to 1."""
    return np.asarray(values[(np.clip(t, 0, 1) * (_TABLE - 1)).astype(np.intp)])


def smoothstep(low: float, high: float, value: ArrayLike) -> Points:
    """0 below `low`, 1 above `high`, smooth between; `low` may be above `high`."""
    t = np.clip((np.asarray(value) - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
