"""Near-duplicates: groups of copies, the best of each kept, and a decision for every image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from harvest.config.recipe import DedupeConfig, Recipe, params_digest
from harvest.errors import Broken
from harvest.images.decode import decode_rgb
from harvest.ledger import (
    Connection,
    decided,
    images,
    latest_stage,
    open_ledger,
    provenance,
    write_decisions,
    write_duplicates,
)
from harvest.ledger.rows import DecisionRow, DuplicateRow, ImageRow, SightingRow
from harvest.processes import batches, in_processes
from harvest.progress import Progress
from harvest.stages.dedupe.groups import Group, group
from harvest.stages.dedupe.likeness import LIKENESS, THUMB_SIDE, likeness, thumbnail
from harvest.stages.dedupe.pairs import near_pairs
from harvest.stages.report import StageReport
from harvest.stages.work import digest_over
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["STAGE", "Copy", "dedupe_digest", "rank_key", "run_dedupe"]

STAGE = "dedupe"
VERSION = 1
_BATCH = 5_000
_LATEST = "9999"


def run_dedupe(workspace: Workspace, recipe: Recipe, *, progress: Progress) -> StageReport:
    """Group near-duplicates among all images of the ledger and decide which copy of each group stays.

    Two images are copies when their hashes are at most `near.max_distance` bits apart and their thumbnails correlate by
    at least LIKENESS. A new image can be a better copy than one that was kept, so the decisions stand under a digest
    that covers the whole set, and any change of the set makes them anew. Exact copies share their bytes and with them
    their row: they are one image here.
    """
    with open_ledger(workspace) as con:
        everything = images(con)
        origins = provenance(con)
        last = latest_stage(con, STAGE, recipe.name)
    facts = [Copy(image=image, origin=origins.get(image.sha256)) for image in everything]
    inputs = digest_over(copy.facts() for copy in facts)
    digest = _digest(recipe.dedupe, inputs)
    if last is not None and last.recipe_digest == digest:
        return _report(last.detail, done=0, skipped=len(facts))
    ranked = sorted(range(len(facts)), key=lambda number: rank_key(recipe.dedupe, facts[number]))
    groups = _groups(workspace, recipe.dedupe, facts, ranked, progress)
    decisions = list(_decisions(recipe.dedupe, digest, facts, groups))
    with open_ledger(workspace) as con:
        known = decided(con, STAGE, digest)
    for batch in batches((row for row in decisions if row.sha256 not in known), _BATCH, seconds=60):
        with open_ledger(workspace, write=True) as con:
            write_decisions(con, batch)
    dropped = sum(len(found.others) for found in groups)
    detail = {"images": len(facts), "groups": len(groups), "dropped": dropped}
    with open_ledger(workspace, write=True) as con:
        write_duplicates(
            con,
            name=recipe.name,
            recipe_digest=digest,
            input_digest=inputs,
            rows=_rows(recipe.dedupe, facts, groups),
            detail=detail,
        )
    return _report(detail, done=len(facts), skipped=0)


def dedupe_digest(con: Connection, recipe: Recipe) -> str:
    """The digest of the decisions in force: those made for the newest set that was deduplicated by this recipe.

    Images that came in since have no decision under it. Before the first run no decision has it.
    """
    last = latest_stage(con, STAGE, recipe.name)
    return _digest(recipe.dedupe, last.input_digest if last else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """All that the choice of the best copy looks at."""

    image: ImageRow
    origin: SightingRow | None

    @property
    def date(self) -> str:
        """When the work is known to be from, as the source says; never when we met it, which differs between crawls."""
        if self.origin is None:
            return _LATEST
        return self.origin.published_at or self.origin.taken_at or self.origin.captured_at or _LATEST

    @property
    def unknowns(self) -> tuple[bool, bool]:
        """Whether the licence is unknown, and whether the creator is."""
        origin = self.origin
        return (origin is None or origin.license is None, origin is None or origin.creator is None)

    def facts(self) -> tuple[object, ...]:
        """What the groups and the choice depend on beside the bytes themselves."""
        return (self.image.sha256, self.image.phash, self.image.phash_version, *self.unknowns, self.date)


def rank_key(config: DedupeConfig, copy: Copy) -> tuple[object, ...]:
    """Sorts the best copy first: pixels, bytes, licence known, creator known, earliest, then sha256 to be certain.

    With `keep: earliest` the date comes first.
    """
    image = copy.image
    quality = (-image.width * image.height, -image.bytes, *copy.unknowns)
    return (copy.date, *quality, image.sha256) if config.keep == "earliest" else (*quality, copy.date, image.sha256)


def _digest(config: DedupeConfig, inputs: str) -> str:
    return params_digest(STAGE, VERSION, {**asdict(config), "likeness": LIKENESS, "inputs": inputs})


def _groups(
    workspace: Workspace, config: DedupeConfig, facts: Sequence[Copy], ranked: Sequence[int], progress: Progress
) -> list[Group]:
    if config.near is None or not facts:
        return []
    candidates: list[tuple[int, int, int]] = []
    for version in sorted({copy.image.phash_version for copy in facts}):
        numbers = [number for number, copy in enumerate(facts) if copy.image.phash_version == version]
        hashes = np.array([facts[number].image.phash for number in numbers], dtype=np.uint64)
        pairs = near_pairs(hashes, config.near.max_distance)
        candidates += [(numbers[i], numbers[j], distance) for i, j, distance in pairs.tolist()]
    thumbs = _thumbs(workspace, facts, sorted({number for pair in candidates for number in pair[:2]}), progress)
    copies = [pair for pair in candidates if _same(thumbs.get(pair[0]), thumbs.get(pair[1]))]
    return group(copies, ranked)


def _same(one: NDArray[np.uint8] | None, other: NDArray[np.uint8] | None) -> bool:
    return one is not None and other is not None and likeness(one, other) >= LIKENESS


def _thumbs(
    workspace: Workspace, facts: Sequence[Copy], numbers: Sequence[int], progress: Progress
) -> Mapping[int, NDArray[np.uint8]]:
    """Thumbnails by number; an image that no longer decodes has none and is no copy of anything."""
    thumbs: dict[int, NDArray[np.uint8]] = {}
    with progress.start("compare near copies", len(numbers)) as task:
        store = Store(workspace.root)
        originals = [(store, facts[number].image.path) for number in numbers]
        for number, thumb in zip(numbers, in_processes(_thumb, originals), strict=True):
            if thumb is not None:
                thumbs[number] = thumb
            task.advance()
    return thumbs


def _thumb(original: tuple[Store, str]) -> NDArray[np.uint8] | None:
    store, path = original
    try:
        return thumbnail(decode_rgb(store.local(path), longest=THUMB_SIDE))
    except (Broken, OSError):
        return None


def _decisions(
    config: DedupeConfig, digest: str, facts: Sequence[Copy], groups: Sequence[Group]
) -> Iterator[DecisionRow]:
    threshold = float(config.near.max_distance) if config.near else None
    verdicts: dict[int, tuple[str, str, float | None]] = {}
    for found in groups:
        keeper = facts[found.keeper].image
        verdicts[found.keeper] = ("keep", f"best of {len(found.others) + 1} copies", 0.0)
        for number, distance in found.others:
            why = _why(config, facts[found.keeper], facts[number])
            reason = f"near duplicate of {keeper.sha256[:12]} at {distance} bits; kept the {why} copy"
            verdicts[number] = ("drop", reason, float(distance))
    for number, copy in enumerate(facts):
        verdict, reason, value = verdicts.get(number, ("keep", "no copy of another image", None))
        yield DecisionRow(
            sha256=copy.image.sha256,
            stage=STAGE,
            recipe_digest=digest,
            verdict=verdict,
            reason=reason,
            value=value,
            threshold=threshold,
            decided_by=f"{STAGE}/{VERSION}",
        )


def _why(config: DedupeConfig, keeper: Copy, other: Copy) -> str:
    """The first property in the order of `rank_key` in which the keeper is better, in a word."""
    words = ("larger", "heavier", "better licensed", "better credited", "earlier", "first in order")
    if config.keep == "earliest":
        words = ("earlier", *words[:4], words[5])
    pairs = zip(words, rank_key(config, keeper), rank_key(config, other), strict=True)
    return next(word for word, ours, theirs in pairs if ours != theirs)


def _rows(config: DedupeConfig, facts: Sequence[Copy], groups: Sequence[Group]) -> list[DuplicateRow]:
    assert config.near is not None or not groups
    threshold = config.near.max_distance if config.near else 0
    rows: list[DuplicateRow] = []
    for found in groups:
        keeper = facts[found.keeper].image.sha256
        for number, distance in ((found.keeper, 0), *found.others):
            rows.append(
                DuplicateRow(
                    group_id=f"near-{keeper[:16]}",
                    sha256=facts[number].image.sha256,
                    keeper=number == found.keeper,
                    kind="near",
                    distance=distance,
                    threshold=threshold,
                    method=config.near.method if config.near else "",
                )
            )
    return rows


def _report(detail: Mapping[str, object], *, done: int, skipped: int) -> StageReport:
    dropped = int(str(detail["dropped"]))
    total = int(str(detail["images"]))
    return StageReport(
        stage=STAGE, done=done, skipped=skipped, kept=total - dropped, dropped=dropped, detail=dict(detail)
    )
