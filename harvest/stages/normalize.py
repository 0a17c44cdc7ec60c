"""The recipe's sizes of every selected image, each image decoded once."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from PIL import Image

from harvest.config.recipe import Recipe, SizeConfig, params_digest
from harvest.errors import Broken
from harvest.images.decode import decode_rgb
from harvest.images.resize import SIZE_EXTENSIONS, derive
from harvest.ledger import derived, open_ledger, provenance, selected, write_derived
from harvest.ledger.rows import DerivedRow, ImageRow, SightingRow
from harvest.progress import Progress
from harvest.stages.report import StageReport
from harvest.stages.selection import stage_digests
from harvest.stages.work import batches, in_processes
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["STAGE", "names", "run_normalize", "size_digests"]

STAGE = "normalize"
VERSION = 1
_BATCH = 256
_DIGITS = 10
_SLUG_LENGTH = 60


def run_normalize(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Write `derived/<px>/<name>.<ext>` for every selected image and size that is not there, with a row each.

    Modes other than `crop` have a folder of their own, `<px>-<mode>`. The name is made of the title, or of the file
    name at the source, and the first digits of the sha256. An image that no longer decodes is counted in `detail` and
    has no row.
    """
    digests = size_digests(recipe)
    stages = stage_digests(recipe, workspace)
    with open_ledger(workspace) as con:
        chosen = selected(con, stages)
        origins = provenance(con, [image.sha256 for image in chosen])
        there = {size.px: derived(con, size.px, digests[size.px]) for size in recipe.sizes}
    called = names(chosen, origins)
    jobs = [job for image in chosen if (job := _job(workspace, recipe, image, called[image.sha256], there)).targets]
    files, broken = 0, []
    with progress.start(STAGE, len(jobs)) as task:
        for batch in batches(in_processes(_make, jobs), _BATCH):
            rows = [_row(made, digests[made.px]) for result in batch for made in result.made]
            with open_ledger(workspace, write=True) as con:
                write_derived(con, rows)
            files += len(rows)
            broken += [result.fault for result in batch if result.fault]
            task.advance(len(batch))
    for fault in broken:
        progress.say(fault)
    return StageReport(
        stage=STAGE,
        done=len(jobs),
        skipped=len(chosen) - len(jobs),
        detail={"images": len(chosen), "files": files, "broken": len(broken)},
    )


def size_digests(recipe: Recipe) -> dict[int, str]:
    """The recipe digests of the derived rows of each size, by pixels.

    The largest size belongs in each: all are made from one decode, whose scale it decides.
    """
    largest = _largest(recipe)
    return {size.px: params_digest(STAGE, VERSION, {**asdict(size), "decoded_for": largest}) for size in recipe.sizes}


def _largest(recipe: Recipe) -> int:
    return max((size.px for size in recipe.sizes), default=0)


def names(images: Sequence[ImageRow], origins: Mapping[str, SightingRow]) -> dict[str, str]:
    """By sha256, a name that is safe as a file name everywhere and unlike all others: `<slug>-<digits of the sha256>`.

    Ten digits, and all sixty-four where two images would share them.
    """
    short: dict[str, int] = {}
    for image in images:
        short[image.sha256[:_DIGITS]] = short.get(image.sha256[:_DIGITS], 0) + 1
    called = {}
    for image in images:
        digits = image.sha256[:_DIGITS] if short[image.sha256[:_DIGITS]] == 1 else image.sha256
        slug = _slug(origins.get(image.sha256))
        called[image.sha256] = f"{slug}-{digits}" if slug else digits
    return called


def _slug(origin: SightingRow | None) -> str:
    """Small letters, digits and hyphens of the title, else of the file name in the image's URL; may be empty."""
    if origin is None:
        return ""
    stem = PurePosixPath(unquote(urlsplit(origin.image_url).path)).stem
    for text in (origin.title, stem):
        plain = unicodedata.normalize("NFKD", text or "").encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_LENGTH].strip("-")
        if slug:
            return slug
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One image and the files to make of it; what crosses over to a worker process."""

    sha256: str
    original: str
    store: Store
    longest: int
    targets: tuple[tuple[SizeConfig, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    sha256: str
    px: int
    mode: str
    path: str
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    made: tuple[_File, ...] = ()
    fault: str | None = None


def _job(
    workspace: Workspace, recipe: Recipe, image: ImageRow, name: str, there: Mapping[int, Mapping[str, DerivedRow]]
) -> _Job:
    targets = []
    for size in recipe.sizes:
        row = there[size.px].get(image.sha256)
        if row is None or not _is_there(workspace.root / row.path, row.bytes):
            folder = str(size.px) if size.mode == "crop" else f"{size.px}-{size.mode}"
            path = row.path if row else f"{workspace.derived.name}/{folder}/{name}.{SIZE_EXTENSIONS[size.format]}"
            targets.append((size, path))
    return _Job(
        sha256=image.sha256,
        original=image.path,
        store=Store(workspace.root),
        longest=_largest(recipe),
        targets=tuple(targets),
    )


def _is_there(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _make(job: _Job) -> _Made:
    try:
        picture = decode_rgb(job.store.local(job.original), longest=job.longest)
    except (Broken, OSError) as error:
        return _Made(fault=f"{job.sha256[:12]}: no sizes made: {error}")
    return _Made(made=tuple(_files(job, picture)))


def _files(job: _Job, picture: Image.Image) -> Iterator[_File]:
    for size, path in job.targets:
        body = derive(picture, size)
        _write(job.store.root / path, body)
        yield _File(
            sha256=job.sha256,
            px=size.px,
            mode=size.mode,
            path=path,
            bytes=len(body),
            digest=hashlib.sha256(body).hexdigest(),
        )


def _write(path: Path, body: bytes) -> None:
    """Whole or not at all, but without waiting for the disk as originals do: what a power cut takes is made again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _row(file: _File, digest: str) -> DerivedRow:
    return DerivedRow(
        sha256=file.sha256,
        size=file.px,
        mode=file.mode,
        path=file.path,
        bytes=file.bytes,
        derived_sha256=file.digest,
        recipe_digest=digest,
    )
