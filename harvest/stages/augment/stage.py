"""The stage: variants of every image that is learned from and may be adapted, each with what was done to it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image

from harvest.config.augment import AugmentConfig
from harvest.config.policy import default_policy, load_policy
from harvest.config.recipe import Recipe, SizeConfig, params_digest
from harvest.errors import Broken, UsageError
from harvest.images.augment import Drawn, drawn, varied
from harvest.images.decode import decode_rgb
from harvest.images.resize import SIZE_EXTENSIONS, derive
from harvest.images.sizes import VARIANTS, write_size
from harvest.ledger import (
    AugmentedRow,
    Connection,
    ParentRow,
    derived,
    latest_stage,
    made_variants,
    open_ledger,
    provenance,
    selected,
    splits_of,
    write_augmentation,
    write_variants,
)
from harvest.ledger.rows import ImageRow
from harvest.processes import batches, in_processes
from harvest.progress import Progress
from harvest.stages.augment.leave import barred_by, refuse_adapting
from harvest.stages.normalize import names, size_digests
from harvest.stages.report import StageReport
from harvest.stages.selection import stage_digests
from harvest.stages.work import digest_over
from harvest.store import Store
from harvest.workspace import Workspace, is_there

__all__ = ["STAGE", "run_augment"]

STAGE = "augment"
VERSION = 1
_BATCH = 128
_SHOWN = 6  # images named of those that were left out for one reason


def run_augment(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Write `derived/augmented-.../<number>/<name>.<ext>` for every variant that is not there, with a row each.

    Left out, with the reason in a row, is what the recipe's split holds out, what its licence or the policy lets nobody
    adapt, and what has no copy of the size that variants are made of. Raises UsageError where the recipe has a split
    and none was made, CheckFailed where the policy declares adaptations and selected works allow none.
    """
    config = recipe.augment
    if config is None:
        return StageReport(stage=STAGE)
    plan = _Plan.of(workspace, recipe, config)
    jobs = [job for parent in plan.parents if (job := plan.job(parent)).wanted]
    faults: dict[str, str] = {}
    files = 0
    with progress.start(STAGE, len(jobs)) as task:
        for batch in batches(in_processes(_make, jobs), _BATCH):
            rows = [row for made in batch for row in made.rows]
            with open_ledger(workspace, write=True) as con:
                write_variants(con, rows)
            files += len(rows)
            faults |= {made.sha256: made.fault for made in batch if made.fault}
            task.advance(len(batch))
    parents = [plan.row(parent, faults.get(parent.sha256)) for parent in plan.parents]
    rows_of = sorted([*parents, *plan.left_out], key=lambda row: row.sha256)
    detail = _detail(rows_of, files)
    for line in _words(rows_of):
        progress.say(line)
    inputs = digest_over((row.sha256, row.variants, row.reason) for row in rows_of)
    if plan.last != (plan.digest, inputs):
        with open_ledger(workspace, write=True) as con:
            write_augmentation(
                con, name=recipe.name, recipe_digest=plan.digest, input_digest=inputs, rows=rows_of, detail=detail
            )
    return StageReport(stage=STAGE, done=len(jobs), skipped=len(plan.parents) - len(jobs), detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parent:
    """An image that gets variants: the file that they are made of, and what is done for each."""

    sha256: str
    name: str
    source: str
    source_sha256: str
    done: tuple[Drawn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Variants that are missing of one image, each with its number and path; what crosses over to a worker process."""

    parent: _Parent
    store: Store
    config: AugmentConfig
    digest: str
    wanted: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    sha256: str
    rows: tuple[AugmentedRow, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is to be there and what is; `last` are the digests of the augmentation in force."""

    store: Store
    config: AugmentConfig
    digest: str
    parents: Sequence[_Parent]
    left_out: Sequence[ParentRow]
    there: Mapping[tuple[str, int], AugmentedRow]
    last: tuple[str, str] | None

    @classmethod
    def of(cls, workspace: Workspace, recipe: Recipe, config: AugmentConfig) -> _Plan:
        digest = _digest(recipe, config)
        stages = stage_digests(recipe, workspace)
        with open_ledger(workspace) as con:
            chosen = selected(con, stages)
            origins = provenance(con, [image.sha256 for image in chosen])
            sources = _sources(con, recipe, config, chosen)
            reasons = _reasons(con, recipe, {sha256: origin.license for sha256, origin in origins.items()}, chosen)
            there, last = made_variants(con, digest), latest_stage(con, STAGE, recipe.name)
        called = names(chosen, origins)
        parents, left_out = [], []
        for image in chosen:
            reason = reasons.get(image.sha256)
            if reason is None and image.sha256 not in sources:
                reason = f"no copy of {config.size} px: `harvest normalize` makes it"
            if reason is not None:
                left_out.append(ParentRow(sha256=image.sha256, variants=0, reason=reason))
                continue
            path, source_sha256 = sources[image.sha256]
            done = tuple(drawn(config, f"{recipe.seed}:{image.sha256}", config.count))
            parents.append(
                _Parent(
                    sha256=image.sha256,
                    name=called[image.sha256],
                    source=path,
                    source_sha256=source_sha256,
                    done=done,
                )
            )
        return cls(
            store=Store(workspace.root),
            config=config,
            digest=digest,
            parents=parents,
            left_out=left_out,
            there=there,
            last=(last.recipe_digest, last.input_digest) if last else None,
        )

    def job(self, parent: _Parent) -> _Job:
        """What is missing of an image's variants."""
        wanted = []
        for number in range(1, len(parent.done) + 1):
            row = self.there.get((parent.sha256, number))
            if (
                row is None
                or row.source_sha256 != parent.source_sha256
                or not is_there(self.store.root / row.path, row.bytes)
            ):
                wanted.append((number, row.path if row else self._path(parent.name, number)))
        return _Job(parent=parent, store=self.store, config=self.config, digest=self.digest, wanted=tuple(wanted))

    def row(self, parent: _Parent, fault: str | None) -> ParentRow:
        """What is noted of an image that was to have variants."""
        if fault is None and not parent.done:
            fault = "nothing is done to it: `augment` allows for no variant"
        return ParentRow(sha256=parent.sha256, variants=0 if fault else len(parent.done), reason=fault)

    def _path(self, name: str, number: int) -> str:
        kind = f"{VARIANTS}{self.config.size or 'originals'}-{self.digest[:8]}"
        return f"{kind}/{number}/{name}.{SIZE_EXTENSIONS[self.config.format]}"


def _digest(recipe: Recipe, config: AugmentConfig) -> str:
    """What identifies the variants; how many there are does not, for more begin with the same ones."""
    terms = {name: value for name, value in asdict(config).items() if name != "count"}
    copy = size_digests(recipe)[config.size] if config.size is not None else None
    return params_digest(STAGE, VERSION, {**terms, "copy": copy, "seed": recipe.seed})


def _sources(
    con: Connection, recipe: Recipe, config: AugmentConfig, chosen: Sequence[ImageRow]
) -> dict[str, tuple[str, str]]:
    """By sha256, the file that variants are made of, and its digest."""
    if config.size is None:
        return {image.sha256: (image.path, image.sha256) for image in chosen}
    copies = derived(con, config.size, size_digests(recipe)[config.size])
    return {sha256: (row.path, row.derived_sha256) for sha256, row in copies.items()}


def _reasons(
    con: Connection, recipe: Recipe, licences: Mapping[str, str | None], chosen: Sequence[ImageRow]
) -> dict[str, str]:
    """By sha256, why images get no variants."""
    policy = load_policy(recipe.policy) if recipe.policy else default_policy()
    refuse_adapting(policy, licences)
    reasons = {}
    placed = splits_of(con, recipe.name) if recipe.split else {}
    if recipe.split and chosen and not placed:
        raise UsageError(f"{recipe.name} has a split, and none was made yet: run `harvest split {recipe.file}` first")
    for image in chosen:
        place = placed.get(image.sha256, "no part of the split yet") if recipe.split else "train"
        if place != "train":
            reasons[image.sha256] = f"split: in {place}"
        elif (why := barred_by(policy, licences.get(image.sha256))) is not None:
            reasons[image.sha256] = why
    return reasons


def _make(job: _Job) -> _Made:
    sha256 = job.parent.sha256
    try:
        picture = decode_rgb(job.store.local(job.parent.source), longest=_decoded_for(job.config))
    except (Broken, OSError) as error:
        return _Made(sha256=sha256, fault=f"does not decode: {error}")
    return _Made(sha256=sha256, rows=tuple(_rows(job, picture)))


def _decoded_for(config: AugmentConfig) -> int | None:
    """Pixels that even the smallest crop is not enlarged from: what a JPEG decodes to beyond them nobody would see."""
    return math.ceil(2 * config.px / math.sqrt(config.crop)) if config.px else None


def _rows(job: _Job, picture: Image.Image) -> Iterator[AugmentedRow]:
    config = job.config
    for number, path in job.wanted:
        done = job.parent.done[number - 1]
        variant = varied(picture, done, px=config.px, corners=config.corners, background=config.background)
        # Encoded as sized copies are: its longest side is as long as it is.
        as_it_is = SizeConfig(px=max(8, *variant.size), mode="longest", format=config.format, quality=config.quality)
        body = derive(variant, as_it_is)
        write_size(job.store.root / path, body)
        yield AugmentedRow(
            sha256=job.parent.sha256,
            variant=number,
            path=path,
            bytes=len(body),
            width=variant.width,
            height=variant.height,
            derived_sha256=hashlib.sha256(body).hexdigest(),
            source_sha256=job.parent.source_sha256,
            parameters=done,
            recipe_digest=job.digest,
        )


def _detail(rows: Sequence[ParentRow], files: int) -> dict[str, Any]:
    return {
        "images": len(rows),
        "augmented": sum(row.variants > 0 for row in rows),
        "variants": sum(row.variants for row in rows),
        "files": files,
        "left_out": dict(sorted(Counter(row.reason for row in rows if row.reason).items())),
    }


def _words(rows: Sequence[ParentRow]) -> Iterator[str]:
    """Lines for whoever watches, about what has no variants; that what is held out has none is no news."""
    because: dict[str, list[str]] = {}
    for row in rows:
        if row.reason and row.reason not in {"split: in validation", "split: in test"}:
            because.setdefault(row.reason, []).append(row.sha256[:12])
    for reason, found in sorted(because.items()):
        more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
        yield f"augment: {len(found):,} without variants, {reason}: {', '.join(found[:_SHOWN])}{more}"
