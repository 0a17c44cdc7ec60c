"""Sizes of one image, made by a worker process: light to import, for every worker does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harvest.config.sizes import SizeConfig
from harvest.errors import Broken
from harvest.images.decode import decode_frames
from harvest.images.resize import sized
from harvest.images.sizes import derivative_of, write_size
from harvest.items import Derivative
from harvest.store import Store

__all__ = ["SizesMade", "SizingJob", "SizingTarget", "make_sizes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingTarget:
    """One file to make, at `path` in the workspace: of which `frame`, noted as `noted`, and where its crop is, if that
    is known. `digest` is the recipe digest of its row.
    """

    size: SizeConfig
    path: str
    digest: str
    frame: int = 0
    noted: int | None = None
    place: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingJob:
    """One image and the files to make of it, all from one decode, which is as large as `longest` pixels need."""

    store: Store
    longest: int
    sha256: str
    original: str
    targets: tuple[SizingTarget, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizesMade:
    """The copies that lie there now, and what kept the others from it."""

    sha256: str
    made: tuple[Derivative, ...] = ()
    fault: str | None = None


def make_sizes(job: SizingJob) -> SizesMade:
    """Write the files of one image. Raises nothing for an image that cannot be read or decoded, or not to its end."""
    made: list[Derivative] = []
    try:
        made.extend(_files(job))
    except (Broken, OSError) as error:
        return SizesMade(sha256=job.sha256, made=tuple(made), fault=str(error))
    return SizesMade(sha256=job.sha256, made=tuple(made))


def _files(job: SizingJob) -> Iterator[Derivative]:
    frames = sorted({target.frame for target in job.targets})
    body = job.store.local(job.original).read_bytes()
    places = dict[int, float | None]()  # the frames of an animation are cut at one place
    for frame, picture in zip(frames, decode_frames(body, frames, longest=job.longest), strict=True):
        for target in job.targets:
            if target.frame == frame:
                px = target.size.px
                made = sized(picture, target.size, places.get(px, target.place))
                places[px] = made.place
                write_size(job.store.root / target.path, made.body)
                yield derivative_of(made, target.size, target.path, target.digest, target.noted)
