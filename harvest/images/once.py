"""One decode of an image for all who look at it, each at the scale at which it would have been decoded for it alone."""

from __future__ import annotations

from PIL import Image

from harvest.images.decode import Layers, decode_frames, layers_of, opened
from harvest.images.fingerprint import SIDE, draft_scale, judged

__all__ = ["DecodedOnce"]


class DecodedOnce:
    """An encoded image, decoded as large as whoever wants most of it needs.

    `longest` are the sides of the squares wanted, as `decode_rgb` takes them; `is_judged` says that fingerprints are
    wanted. A JPEG is decoded at the largest scale among theirs and reduced for the others: means of pixels stand where
    libjpeg's smaller transform would have given nearly the same. Raises Broken.
    """

    def __init__(self, body: bytes, *, longest: tuple[int, ...] = (), is_judged: bool = False) -> None:
        self._body = body
        sides = (*longest, SIDE) if is_judged or not longest else longest
        with opened(body) as image:
            self._size, self._kind = image.size, image.format or ""
            image.draft(None if longest else "L", (max(sides), max(sides)))
            image.load()
            self._grey = judged(image, self._size) if is_judged else None
            self._picture = layers_of(image) if longest else None
            self._scale = max(1, round(max(self._size) / max(image.size)))
        self._reduced: dict[int, Image.Image] = {}
        self._again: dict[int, Layers] = {}

    @property
    def grey(self) -> Image.Image:
        """The grey picture that fingerprints are taken of, `harvest.images.fingerprint.judged`."""
        assert self._grey is not None
        return self._grey

    def picture(self, longest: int) -> Image.Image:
        """The upright RGB picture at the scale of `decode_rgb(..., longest=longest)`, out of the one decode."""
        assert self._picture is not None
        factor = draft_scale(self._kind, self._size, longest) // self._scale
        if factor <= 1:
            return self._picture.over()
        if factor not in self._reduced:
            self._reduced[factor] = self._picture.over().reduce(factor)
        return self._reduced[factor]

    def same(self, longest: int) -> Image.Image:
        """The very picture that `decode_rgb(..., longest=longest)` gives, for what may not hang on who else asks.

        It costs another, smaller decode where somebody wanted a JPEG larger. Raises Broken.
        """
        return self.layers(longest).over()

    def layers(self, longest: int) -> Layers:
        """`same`, before it lies over a ground."""
        assert self._picture is not None
        factor = draft_scale(self._kind, self._size, longest)
        if factor <= self._scale:
            return self._picture
        if factor not in self._again:
            self._again[factor] = next(decode_frames(self._body, (0,), longest=longest))
        return self._again[factor]
