"""Which images a request means: those that it names, and the near copies of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harvest.errors import Broken, UsageError
from harvest.images.decode import decode_rgb
from harvest.images.fingerprint import fingerprint
from harvest.images.tombstones import DETAIL_BITS, NEAR_BITS, detail_hash
from harvest.items import Fingerprint
from harvest.ledger import (
    Connection,
    HeldImage,
    copies_by_dedupe,
    images_by_creator,
    images_by_creator_url,
    images_by_digest,
    images_by_url,
    images_named,
    near_images,
    near_prints,
    open_ledger,
)
from harvest.progress import Progress
from harvest.stages.dedupe.digest import LIKENESS
from harvest.stages.dedupe.register import SIDE, Portrait, likeness, portrait
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["Named", "Request", "name_images"]

_WHOLE = 64  # hex digits of a sha256
_LEAST = 6  # of one that is cut short
_MAX_PIXELS = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks to be taken out, by one of five names.

    `near` is how many bits of 64 a near copy's hash may be away; None leaves near copies alone, now and later.
    """

    creator: str | None = None
    creator_url: str | None = None
    url: str | None = None
    sha256: str | None = None
    picture: Path | None = None
    near: int | None = NEAR_BITS

    @property
    def words(self) -> str:
        """The request in a line."""
        names = ("creator", "creator_url", "url", "sha256", "picture")
        return ", ".join(f"{name.replace('_', ' ')} {getattr(self, name)}" for name in names if getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One image that a request means; `why` says how it came to be meant. `image` is None where nobody ever met it.

    `prints` are its 64 bits, their version and its 256 bits, where they are known and near copies are meant too.
    """

    sha256: str
    why: str
    image: HeldImage | None = None
    prints: tuple[int, str, int] | None = None


def name_images(workspace: Workspace, request: Request, *, progress: Progress) -> tuple[Named, ...]:
    """Everything that `request` means, in the order of sha256; what was taken down before is named again.

    A whole sha256, and a picture, are named also when nobody has met them yet: so they never will. Raises UsageError
    when there is nothing by that name, a sha256 is cut too short to tell, or the picture is none.
    """
    shown = _Shown(request.picture) if request.picture else None
    with open_ledger(workspace) as con:
        named = _directly(con, request, shown)
        found = images_named(con, named)
        near, known = _candidates(con, request, named, shown)
        others = images_named(con, [*near, *known])
    looks = _Looks(workspace, {**found, **others}, shown)
    told = dict(named)
    with progress.start("compare near copies", len(near)) as task:
        for sha256, (of, bits) in near.items():
            if sha256 not in told and (alike := looks.alike(sha256, of)) is not None:
                told[sha256] = f"near copy of {of[:12]}: {bits} bits of 64, {alike}"
            task.advance()
    for sha256, (of, how) in known.items():
        told.setdefault(sha256, f"copy of {of[:12]} by dedupe ({how})")
    everything = {**others, **found}
    return tuple(
        Named(
            sha256=sha256,
            why=told[sha256],
            image=everything.get(sha256),
            prints=looks.prints(sha256) if request.near is not None else None,
        )
        for sha256 in sorted(told)
    )


def _candidates(
    con: Connection, request: Request, named: Iterable[str], shown: _Shown | None
) -> tuple[dict[str, tuple[str, int]], dict[str, tuple[str, str]]]:
    """By sha256, what may be a near copy and of which, with its bits; and what dedupe says is one, with its method."""
    if request.near is None:
        return {}, {}
    named = list(named)
    near = near_images(con, named, request.near)
    if shown is not None:
        near += near_prints(con, shown.sha256, shown.found.phash, shown.found.phash_version, request.near)
    known = copies_by_dedupe(con, named)
    return {sha256: (of, bits) for sha256, of, bits in near}, {sha256: (of, how) for sha256, of, how in known}


class _Shown:
    """A picture that somebody brought along. Raises UsageError for what is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.found: Fingerprint = fingerprint(path.read_bytes(), max_pixels=_MAX_PIXELS)
        except (Broken, OSError) as error:
            raise UsageError(f"{path}: cannot be taken for a picture: {error}") from None
        self.sha256 = self.found.sha256


class _Looks:
    """What pictures look like, read once each, from the bytes that are here still."""

    def __init__(self, workspace: Workspace, images: Mapping[str, HeldImage], shown: _Shown | None) -> None:
        self._store, self._images, self._shown = Store(workspace.root), images, shown
        self._portraits: dict[str, Portrait | None] = {}
        self._details: dict[str, int | None] = {}

    def alike(self, one: str, other: str) -> str | None:
        """In words how far two pictures are the same; None when they are not, or one of them cannot be read."""
        first, second = self._detail(one), self._detail(other)
        portraits = self._portrait(one), self._portrait(other)
        if first is None or second is None or portraits[0] is None or portraits[1] is None:
            return None
        score, bits = likeness(portraits[0], portraits[1]).score, (first ^ second).bit_count()
        return f"{bits} of 256, likeness {score:.3f}" if score >= LIKENESS or bits <= DETAIL_BITS else None

    def prints(self, sha256: str) -> tuple[int, str, int] | None:
        """Both hashes of a picture, with the version of the shorter; None where it cannot be read."""
        image, detail = self._images.get(sha256), self._detail(sha256)
        if detail is None:
            return None
        if image is not None and image.phash is not None and image.phash_version is not None:
            return image.phash, image.phash_version, detail
        if self._shown is not None and self._shown.sha256 == sha256:
            return self._shown.found.phash, self._shown.found.phash_version, detail
        return None

    def _detail(self, sha256: str) -> int | None:
        if sha256 not in self._details:
            file = self._file(sha256)
            try:
                self._details[sha256] = detail_hash(file.read_bytes()) if file else None
            except (Broken, OSError):
                self._details[sha256] = None
        return self._details[sha256]

    def _portrait(self, sha256: str) -> Portrait | None:
        if sha256 not in self._portraits:
            file = self._file(sha256)
            try:
                self._portraits[sha256] = portrait(decode_rgb(file, longest=SIDE)) if file else None
            except (Broken, OSError):
                self._portraits[sha256] = None
        return self._portraits[sha256]

    def _file(self, sha256: str) -> Path | None:
        if self._shown is not None and self._shown.sha256 == sha256:
            return self._shown.path
        image = self._images.get(sha256)
        return self._store.local(image.path) if image is not None and image.path else None


def _directly(con: Connection, request: Request, shown: _Shown | None) -> dict[str, str]:
    """What the request names itself, by sha256, each with why."""
    if request.creator is not None:
        return _all(images_by_creator(con, request.creator), f"by {request.creator}", "no image is by this creator")
    if request.creator_url is not None:
        found = images_by_creator_url(con, request.creator_url)
        return _all(found, f"by {request.creator_url}", "no image's creator has this page")
    if request.url is not None:
        found = images_by_url(con, request.url)
        return _all(found, f"met at {request.url}", "no bytes came from this address, and no image stands on this page")
    if request.sha256 is not None:
        return _by_digest(con, request.sha256.lower())
    if shown is not None:
        return {shown.sha256: f"the bytes of {shown.path.name}"}
    raise UsageError("name what to take out: --creator, --creator-url, --url, --sha256 or --picture")


def _all(found: Iterable[str], why: str, nothing: str) -> dict[str, str]:
    named = dict.fromkeys(found, why)
    if not named:
        raise UsageError(f"{nothing}; `harvest sql` looks for how the ledger spells it")
    return named


def _by_digest(con: Connection, prefix: str) -> dict[str, str]:
    if len(prefix) < _LEAST or len(prefix) > _WHOLE or prefix.strip("0123456789abcdef"):
        raise UsageError(f"sha256: expected {_LEAST} to {_WHOLE} hex digits, got {prefix!r}")
    found = images_by_digest(con, prefix)
    if len(found) > 1:
        listed = ", ".join(sorted(found)[:3])
        raise UsageError(f"sha256: {len(found)} images begin with {prefix}: {listed}...; give more digits")
    if not found and len(prefix) < _WHOLE:
        raise UsageError(
            f"sha256: nothing in the ledger begins with {prefix}; give all {_WHOLE} digits to bar unmet bytes"
        )
    if not found:
        return {prefix: "its sha256; not met yet"}
    ((sha256, what),) = found.items()
    return {sha256: f"its sha256{f', that of {what}' if what else ''}"}
