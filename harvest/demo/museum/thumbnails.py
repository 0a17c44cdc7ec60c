"""Small copies of the museum's pictures, made when they are asked for, as image servers do."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageOps

from harvest.demo.museum.collection import Collection
from harvest.demo.museum.exhibit import Exhibit

__all__ = ["Thumbnails"]


class Thumbnails:
    """Makes and remembers them. One of a file that cannot be decoded is a grey square."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._small = lru_cache(maxsize=4096)(self._make)

    def __call__(self, exhibit: Exhibit, side: int) -> bytes:
        """A JPEG whose longest side is `side` pixels."""
        sound = exhibit.picture.harm is None and self._collection.sha256(exhibit) is not None
        return self._small(exhibit.picture.name if sound else None, min(side, 640))

    def _make(self, name: str | None, side: int) -> bytes:
        if name is None:
            image = Image.new("RGB", (side, side), "#cfcac0")
        else:
            with Image.open(self._collection.folder / name) as opened:
                opened.draft("RGB", (side, side))
                image = ImageOps.exif_transpose(opened).convert("RGB")
            image.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=82)
        return out.getvalue()
