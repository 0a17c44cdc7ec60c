"""The split of a recipe in numbers and pictures: shares, labels, parts, and what is near across its borders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harvest.errors import CheckFailed
from harvest.ledger import CatalogueRow, Connection, catalogued, latest_stage, open_ledger
from harvest.progress import Progress
from harvest.review.splits_near import Baseline, Pair, baseline, by_hashes, by_vectors, tiny_pictures
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["LabelCount", "LargePart", "SplitReport", "split_report"]

_HELD = 2_000  # images held out that are compared, those whose sha256 comes first
_LEARNED = 20_000  # images learned from that are made tiny
_PAIRS = 24
_PARTS = 12
_LABELS = 40

_ROWS = "SELECT sha256, split, part, label FROM splits WHERE name = ? ORDER BY sha256"
_HASHES = """
    SELECT sha256, phash FROM images SEMI JOIN (FROM splits WHERE name = $name) USING (sha256)
    WHERE phash_version = (SELECT mode(phash_version) FROM images) ORDER BY sha256"""
# A small copy is read sooner than the original.
_PATHS = """
    SELECT sha256, coalesce((SELECT arg_min(d.path, d.size) FROM derived d WHERE d.sha256 = i.sha256 AND d.size >= 64),
                            i.path) AS path
    FROM images_here i WHERE sha256 IN (SELECT unnest(?)) ORDER BY sha256"""
_LARGEST = """
    SELECT part, any_value(split) AS split, count(*) AS images,
           list(DISTINCT creator ORDER BY creator) FILTER (creator IS NOT NULL) AS creators,
           list(DISTINCT source ORDER BY source) FILTER (source IS NOT NULL) AS sources, min(path) AS path
    FROM splits JOIN catalogue USING (sha256) WHERE name = ? GROUP BY part ORDER BY count(*) DESC, part LIMIT ?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCount:
    """How many images of a label are in each split."""

    label: str
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """In all of them."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class LargePart:
    """Images that stay together, one of which lies at `path`; `creators` and `sources` are theirs."""

    part: str
    split: str
    images: int
    creators: tuple[str, ...]
    sources: tuple[str, ...]
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitReport:
    """The newest split of a recipe. `seen` has what is known of every image in a pair; `compared` is how many of those
    held out were looked at, and `model` embedded them. `imbalance` is the mean over splits of half the differences
    between the shares of labels there and everywhere.
    """

    name: str
    made_at: datetime
    split_at: str
    asked: Mapping[str, float]
    counts: Mapping[str, int]
    parts: int
    joined: int
    moved: Mapping[str, int]
    labels: tuple[LabelCount, ...]
    unlabelled: int
    imbalance: float
    largest: tuple[LargePart, ...]
    model: str | None
    compared: int
    near_vectors: tuple[Pair, ...]
    near_hashes: tuple[Pair, ...]
    baseline: Baseline | None
    seen: Mapping[str, CatalogueRow]
    placed: Mapping[str, str]

    @property
    def images(self) -> int:
        """All that are in the split."""
        return sum(self.counts.values())


def split_report(
    workspace: Workspace, name: str, *, model: str | None, labels: Mapping[str, Sequence[str]], progress: Progress
) -> SplitReport:
    """What there is to say of the split in force of the recipe called `name`.

    `model` (name@digest) is that whose vectors tell what is alike, `labels` are those that it was balanced by, by
    sha256. Raises CheckFailed when nothing was split yet.
    """
    with open_ledger(workspace) as con:
        stage = latest_stage(con, "split", name)
        if stage is None:
            raise CheckFailed(f"nothing was split for the recipe {name!r} yet; `harvest split` does it")
        rows = con.execute(_ROWS, [name]).fetchall()
        placed = {sha256: split for sha256, split, *_ in rows}
        learned = [sha256 for sha256, split in placed.items() if split == "train"]
        held = [sha256 for sha256, split in placed.items() if split != "train"][:_HELD]
        near = by_vectors(con, model, held, frozenset(learned)) if model else []
        hashes = dict(con.execute(_HASHES, {"name": name}).fetchall())
        hashed = ([sha256 for sha256 in names if sha256 in hashes] for names in (held, learned))
        alike = by_hashes(hashes, *hashed)
        part = "test" if "test" in placed.values() else "validation"
        asked = [sha256 for sha256, split in placed.items() if split == part and labels.get(sha256)][:_HELD]
        known = [sha256 for sha256 in learned if labels.get(sha256)][:_LEARNED]
        paths = dict(con.execute(_PATHS, [asked + known]).fetchall())
        shown = {sha256 for pair in [*near[:_PAIRS], *alike[:_PAIRS]] for sha256 in (pair.held, pair.learned)}
        seen = catalogued(con, shown)
        largest = _largest(con, name)
    pictures = tiny_pictures(Store(workspace.root), paths, progress)
    balance = _balance(placed, labels)
    return SplitReport(
        name=name,
        made_at=datetime.now(UTC),
        split_at=stage.finished_at,
        asked=stage.detail["asked"],
        counts={split: list(placed.values()).count(split) for split in stage.detail["asked"]},
        parts=len({part for *_, part, _ in rows}),
        joined=int(stage.detail["joined"]),
        moved=stage.detail["moved"],
        labels=tuple(balance[:_LABELS]),
        unlabelled=sum(not labels.get(sha256) for sha256 in placed),
        imbalance=_imbalance(balance),
        largest=largest,
        model=model,
        compared=len(held),
        near_vectors=tuple(near[:_PAIRS]),
        near_hashes=tuple(alike[:_PAIRS]),
        baseline=baseline(part, pictures, labels, asked, known),
        seen=seen,
        placed={sha256: placed[sha256] for sha256 in shown},
    )


def _balance(placed: Mapping[str, str], labels: Mapping[str, Sequence[str]]) -> list[LabelCount]:
    """All labels, the commonest first."""
    counts: dict[str, Counter[str]] = {}
    for sha256, split in placed.items():
        for label in labels.get(sha256, ()):
            counts.setdefault(label, Counter())[split] += 1
    found = [LabelCount(label=label, counts=dict(count)) for label, count in counts.items()]
    return sorted(found, key=lambda each: (-each.total, each.label))


def _imbalance(balance: Sequence[LabelCount]) -> float:
    total = sum(each.total for each in balance)
    held = Counter[str]()
    for each in balance:
        held.update(each.counts)
    far = [
        sum(abs(each.counts.get(split, 0) / count - each.total / total) for each in balance) / 2
        for split, count in held.items()
    ]
    return sum(far) / len(far) if far else 0.0


def _largest(con: Connection, name: str) -> tuple[LargePart, ...]:
    rows: list[tuple[Any, ...]] = con.execute(_LARGEST, [name, _PARTS]).fetchall()
    return tuple(
        LargePart(
            part=part,
            split=split,
            images=images,
            creators=tuple(creators or ()),
            sources=tuple(sources or ()),
            path=path,
        )
        for part, split, images, creators, sources, path in rows
        if images > 1
    )
