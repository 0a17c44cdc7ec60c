"""The drawing surface: shapes at twice the size, a height map for the light, texture from tiles made once."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from harvest.demo.specimens.curves import Points, ellipse, ribbon
from harvest.demo.specimens.palettes import Colour

__all__ = ["Floats", "Pose", "Surface", "noise", "softened"]

Floats = NDArray[np.floating]
_OVERSAMPLING = 2
_NOISE = 512
_LEAST_COARSE = 128
_DOT = ellipse((0, 0), 1, 1, steps=10)
# Light from the upper left, as on engraved plates: x right, y down, z to the viewer.
_LIGHT = np.array([-0.46, -0.58, 0.67]) / np.linalg.norm([-0.46, -0.58, 0.67])
_HALFWAY = (_LIGHT + np.array([0, 0, 1])) / np.linalg.norm(_LIGHT + np.array([0, 0, 1]))
_AMBIENT = np.float32(0.07)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How a specimen lies: `angle` in radians clockwise, `reach` its unit as a share of the picture, `centre` too."""

    angle: float
    mirror: bool
    reach: float
    centre: tuple[float, float]


class Surface:
    """A specimen in the making. All coordinates and widths are in specimen space (see `curves`)."""

    def __init__(self, size: int, pose: Pose, ink: Colour) -> None:
        """`size` is the finished picture's side in pixels; `ink` is what edges melt into."""
        wide = size * _OVERSAMPLING
        self.size = size
        self.unit = pose.reach * wide
        self.paint = Image.new("RGB", (wide, wide), ink)
        self.mask = Image.new("L", (wide, wide), 0)
        self._pen = ImageDraw.Draw(self.paint, "RGBA")
        self._knife = ImageDraw.Draw(self.mask)
        c, s = math.cos(pose.angle), math.sin(pose.angle)
        flip = -1.0 if pose.mirror else 1.0
        self._matrix = np.array([[c * flip, s * flip], [-s, c]]) * pose.reach
        self._centre = np.array(pose.centre)
        self._coarse = max(min(size, _LEAST_COARSE), size // 2)
        self._steps = Image.new("F", (self._coarse, self._coarse), 0.0)
        self._chisel = ImageDraw.Draw(self._steps)
        self._ground = np.zeros((self._coarse, self._coarse), dtype=np.float32)
        self._tints: list[tuple[NDArray[np.uint8], Colour]] = []

    def _pixels(self, points: Points, side: int) -> list[float]:
        placed: list[float] = (points @ (self._matrix * side) + self._centre * side).ravel().tolist()
        return placed

    @functools.cached_property
    def grid(self) -> tuple[Floats, Floats]:
        """Specimen coordinates x, y (float32) of the coarse maps' pixel centres; the maps are as large as these."""
        share = (np.arange(self._coarse) + 0.5) / self._coarse
        across, down = share - self._centre[0], share - self._centre[1]
        inverse = np.linalg.inv(self._matrix)
        x = across[None, :] * inverse[0, 0] + down[:, None] * inverse[1, 0]
        y = across[None, :] * inverse[0, 1] + down[:, None] * inverse[1, 1]
        return x.astype(np.float32), y.astype(np.float32)

    def fill(self, outline: Points, colour: Colour, *, height: float | None = None) -> None:
        """A solid part; `height` lifts it above what lies under it, so that its edge catches the light."""
        placed = self._pixels(outline, self.size * _OVERSAMPLING)
        self._pen.polygon(placed, fill=colour)
        self._knife.polygon(placed, fill=255)
        if height is not None:
            self._chisel.polygon(self._pixels(outline, self._coarse), fill=height)

    def wash(self, outline: Points, colour: Colour, alpha: float) -> None:
        """Transparent colour over what is painted; adds nothing to the specimen's shape."""
        self._pen.polygon(self._pixels(outline, self.size * _OVERSAMPLING), fill=(*colour, round(255 * alpha)))

    def line(self, path: Points, colour: Colour, widths: ArrayLike, *, alpha: float = 1.0, solid: bool = False) -> None:
        """A line of one width or of a width at each point; a `solid` one belongs to the specimen's shape."""
        placed = self._pixels(ribbon(path, widths), self.size * _OVERSAMPLING)
        self._pen.polygon(placed, fill=(*colour, round(255 * alpha)))
        if solid:
            self._knife.polygon(placed, fill=255)

    def lines(
        self,
        paths: Points,
        colours: Colour | Sequence[Colour],
        widths: ArrayLike,
        *,
        alpha: float = 1.0,
        solid: bool = False,
    ) -> None:
        """Many lines at once: `paths` (n, k, 2), one colour or n, one width or k."""
        self._parts(ribbon(paths, widths), colours, alpha=alpha, solid=solid)

    def dots(
        self,
        centres: Points,
        radii: ArrayLike,
        colours: Colour | Sequence[Colour],
        *,
        alpha: float = 1.0,
        squeeze: ArrayLike = 1.0,
        angles: ArrayLike = 0.0,
    ) -> None:
        """Many washes of round dots: `centres` (n, 2), one radius or n; each narrowed by `squeeze` along its angle."""
        count = len(centres)
        across, along = (np.broadcast_to(np.asarray(v, dtype=np.float64), (count,))[:, None] for v in (squeeze, radii))
        turned = np.broadcast_to(np.asarray(angles, dtype=np.float64), (count,))[:, None]
        x, y = _DOT[:, 0] * along * across, _DOT[:, 1] * along
        c, s = np.cos(turned), np.sin(turned)
        outlines = np.stack([x * c - y * s, x * s + y * c], -1) + centres[:, None]
        self._parts(outlines, colours, alpha=alpha, solid=False)

    def _parts(self, outlines: Points, colours: Colour | Sequence[Colour], *, alpha: float, solid: bool) -> None:
        wide = self.size * _OVERSAMPLING
        placed = (outlines @ (self._matrix * wide) + self._centre * wide).reshape(len(outlines), -1).tolist()
        single = isinstance(colours[0], int)
        opacity = round(255 * alpha)
        for index, part in enumerate(placed):
            colour = colours if single else colours[index]
            self._pen.polygon(part, fill=(*colour, opacity))  # type: ignore[misc]
            if solid:
                self._knife.polygon(part, fill=255)

    def outline(self, path: Points, colour: Colour, width: float, *, alpha: float = 1.0) -> None:
        """A closed line."""
        self.line(np.concatenate([path, path[:2]]), colour, width, alpha=alpha)

    def cut(self, outline: Points) -> None:
        """A hole through which the ground is seen."""
        self._knife.polygon(self._pixels(outline, self.size * _OVERSAMPLING), fill=0)
        self._chisel.polygon(self._pixels(outline, self._coarse), fill=0.0)

    def covered(self, outline: Points) -> Floats:
        """1 at the places of `grid` within `outline`, 0 elsewhere."""
        map_ = Image.new("L", (self._coarse, self._coarse), 0)
        ImageDraw.Draw(map_).polygon(self._pixels(outline, self._coarse), fill=1)
        return np.asarray(map_, dtype=np.float32)

    def emboss(self, path: Points, height: float, width: ArrayLike) -> None:
        """Set the height along a line: a ridge or a groove."""
        self._chisel.polygon(self._pixels(ribbon(path, width), self._coarse), fill=height)

    def lift(self, height: Floats) -> None:
        """Add a height at each place of `grid`, in specimen units: rounded bodies mostly."""
        self._ground += height

    def tint(self, strength: Floats, colour: Colour) -> None:
        """Lay `colour` over the finished paint, as strong at each place of `grid` as `strength` says, 0 to 1."""
        self._tints.append(((np.clip(strength, 0, 1) * 255).astype(np.uint8), colour))

    def speckle(
        self, rng: np.random.Generator, colour: Colour, *, share: float, scale: int, alpha: float = 1.0
    ) -> None:
        """Spots and blotches over a `share` of the specimen; `scale` 0 is fine, 3 is coarse."""
        patch = noise(scale, self._coarse, int(rng.integers(1 << 16)))
        level = float(np.quantile(patch[::4, ::4], 1 - share))
        self._tints.append(((np.clip((patch - level) * 5 + 0.5, 0, 1) * 255 * alpha).astype(np.uint8), colour))

    def shaped(self, *, relief: float, softness: float) -> tuple[Floats, Floats]:
        """Light on the specimen's relief, at coarse size: diffuse (0 where flat) and gloss (0 to 1)."""
        steps = softened(np.asarray(self._steps, dtype=np.float64), max(1, round(softness * self._coarse)))
        height = softened(steps + self._ground, 1, passes=1).astype(np.float32)
        height *= relief * self._coarse * self.unit / (_OVERSAMPLING * self.size)
        down, across = np.zeros_like(height), np.zeros_like(height)
        down[1:-1] = (height[2:] - height[:-2]) * np.float32(0.5)
        across[:, 1:-1] = (height[:, 2:] - height[:, :-2]) * np.float32(0.5)
        lean = 1 / np.sqrt(across * across + down * down + 1)
        x, y, z = (np.float32(part) for part in _LIGHT)
        diffuse = np.maximum((z - across * x - down * y) * lean, _AMBIENT) - z
        x, y, z = (np.float32(part) for part in _HALFWAY)
        gloss = np.clip((z - across * x - down * y) * lean, 0, 1)
        for _ in range(4):
            gloss *= gloss
        return diffuse, gloss

    def coloured(self) -> Image.Image:
        """The paint at finished size, with its tints."""
        paint = self.paint.reduce(_OVERSAMPLING)
        for strength, colour in self._tints:
            paint.paste(colour, (0, 0), Image.fromarray(strength).resize(paint.size, Image.Resampling.BILINEAR))
        return paint


def softened(values: Floats, radius: int, *, passes: int = 2) -> Floats:
    """Box blur of a square array by running sums, edges repeated; two passes are near a Gaussian's eye."""
    window = 2 * radius + 1
    for _ in range(passes):
        for _ in range(2):
            padded = np.pad(values, ((radius + 1, radius), (0, 0)), mode="edge").cumsum(axis=0)
            values = ((padded[window:] - padded[:-window]) / window).T
    return values


@functools.cache
def _tiles(side: int) -> NDArray[np.float32]:
    """Four seamless noise tiles (4, side, side), fine to coarse, mean 0 and deviation 1: spectra of falling slope."""
    rng = np.random.default_rng(1859)
    white = np.fft.rfft2(rng.normal(size=(4, _NOISE, _NOISE)))
    frequency = np.hypot(np.fft.fftfreq(_NOISE)[:, None], np.fft.rfftfreq(_NOISE)[None]) * _NOISE
    frequency[0, 0] = 1
    made = []
    for spectrum, centre in zip(white, (90.0, 34.0, 14.0, 6.0), strict=True):
        shape = frequency / centre * np.exp(1 - frequency / centre)
        made.append(np.fft.irfft2(spectrum * shape, s=(_NOISE, _NOISE)))
    tiles = np.stack([tile / tile.std() for tile in made]).astype(np.float32)
    if side == _NOISE:
        return tiles
    return np.stack([np.asarray(Image.fromarray(tile).resize((side, side), Image.Resampling.BOX)) for tile in tiles])


def noise(scale: int, side: int, offset: int) -> NDArray[np.float32]:
    """A (side, side) patch of noise, `scale` 0 (fine) to 3 (coarse); `offset` picks the place, below 65,536."""
    tile = _tiles(side)[scale]
    return np.roll(tile, (offset // 256 * side // 256, offset % 256 * side // 256), axis=(0, 1))
