"""Where the objects of a picture lie, as a source drew their boxes, and where they lie in a sized copy of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harvest.ledger.rows import DerivedRow

__all__ = ["Box", "Placement", "boxes_of", "placement"]

_LEAST = 1.0  # pixels of the copy that a box has to have left in each direction to be one


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One object: the rectangle around it as x, y, width and height in pixels of the file, from the upper left.

    `area` is that of the object's outline, which the rectangle only bounds. `is_crowd` holds for a box around many.
    https://cocodataset.org/#format-data
    """

    category: str
    x: float
    y: float
    width: float
    height: float
    area: float
    is_crowd: bool

    def record(self) -> dict[str, Any]:
        """What the manifest says of it."""
        box = [self.x, self.y, self.width, self.height]
        return {"category": self.category, "bbox": box, "area": self.area, "iscrowd": int(self.is_crowd)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How a picture lies in a copy: a point (x, y) of it at (x * scale_x + left, y * scale_y + top), in pixels.

    `width` and `height` are those of the copy.
    """

    scale_x: float
    scale_y: float
    left: float
    top: float
    width: int
    height: int

    def placed(self, boxes: Sequence[Box]) -> tuple[Box, ...]:
        """The boxes in the copy, cut at its edges; what is less than a pixel of one is left out."""
        found = (self._placed(box) for box in boxes)
        return tuple(box for box in found if box is not None)

    def _placed(self, box: Box) -> Box | None:
        x, right = (self._within(edge * self.scale_x + self.left, self.width) for edge in (box.x, box.x + box.width))
        y, bottom = (self._within(edge * self.scale_y + self.top, self.height) for edge in (box.y, box.y + box.height))
        if right - x < _LEAST or bottom - y < _LEAST:
            return None
        whole = box.width * box.height * self.scale_x * self.scale_y
        left_over = (right - x) * (bottom - y) / whole
        return Box(
            category=box.category,
            x=round(x, 2),
            y=round(y, 2),
            width=round(right - x, 2),
            height=round(bottom - y, 2),
            # The outline is not known: what is cut off of it is taken to be the share cut off of the box.
            area=round(box.area * self.scale_x * self.scale_y * min(1.0, left_over), 2),
            is_crowd=box.is_crowd,
        )

    @staticmethod
    def _within(edge: float, length: int) -> float:
        return min(max(edge, 0.0), float(length))


def boxes_of(raw: Mapping[str, Any]) -> tuple[Box, ...]:
    """The boxes among a sighting's `raw` values, under `annotations`, in their order; what is no box is left out."""
    said = raw.get("annotations")
    return tuple(box for each in said if (box := _box(each))) if isinstance(said, list) else ()


def _box(said: object) -> Box | None:
    if not isinstance(said, Mapping) or not isinstance(said.get("category"), str):
        return None
    numbers = said.get("bbox")
    if not isinstance(numbers, list) or len(numbers) != 4:
        return None
    try:
        x, y, width, height = (float(number) for number in numbers)
        area = float(said.get("area", width * height))
    except (TypeError, ValueError):
        return None
    if not (width > 0 and height > 0):
        return None
    crowd = bool(said.get("iscrowd"))
    return Box(category=said["category"], x=x, y=y, width=width, height=height, area=area, is_crowd=crowd)


def placement(width: int, height: int, copy: DerivedRow) -> Placement | None:
    """How a picture of `width` x `height` pixels lies in a sized copy of it (harvest.images.resize.sized).

    None where the copy's row does not tell.
    """
    if copy.width is None or copy.height is None:
        return _of_old(width, height, copy.mode, copy.size)
    if copy.mode == "crop":
        return _cut(width, height, copy.width, copy.place)
    if copy.mode == "fit":
        # Whether a smaller picture was enlarged, the row does not say.
        share = copy.size / max(width, height)
        return _padded(width, height, share, copy.size) if share <= 1 else None
    if copy.mode not in {"longest", "squash"}:
        return None
    scale_x, scale_y = copy.width / width, copy.height / height
    return Placement(scale_x=scale_x, scale_y=scale_y, left=0, top=0, width=copy.width, height=copy.height)


def _cut(width: int, height: int, made: int, place: float | None) -> Placement | None:
    if place is None:
        return None
    side = min(width, height)
    left, top, scale = int((width - side) * place), int((height - side) * place), made / side
    return Placement(scale_x=scale, scale_y=scale, left=-left * scale, top=-top * scale, width=made, height=made)


def _padded(width: int, height: int, share: float, px: int) -> Placement:
    inner = max(1, round(width * share)), max(1, round(height * share))
    left, top = (px - inner[0]) // 2, (px - inner[1]) // 2
    return Placement(scale_x=inner[0] / width, scale_y=inner[1] / height, left=left, top=top, width=px, height=px)


def _of_old(width: int, height: int, mode: str, px: int) -> Placement | None:
    """Versions that did not note how large a copy came out cut at the centre, and enlarged crops alone."""
    if mode == "crop":
        return _cut(width, height, px, 0.5)
    share = min(1.0, px / max(width, height))
    if mode == "fit":
        return _padded(width, height, share, px)
    if mode != "longest":
        return None
    made = max(1, round(width * share)), max(1, round(height * share))
    return Placement(scale_x=made[0] / width, scale_y=made[1] / height, left=0, top=0, width=made[0], height=made[1])
