"""The recipe's sizes of every selected image, each image decoded once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from harvest.config import sizes
from harvest.config.recipe import Recipe, SizeConfig
from harvest.config.sizes import STAGE, longest_of
from harvest.errors import Broken
from harvest.images.decode import decode_rgb
from harvest.images.sizes import make_size, name_digits, sized_name, sized_path, write_size
from harvest.ledger import derived, open_ledger, provenance, selected, write_derived
from harvest.ledger.rows import DerivedRow, ImageRow, SightingRow
from harvest.processes import batches, in_processes
from harvest.progress import Progress
from harvest.stages.report import StageReport
from harvest.stages.selection import stage_digests
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["STAGE", "names", "run_normalize", "size_digests"]

_BATCH = 256


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
    terms = _Terms(store=Store(workspace.root), longest=longest_of(recipe.sizes), digests=digests)
    jobs = [job for image in chosen if (job := _job(terms, recipe, image, called[image.sha256], there)).targets]
    files, broken = 0, []
    with progress.start(STAGE, len(jobs)) as task:
        for batch in batches(in_processes(_make, jobs), _BATCH):
            rows = [row for result in batch for row in result.made]
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
    """The recipe digests of the derived rows of each size, by pixels."""
    return sizes.size_digests(recipe.sizes)


def names(images: Sequence[ImageRow], origins: Mapping[str, SightingRow]) -> dict[str, str]:
    """By sha256, a name that is safe as a file name everywhere and unlike all others: `<slug>-<digits of the sha256>`.

    Ten digits, and all sixty-four where two images would share them.
    """
    called = {}
    counts = name_digits(np.array([image.sha256 for image in images], dtype="S64"))
    for image, count in zip(images, counts.tolist(), strict=True):
        origin, digits = origins.get(image.sha256), image.sha256[:count]
        called[image.sha256] = sized_name(digits, origin.title, origin.image_url) if origin else digits
    return called


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What holds for all jobs of a run."""

    store: Store
    longest: int
    digests: Mapping[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One image and the files to make of it; what crosses over to a worker process."""

    terms: _Terms
    sha256: str
    original: str
    targets: tuple[tuple[SizeConfig, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    made: tuple[DerivedRow, ...] = ()
    fault: str | None = None


def _job(
    terms: _Terms, recipe: Recipe, image: ImageRow, name: str, there: Mapping[int, Mapping[str, DerivedRow]]
) -> _Job:
    targets = []
    for size in recipe.sizes:
        row = there[size.px].get(image.sha256)
        if row is None or not _is_there(terms.store.root / row.path, row.bytes):
            targets.append((size, row.path if row else sized_path(size, name)))
    return _Job(terms=terms, sha256=image.sha256, original=image.path, targets=tuple(targets))


def _is_there(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _make(job: _Job) -> _Made:
    try:
        picture = decode_rgb(job.terms.store.local(job.original), longest=job.terms.longest)
    except (Broken, OSError) as error:
        return _Made(fault=f"{job.sha256[:12]}: no sizes made: {error}")
    return _Made(made=tuple(_files(job, picture)))


def _files(job: _Job, picture: Image.Image) -> Iterator[DerivedRow]:
    for size, path in job.targets:
        made, body = make_size(picture, size, path, job.terms.digests[size.px])
        write_size(job.terms.store.root / path, body)
        yield DerivedRow(sha256=job.sha256, **asdict(made))
