"""What is wanted of an image and what was seen of it: everything comes out of one decode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harvest import scorers
from harvest.embedders.base import Framing
from harvest.errors import Broken, LedgerError
from harvest.images.once import DecodedOnce
from harvest.images.prints import PRINTS, Print
from harvest.images.resize import Size, Sized, sized

__all__ = ["Fault", "Order", "Seen", "look_at", "readable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to make of each image. Picklable: it goes to worker processes.

    `framings` of the models that shall see it, `prints` by their names in `harvest.images.prints.PRINTS`, `sizes` as
    `harvest.images.resize.sized` makes them, `scores` by the names that `harvest.scorers.load` knows.

    A JPEG is decoded once, at the scale that the largest of all this needs. What needs less is reduced from there:
    that moves vectors by up to .0001 of their cosine, and a bit or two of one print in sixty. Where rows have to be
    those that each would have had alone, say `is_exact`: a JPEG wanted at several scales is then decoded at each, which
    costs 1.2 (1024x768) to 1.8 times as much (4000x3000) for a print, 224 px for a model and sizes up to 512 px. Sizes,
    which are known by their digests, are always exact.
    """

    framings: tuple[Framing, ...] = ()
    prints: tuple[str, ...] = ()
    sizes: tuple[Size, ...] = ()
    scores: tuple[str, ...] = ()
    is_exact: bool = False

    @property
    def sized_for(self) -> int:
        """`longest` of the decode that sizes are made from: the largest of them, as for every maker of sizes."""
        return max((size.px for size in self.sizes), default=0)

    @property
    def longest(self) -> tuple[int, ...]:
        """The sides of all squares that are wanted in colour, as `decode_rgb` takes them."""
        sides = [framing.least for framing in self.framings] + [scorers.load(name).longest for name in self.scores]
        return (*sides, self.sized_for) if self.sizes else tuple(sides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why nothing was made of an image.

    `kind` is one of Broken's (`truncated`, `corrupt`, ...), `gone` where its bytes cannot be read, or `crash` where it
    ended the process that decoded it, twice.
    """

    kind: str
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was made of one image, in the order of what was wanted; nothing where there is a `fault`.

    `pixels` are (side, side, 3) each, `sizes` encoded copies; `prints` hold a value in hex and a quality.
    """

    sha256: str
    fault: Fault | None = None
    pixels: tuple[NDArray[np.uint8], ...] = field(default=(), repr=False)
    prints: Mapping[str, Print] = field(default_factory=dict)
    sizes: tuple[Sized, ...] = field(default=(), repr=False)
    scores: Mapping[str, scorers.Score] = field(default_factory=dict)


def readable(seen: Seen) -> Seen:
    """What was seen, where there was something to look at. Raises LedgerError when the image's bytes are gone."""
    if seen.fault is not None and seen.fault.kind == "gone":
        raise LedgerError(
            f"the original of {seen.sha256[:12]} cannot be read ({seen.fault.words}); "
            "`harvest verify` lists all such files"
        )
    return seen


def look_at(sha256: str, body: bytes, order: Order) -> Seen:
    """Decode the encoded image `body` once and make of it all that `order` wants.

    Prints that need every pixel of every frame (`pixels`) read the bytes for themselves. An image that does not decode
    has a fault.
    """
    try:
        return _made(sha256, body, order)
    except Broken as error:
        return Seen(sha256=sha256, fault=Fault(kind=error.kind, words=str(error)))


def _made(sha256: str, body: bytes, order: Order) -> Seen:
    wanted = {name: PRINTS[name] for name in order.prints}
    by_grey = {} if order.is_exact else {name: method.seen for name, method in wanted.items() if method.seen}
    prints = {name: method.made(body) for name, method in wanted.items() if name not in by_grey}
    longest = order.longest
    if not longest and not by_grey:
        return Seen(sha256=sha256, prints=prints)
    decoded = DecodedOnce(body, longest=longest, is_judged=bool(by_grey))
    at = decoded.same if order.is_exact else decoded.picture
    return Seen(
        sha256=sha256,
        pixels=tuple(framing(at(framing.least)) for framing in order.framings),
        prints=prints | {name: seen(decoded.grey) for name, seen in by_grey.items()},
        sizes=_sizes(decoded, order),
        scores={name: scorer(at(scorer.longest)) for name in order.scores if (scorer := scorers.load(name))},
    )


def _sizes(decoded: DecodedOnce, order: Order) -> tuple[Sized, ...]:
    if not order.sizes:
        return ()
    picture = decoded.layers(order.sized_for)
    return tuple(sized(picture, size) for size in order.sizes)
