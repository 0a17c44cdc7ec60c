"""Photographs nobody took: clouds of colour at several scales with grain, as JPEGs of about 110 KB."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["commented", "photographs"]

SIZES = ((640, 480), (800, 600), (1024, 768), (768, 1024))
TARGET = 110_000  # bytes
OCTAVES = ((4, 90.0), (12, 50.0), (40, 25.0), (160, 14.0))  # cells across the picture, and how strong they are
GRAIN = 6.0


def photographs(count: int, folder: Path | None = None) -> list[bytes]:
    """`count` JPEG files, the same ones every time; with `folder`, the first `count` JPEGs that lie in it."""
    if folder is None:
        return [_photograph(number) for number in range(count)]
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})[:count]
    if not paths:
        raise SystemExit(f"{folder}: no JPEG lies there; IMAGES=DIR names a folder of them")
    return [path.read_bytes() for path in paths]


def commented(body: bytes, number: int) -> tuple[bytes, bytes]:
    """Two pieces that together are the JPEG `body` with `number` in a comment: other bytes, the same picture."""
    words = f"photograph {number}".encode()
    return body[:2] + b"\xff\xfe" + (len(words) + 2).to_bytes(2, "big") + words, body[2:]


def _photograph(number: int) -> bytes:
    rng = np.random.default_rng(number)
    width, height = SIZES[number % len(SIZES)]
    picture = rng.normal(0, GRAIN, (height, width, 1)) + np.full((height, width, 3), 128.0)
    for cells, strength in OCTAVES:
        coarse = rng.normal(0, strength, (cells * height // width + 2, cells + 2, 3)).astype(np.float32)
        for band in range(3):
            layer = Image.fromarray(coarse[..., band]).resize((width, height), Image.Resampling.BICUBIC)
            picture[..., band] += np.asarray(layer)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return min((_encoded(image, quality) for quality in range(60, 96, 3)), key=lambda body: abs(len(body) - TARGET))


def _encoded(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
