"""Sizes that are made of images, and what identifies them: who wants the same sizes finds the same files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from harvest.config.models import label_of
from harvest.config.reader import Section, params_digest, setting

__all__ = ["STAGE", "SizeConfig", "check_sizes", "frame_digest", "longest_of", "size_digests"]

STAGE = "normalize"
VERSION = 3
_ONLY_WITH = {  # what makes no difference elsewhere is a misunderstanding
    "at": ("mode", "crop"),
    "padding": ("mode", "fit"),
    "model": ("at", "embedding"),
    "text": ("at", "embedding"),
    "lossless": ("format", "webp"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeConfig:
    """One derived size, of `px` pixels.

    `mode` is `crop` (the largest square there is in the picture), `fit` (all of it on a square), `squash` (all of it
    made square) or `longest` (all of it, the longer side `px`). A crop is cut `at` the centre, where the picture is
    most salient, where its faces are, where it is most like itself to a `model` (or most like the words `text`), or
    around the focus that a sidecar names. A square is padded with the `background` colour, the picture blurred, or its
    edge. What is smaller than `px` stays as small as it is, unless `upscale`. `resampling` weighs the values as they
    are stored (`gamma`) or the light that they stand for (`linear`). `frames` of an animation, or pages of a TIFF, are
    the first, the one in the middle, or all. Transparent parts show the `background`.
    """

    px: int = setting(ge=8, le=8192)
    mode: str = setting("crop", choices=("crop", "fit", "squash", "longest"))
    at: str = setting("centre", choices=("centre", "saliency", "faces", "embedding", "focus"))
    model: str | None = None
    text: str | None = None
    padding: str = setting("colour", choices=("colour", "blur", "edge"))
    background: str = setting("#ffffff", pattern=r"^#[0-9a-fA-F]{6}$", expected="a colour like '#ffffff'")
    upscale: bool = False
    resampling: str = setting("gamma", choices=("gamma", "linear"))
    frames: str = setting("first", choices=("first", "middle", "all"))
    format: str = setting("jpeg", choices=("jpeg", "png", "webp"))
    quality: int = setting(92, ge=1, le=100)
    lossless: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the first frame is all that it takes to make it: then a crawl, or a machine without ledger, can."""
        return self.frames == "first" and self.at in {"centre", "saliency"}


def check_sizes(section: Section, sizes: Sequence[SizeConfig], *, plain: bool = False) -> None:
    """Raises ConfigError for sizes that contradict themselves or each other, or, if `plain`, need more than a crawl
    has.

    `section` is the document under whose key `sizes` they stand.
    """
    for index, size in enumerate(sizes):
        for spec in fields(size):
            value = getattr(size, spec.name)
            other, needed = _ONLY_WITH.get(spec.name, ("", ""))
            if other and value != spec.default and getattr(size, other) != needed:
                raise section.error(f"sizes[{index}].{spec.name}", f"expected only with `{other}: {needed}`")
        if plain and not size.is_plain:
            key, wanted = ("frames", "'first'") if size.frames != "first" else ("at", "'centre' or 'saliency'")
            raise section.error(
                f"sizes[{index}].{key}",
                f"expected {wanted}: a crawl sees one picture at a time; let `harvest normalize` make this size",
            )
    pixels = [size.px for size in sizes]
    if len(set(pixels)) < len(pixels):
        raise section.error("sizes", f"each px may stand once, got {pixels}")


def size_digests(sizes: Sequence[SizeConfig]) -> dict[int, str]:
    """The recipe digests of the derived rows of each size, by pixels.

    The largest size belongs in each: all are made from one decode, whose scale it decides.
    """
    longest = longest_of(sizes)
    return {size.px: params_digest(STAGE, VERSION, {**_said(size), "decoded_for": longest}) for size in sizes}


def _said(size: SizeConfig) -> dict[str, Any]:
    """What a size says; a model by its name without the path to it, for that is the same everywhere."""
    return {**asdict(size), "model": size.model and label_of(size.model)}


def frame_digest(digest: str, frame: int) -> str:
    """The recipe digest of the rows of frame 1, 2, ... of a size of all frames; frame 0 has the size's own `digest`."""
    return hashlib.sha256(f"{digest} frame {frame}".encode()).hexdigest() if frame else digest


def longest_of(sizes: Iterable[SizeConfig]) -> int:
    """Pixels of the largest of `sizes`, 0 when there is none."""
    return max((size.px for size in sizes), default=0)
