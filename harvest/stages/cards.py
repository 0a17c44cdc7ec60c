"""What a viewer tells about an image: where it is from, by whom, and on what terms."""

from __future__ import annotations

from typing import Any

from harvest.ledger.rows import ImageRow, SightingRow
from harvest.licences import licence

__all__ = ["card"]


def card(image: ImageRow, origin: SightingRow | None, *, file: str, picture: str | None) -> dict[str, Any]:
    """An image's card as plain values; what is unknown is None, and it is for the viewer to say so.

    `file` is the name it goes by, `picture` the path of a larger copy relative to the viewer's page.
    """
    known = licence(origin.license) if origin and origin.license else None
    return {
        "file": file,
        "picture": picture,
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "title": origin.title if origin else None,
        "creator": origin.creator if origin else None,
        "creator_url": origin.creator_url if origin else None,
        "license": known.name if known else (origin.license if origin else None),
        "license_url": (origin.license_url if origin else None) or (known.uri if known else None),
        "source": origin.source if origin else None,
        "page_url": origin.page_url if origin else None,
        "date": (origin.taken_at or origin.published_at) if origin else None,
    }
