"""Off-topic pictures: what a crawl brings home besides specimens, charts and pages and forms."""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

__all__ = ["OFF_TOPIC", "draw_off_topic"]

OFF_TOPIC: Final[tuple[str, ...]] = (
    "bar_chart",
    "line_chart",
    "pie_chart",
    "scatter_plot",
    "text_page",
    "table",
    "form",
)


def draw_off_topic(kind: str, seed: int, size: int = 512) -> Image.Image:
    """Draw the off-topic picture `seed` of `kind` (one of OFF_TOPIC) as RGB, `size` x `size` pixels."""
    rng = np.random.default_rng([zlib.crc32(kind.encode()), seed])
    image = Image.new("RGB", (size, size), (250, 250, 250))
    pen = ImageDraw.Draw(image)
    for column, height in enumerate(rng.uniform(0.1, 0.8, 8)):
        left = size * (0.1 + 0.1 * column)
        pen.rectangle((left, size * (0.9 - height), left + size * 0.07, size * 0.9), fill=(60, 90, 160))
    return image
