"""The recipe's sizes of every selected image, each image decoded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from harvest.config import sizes
from harvest.config.recipe import Recipe, SizeConfig
from harvest.config.sizes import STAGE, frame_digest, longest_of
from harvest.images.decode import frame_count
from harvest.images.sizes import name_digits, sized_name, sized_path
from harvest.ledger import (
    Connection,
    derived,
    derived_frames,
    latest_stage,
    open_ledger,
    provenance,
    record_stage,
    selected,
    write_derived,
)
from harvest.ledger.rows import DerivedRow, ImageRow, SightingRow
from harvest.processes import batches, in_processes
from harvest.progress import Progress
from harvest.sizing import SizingJob, SizingTarget, make_sizes
from harvest.stages import cropping, embed
from harvest.stages.report import StageReport
from harvest.stages.selection import stage_digests
from harvest.stages.work import digest_over
from harvest.store import Store
from harvest.workspace import Workspace, is_there

__all__ = ["STAGE", "names", "run_normalize", "size_digests"]

_BATCH = 256
_SAME = 1e-9  # places that differ by less are one


def run_normalize(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Write `derived/<px>/<name>.<ext>` for every selected image and size that is not there, with a row each.

    What is not cropped at the centre has a folder of its own, `<px>-<mode>`. The name is made of title, file name at
    the source and the first digits of the sha256. A crop whose place has changed, as its sidecar says another focus, is
    made again. An image that no longer decodes has no row of a size; why not stands in `detail` of the stage's run.
    Raises ComponentMissing and WeightsMissing for crops at what cannot be found without.
    """
    stages = stage_digests(recipe, workspace)
    with open_ledger(workspace) as con:
        chosen = selected(con, stages)
        origins = provenance(con, [image.sha256 for image in chosen])
        held = _Held.of(con, recipe)
    plan = _Plan(
        workspace=workspace,
        held=held,
        names=names(chosen, origins),
        places=_places(workspace, recipe, chosen, held, progress=progress),
    )
    store = Store(workspace.root)
    jobs = [job for image in chosen if (job := _job(store, recipe, plan, image)).targets]
    files, faults = 0, dict[str, str]()
    with progress.start(STAGE, len(jobs)) as task:
        for batch in batches(in_processes(make_sizes, jobs), _BATCH):
            rows = [DerivedRow(sha256=each.sha256, **asdict(made)) for each in batch for made in each.made]
            with open_ledger(workspace, write=True) as con:
                write_derived(con, rows)
            files += len(rows)
            faults |= {result.sha256: result.fault for result in batch if result.fault}
            task.advance(len(batch))
    for sha256, fault in faults.items():
        progress.say(f"{sha256[:12]}: not all sizes made: {fault}")
    detail = {"images": len(chosen), "files": files, "broken": len(faults)}
    if jobs:
        _note(workspace, recipe, chosen, {**detail, "faults": faults})
    return StageReport(stage=STAGE, done=len(jobs), skipped=len(chosen) - len(jobs), detail=detail)


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
class _Held:
    """The rows that are there: `first` by pixels and sha256, `further` frames by pixels, sha256 and recipe digest."""

    digests: Mapping[int, str]
    first: Mapping[int, Mapping[str, DerivedRow]]
    further: Mapping[int, Mapping[tuple[str, str], DerivedRow]]

    @classmethod
    def of(cls, con: Connection, recipe: Recipe) -> _Held:
        digests = size_digests(recipe)
        return cls(
            digests=digests,
            first={size.px: derived(con, size.px, digests[size.px]) for size in recipe.sizes},
            further={size.px: derived_frames(con, size.px) for size in recipe.sizes if size.frames == "all"},
        )

    def row(self, size: SizeConfig, sha256: str, frame: int) -> DerivedRow | None:
        """The row of one copy; `frame` counts among all frames, and is 0 where one alone is wanted."""
        if frame == 0:
            return self.first[size.px].get(sha256)
        return self.further[size.px].get((sha256, frame_digest(self.digests[size.px], frame)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is there and what is known beforehand: names by sha256, places of crops by pixels and sha256."""

    workspace: Workspace
    held: _Held
    names: Mapping[str, str]
    places: Mapping[int, Mapping[str, float]]


def _places(
    workspace: Workspace,
    recipe: Recipe,
    chosen: Sequence[ImageRow],
    held: _Held,
    *,
    progress: Progress,
) -> dict[int, Mapping[str, float]]:
    """By pixels and sha256, the places of crops that are not to be found in the picture alone."""
    found: dict[int, Mapping[str, float]] = {}
    for size in recipe.sizes:
        rows = held.first[size.px]
        if size.at == "focus":
            found[size.px] = cropping.focus_places(workspace, chosen)
        elif size.at == "faces":
            found[size.px] = cropping.face_places(workspace, chosen, progress=progress)
        elif size.at == "embedding":
            new = [image for image in chosen if image.sha256 not in rows]
            model = size.model or embed.first_model(recipe)
            found[size.px] = cropping.embedded_places(workspace, new, size, model, progress=progress)
    return found


def _job(store: Store, recipe: Recipe, plan: _Plan, image: ImageRow) -> SizingJob:
    targets = []
    count = frame_count(image.format, image.frames)
    for size in recipe.sizes:
        first, known = plan.held.row(size, image.sha256, 0), plan.places.get(size.px, {}).get(image.sha256)
        place = first.place if known is None and first is not None else known
        for at in range(count if size.frames == "all" else 1):
            row = plan.held.row(size, image.sha256, at)
            if row is not None and is_there(plan.workspace.root / row.path, row.bytes) and _is_same(row.place, known):
                continue
            frame = count // 2 if size.frames == "middle" else at
            targets.append(
                SizingTarget(
                    size=size,
                    path=row.path if row else sized_path(size, plan.names[image.sha256], at),
                    digest=frame_digest(plan.held.digests[size.px], at),
                    frame=frame,
                    noted=frame if count > 1 else None,
                    place=place,
                )
            )
    return SizingJob(
        store=store,
        longest=longest_of(recipe.sizes),
        sha256=image.sha256,
        original=image.path,
        targets=tuple(targets),
    )


def _is_same(place: float | None, known: float | None) -> bool:
    return known is None or place is None or abs(place - known) < _SAME


def _note(workspace: Workspace, recipe: Recipe, chosen: Sequence[ImageRow], detail: Mapping[str, Any]) -> None:
    """Keep what came of it, unless it is just what is known: that the same images still do not decode."""
    with open_ledger(workspace, write=True) as con:
        last = latest_stage(con, STAGE, recipe.name)
        if detail["files"] or last is None or last.detail.get("faults") != detail["faults"]:
            digest = digest_over(sorted(size_digests(recipe).items()))
            record_stage(con, STAGE, recipe.name, digest, digest_over([image.sha256 for image in chosen]), detail)
