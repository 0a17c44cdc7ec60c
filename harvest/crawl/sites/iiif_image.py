"""IIIF Image API 1.1, 2 and 3: what an info.json says a server can do, and which requests bring the image wanted.

https://iiif.io/api/image/3.0/, https://iiif.io/api/image/2.1/, https://iiif.io/api/image/1.1/
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

__all__ = ["INFO", "Grid", "Service", "Tile", "Whole", "choose", "is_info", "service_of", "version_of"]


INFO = frozenset(
    {
        *("@context", "@id", "@type", "id", "type", "protocol", "profile", "width", "height", "sizes", "tiles"),
        *("maxWidth", "maxHeight", "maxArea", "extraFeatures", "extraFormats", "extraQualities", "preferredFormats"),
        *("formats", "qualities", "attribution", "license", "rights", "logo", "partOf", "seeAlso", "service"),
        *("tile_width", "tile_height", "scale_factors"),
    }
)
"""What an info.json may say and is read or knowingly left."""


class Tile(NamedTuple):
    """One request of a grid: its address, and where its pixels belong."""

    url: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """An image that one request brings; width and height in pixels."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """An image in tiles of at most `tile_width` x `tile_height` pixels, each side one `scale`-th of the full image's.

    `full_width` and `full_height` are those of the full image. Values are such as JSON can say.
    """

    base: str
    version: int
    full_width: int
    full_height: int
    tile_width: int
    tile_height: int
    scale: int
    format: str = "jpg"

    @property
    def width(self) -> int:
        """Pixels of a row, stitched."""
        return math.ceil(self.full_width / self.scale)

    @property
    def height(self) -> int:
        """Pixels of a column, stitched."""
        return math.ceil(self.full_height / self.scale)

    @property
    def url(self) -> str:
        """An address of its own for the stitched image, under that of the service's description."""
        return f"{self.base}/info.json#tiles={self.tile_width}x{self.tile_height}&scale={self.scale}"

    def as_args(self) -> dict[str, Any]:
        """The grid as a carrier's arguments."""
        return asdict(self)

    def tiles(self) -> Iterator[Tile]:
        """Every request, row by row, in the canonical form that servers of plain files answer to."""
        step_x, step_y = self.tile_width * self.scale, self.tile_height * self.scale
        for y in range(0, self.full_height, step_y):
            for x in range(0, self.full_width, step_x):
                w, h = min(step_x, self.full_width - x), min(step_y, self.full_height - y)
                width, height = math.ceil(w / self.scale), math.ceil(h / self.scale)
                is_all = (w, h) == (self.full_width, self.full_height)
                region = "full" if is_all else f"{x},{y},{w},{h}"
                size = _size(self.version, width, height, is_full=is_all and self.scale == 1)
                url = _url(self.base, self.version, region, size, self.format)
                yield Tile(url, x // self.scale, y // self.scale, width, height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What an info.json says. `scale` is the largest share of the full width and height that one request may bring;
    `can_resize` whether sizes beside the listed ones may be asked for.
    """

    base: str
    version: int
    width: int
    height: int
    sizes: tuple[tuple[int, int], ...] = ()
    tile: tuple[int, int] | None = None
    scales: tuple[int, ...] = ()
    can_resize: bool = False
    scale: float = 1.0


def version_of(info: Mapping[str, Any]) -> int:
    """The major version of the Image API that a service speaks: 1, 2 or 3.

    >>> version_of({"@context": "http://iiif.io/api/image/2/context.json"}), version_of({"type": "ImageService3"})
    (2, 3)
    """
    said = f"{info.get('@context', '')} {info.get('type', '')} {info.get('@type', '')} {info.get('profile', '')}"
    if "image-api" in said or "/image/1" in said:
        return 1
    if match := re.search(r"/image/(\d)|ImageService(\d)", said):
        return int(match[1] or match[2])
    return 3 if "id" in info else 2


def is_info(service: Mapping[str, Any]) -> bool:
    """Whether a service that stands in a manifest is described there as fully as its info.json would."""
    return _whole(service, "width") is not None and _whole(service, "height") is not None and "profile" in service


def service_of(info: Any, base: str) -> Service:
    """Read an info.json that `base` (without `/info.json`) answered with. Raises ValueError, worded for people."""
    if not isinstance(info, Mapping):
        raise ValueError("the image's description is no JSON object")  # noqa: TRY004 - callers know one error
    width, height = _whole(info, "width"), _whole(info, "height")
    if not width or not height:
        raise ValueError("the image's description names no width and height")
    profile = info.get("profile")
    entries = profile if isinstance(profile, list) else [profile]
    more = [entry for entry in entries if isinstance(entry, Mapping)]
    levels = [match[1] for entry in entries if isinstance(entry, str) and (match := re.search(r"level(\d)", entry))]
    features = {str(feature) for entry in more for feature in _list(entry, "supports")}
    features |= {str(feature) for feature in _list(info, "extraFeatures")}
    tile, scales = _tiles(info, version_of(info))
    return Service(
        base=base,
        version=version_of(info),
        width=width,
        height=height,
        sizes=tuple(
            (w, h)
            for size in _list(info, "sizes")
            if isinstance(size, Mapping) and (w := _whole(size, "width")) and (h := _whole(size, "height"))
        ),
        tile=tile,
        scales=scales,
        can_resize=bool(levels and levels[0] != "0") or "sizeByW" in features,
        scale=min(_largest(limits, width, height) for limits in (info, *more)),
    )


def choose(service: Service, longest: int | None, tiles: str, image_format: str = "jpg") -> Whole | Grid:
    """The request for the image with a longest side of `longest` pixels (None: the largest), or the grid that makes it.

    With `tiles` at `auto`, tiles are asked for where no single request brings what is wanted and the server names no
    limit; `never` takes the nearest whole image, `always` stitches wherever there are tiles. Nothing is ever enlarged.
    """
    full = max(service.width, service.height)
    wanted = min(longest or full, full)
    grid = _grid(service, wanted, image_format)
    if tiles == "always" and grid is not None:
        return grid
    if service.can_resize:
        scale = min(wanted / full, service.scale)
        width, height = max(1, round(service.width * scale)), max(1, round(service.height * scale))
        is_largest = scale >= service.scale
        size = _largest_size(service) if is_largest else f"{width},"
        return Whole(url=_url(service.base, service.version, "full", size, image_format), width=width, height=height)
    listed = sorted(size for size in service.sizes if max(size) <= full)
    enough = [size for size in listed if max(size) >= wanted]
    if not enough and grid is not None and tiles == "auto":
        return grid
    width, height = enough[0] if enough else listed[-1] if listed else (service.width, service.height)
    is_full = (width, height) == (service.width, service.height)
    size = _size(service.version, width, height, is_full=is_full)
    return Whole(url=_url(service.base, service.version, "full", size, image_format), width=width, height=height)


def _grid(service: Service, wanted: int, image_format: str) -> Grid | None:
    """The coarsest grid that has at least `wanted` pixels on its longest side."""
    if service.tile is None:
        return None
    full = max(service.width, service.height)
    fits = [scale for scale in service.scales if math.ceil(full / scale) >= wanted]
    return Grid(
        base=service.base,
        version=service.version,
        full_width=service.width,
        full_height=service.height,
        tile_width=service.tile[0],
        tile_height=service.tile[1],
        scale=max(fits) if fits else min(service.scales),
        format=image_format,
    )


def _largest_size(service: Service) -> str:
    """`full` is version 1's and 2.0's word, `max` is 2.1's and 3's: before 3 only servers with limits must know it."""
    return "max" if service.version >= 3 or (service.version == 2 and service.scale < 1) else "full"


def _size(version: int, width: int, height: int, *, is_full: bool) -> str:
    if version >= 3:
        return "max" if is_full else f"{width},{height}"
    return "full" if is_full else f"{width},"


def _url(base: str, version: int, region: str, size: str, image_format: str) -> str:
    return f"{base}/{region}/{size}/0/{'native' if version == 1 else 'default'}.{image_format}"


def _largest(limits: Mapping[str, Any], width: int, height: int) -> float:
    most_wide, most_area = _whole(limits, "maxWidth"), _whole(limits, "maxArea")
    most_high = _whole(limits, "maxHeight") or most_wide  # what a missing maxHeight means
    shares = [1.0]
    shares += [most_wide / width] if most_wide else []
    shares += [most_high / height] if most_high else []
    shares += [math.sqrt(most_area / (width * height))] if most_area else []
    return min(shares)


def _tiles(info: Mapping[str, Any], version: int) -> tuple[tuple[int, int] | None, tuple[int, ...]]:
    sets: list[Any] = _list(info, "tiles")
    if version == 1 and _whole(info, "tile_width"):
        side = {"width": info["tile_width"], "height": info.get("tile_height")}
        sets = [{**side, "scaleFactors": info.get("scale_factors")}]
    for one in sets:
        width = _whole(one, "width") if isinstance(one, Mapping) else None
        if width:
            scales = [scale for scale in _list(one, "scaleFactors") if isinstance(scale, int) and scale >= 1]
            return (width, _whole(one, "height") or width), tuple(scales or [1])
    return None, ()


def _list(record: Mapping[str, Any], name: str) -> list[Any]:
    value = record.get(name)
    return value if isinstance(value, list) else []


def _whole(record: Mapping[str, Any], name: str) -> int | None:
    value = record.get(name)
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
