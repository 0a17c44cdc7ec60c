"""From fingerprints to groups: what the recipe's methods propose, looked at, and what people said of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harvest.config.dedupe import DedupeConfig
from harvest.images.fingerprint import PHASH_VERSION
from harvest.ledger import ReviewRow
from harvest.progress import Progress
from harvest.stages.dedupe.confirm import Witness
from harvest.stages.dedupe.fingerprints import prints_of
from harvest.stages.dedupe.groups import Layer, groups_of
from harvest.stages.dedupe.keeper import Ranking, rank
from harvest.stages.dedupe.meaning import embedding_layer
from harvest.stages.dedupe.neighbours import Hashes, same_size_neighbours, turned_layer
from harvest.stages.dedupe.pairs import words_of
from harvest.stages.dedupe.pictures import Pictures
from harvest.workspace import Workspace

__all__ = ["PIXEL_RADIUS", "Found", "Reviewed", "search"]

#: Bits by which hashes of the same pixels from two containers may differ.
PIXEL_RADIUS = 8
_TURNS = {"flips": 4, "all": 8}
_LEAST = 100  # copies of a group that each further one is laid over where the recipe wants all to be copies of all


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What people said, by number: of one image and of pairs."""

    single: dict[int, ReviewRow]
    apart: dict[tuple[int, int], ReviewRow]
    together: dict[tuple[int, int], ReviewRow]

    @classmethod
    def of(cls, pictures: Pictures, rows: Sequence[ReviewRow]) -> Reviewed:
        """The reviews of images that are here; a pair's better half may be either."""
        single: dict[int, ReviewRow] = {}
        pairs: dict[str, dict[tuple[int, int], ReviewRow]] = {"apart": {}, "together": {}}
        for row in rows:
            one, other = pictures.number(row.sha256), pictures.number(row.other) if row.other else None
            if one is None or (row.other and other is None):
                continue
            if other is None:
                single[one] = row
            else:
                pairs[row.verdict][one, other] = row
        return cls(single=single, apart=pairs["apart"], together=pairs["together"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`kept_for` (n,) is the picture that each group is bound to, and `layers` say how far each is from it.

    `counts` say what it cost: images whose bytes were read, pairs of pictures laid over each other, values compared.
    """

    kept_for: NDArray[np.int64] = field(repr=False)
    layers: tuple[Layer, ...]
    ranking: Ranking
    counts: dict[str, int]


def search(
    workspace: Workspace, config: DedupeConfig, pictures: Pictures, reviewed: Reviewed, progress: Progress
) -> Found:
    """Group all pictures. Nothing that the ledger remembers is fingerprinted, compared or looked at again."""
    layers, counts = _proposed(workspace, config, pictures, progress)
    quality = np.zeros(len(pictures))
    if "compression" in config.keep:
        named = np.array([number for pair in reviewed.together for number in pair], np.int64)
        prints = prints_of(workspace, pictures, "encoder", np.union1d(_candidates(layers), named), progress)
        quality = np.nan_to_num(prints.quality)
        counts["read"] += prints.made
    ranking = rank(config, pictures, quality)
    witness = Witness(workspace, pictures, config.dihedral, progress)
    witness.remember()
    kept_for, layers = _grouped(config, layers, ranking, witness, reviewed)
    counts |= {"read": counts["read"] + witness.read, "looked": witness.looked}
    return Found(kept_for=kept_for, layers=tuple(layers), ranking=ranking, counts=counts)


def _proposed(
    workspace: Workspace, config: DedupeConfig, pictures: Pictures, progress: Progress
) -> tuple[list[Layer], dict[str, int]]:
    """The layers of all methods, what proves before what only proposes."""
    layers: list[Layer] = []
    counts = {"read": 0, "compared": 0}
    if config.near is not None or config.pixels:
        layers, counts = _by_hashes(workspace, config, pictures, progress)
    if config.embedding is not None and len(pictures):
        layer, cost = embedding_layer(workspace, config, pictures, progress)
        layers.append(layer)
        counts = {name: counts[name] + cost[name] for name in counts}
    return layers, counts


def _by_hashes(
    workspace: Workspace, config: DedupeConfig, pictures: Pictures, progress: Progress
) -> tuple[list[Layer], dict[str, int]]:
    layers: list[Layer] = []
    counts = {"read": 0, "compared": 0}
    near = config.near
    phash, counts["read"] = _hashes(workspace, pictures, progress)
    radius = max(near.max_distance if near else 0, PIXEL_RADIUS if config.pixels else 0)
    found = phash.near(workspace, radius)
    counts["compared"] = phash.compared
    if config.pixels:
        prints = prints_of(workspace, pictures, "pixels", same_size_neighbours(pictures, phash.label, found), progress)
        counts["read"] += prints.made
        present = prints.value != ""
        label = np.full(len(pictures), -1, np.int32)
        label[present] = np.unique(prints.value[present], return_inverse=True)[1]
        layers.append(_unconnected("pixels", label))
    if near is not None and config.dihedral == "none":
        close = found.distance <= near.max_distance
        words = {"kind": "near", "method": near.method, "threshold": float(near.max_distance)}
        layers.append(
            Layer.of_pairs(phash.label, found.first[close], found.second[close], found.distance[close], **words)
        )
    if near is not None and config.dihedral != "none":
        prints = prints_of(workspace, pictures, "dihedral", np.arange(len(pictures)), progress)
        counts["read"] += prints.made
        words = {"kind": "near", "method": near.method, "threshold": float(near.max_distance)}
        layers.append(turned_layer(prints.value, _TURNS[config.dihedral], near.max_distance, **words))
    return layers, counts


def _hashes(workspace: Workspace, pictures: Pictures, progress: Progress) -> tuple[Hashes, int]:
    """The hash of each image in the version of this program, and how many images had to be read for it."""
    hashes = pictures.column("phash").astype(np.uint64)
    present = pictures.column("phash_version") == PHASH_VERSION
    others = np.flatnonzero(~present)
    if not len(others):
        return Hashes(hashes, present), 0
    prints = prints_of(workspace, pictures, "phash", others, progress)
    made = others[prints.value[others] != ""]
    hashes[made] = words_of(prints.value[made].tolist())[:, 0]
    present[made] = True
    return Hashes(hashes, present), prints.made


def _unconnected(kind: str, label: NDArray[np.int32]) -> Layer:
    """Classes that are near no other, and whose pictures are copies without being looked at."""
    none = np.empty(0, np.int64)
    return Layer.of_pairs(label, none, none, none, kind=kind, method=kind, threshold=0.0, is_proof=True)


def _candidates(layers: Sequence[Layer]) -> NDArray[np.int64]:
    """The pictures that some layer puts beside another one."""
    found = [np.empty(0, np.int64)]
    for layer in layers:
        here = np.flatnonzero(layer.label >= 0)
        label = layer.label[here]
        crowded = np.bincount(label, minlength=len(layer.begin) - 1) > 1
        found.append(here[crowded[label] | (np.diff(layer.begin) > 0)[label]])
    return np.unique(np.concatenate(found))


def _grouped(
    config: DedupeConfig, layers: list[Layer], ranking: Ranking, witness: Witness, reviewed: Reviewed
) -> tuple[NDArray[np.int64], list[Layer]]:
    """Groups in which nobody's word is broken, found again with what it says until none is."""
    proofs = witness.proofs
    for pairs, alike in ((reviewed.apart, False), (reviewed.together, True)):
        proofs.tell([one for one, _ in pairs], [other for _, other in pairs], alike=alike)
    bound = list(reviewed.together)
    while True:
        all_layers = [*layers, _told(bound, len(ranking.order))] if bound else layers
        kept_for = groups_of(all_layers, ranking.order, proofs, witness.ask)
        joined = _joined(kept_for, ranking, witness, list(reviewed.together))
        torn = _torn(kept_for, ranking, list(reviewed.apart))
        if config.cut == "complete" and not joined and not torn:
            torn = _incomplete(kept_for, ranking, witness)
        if not joined and not torn:
            return kept_for, all_layers
        bound += joined
        proofs.tell([one for one, _ in joined], [other for _, other in joined], alike=True)
        proofs.tell([one for one, _ in torn], [other for _, other in torn], alike=False)


def _told(pairs: Sequence[tuple[int, int]], count: int) -> Layer:
    """The layer of pairs that people put together."""
    one, other = (np.array(each, np.int64) for each in zip(*pairs, strict=True))
    numbers, label = np.unique(np.concatenate([one, other])), np.full(count, -1, np.int32)
    label[numbers] = np.arange(len(numbers))
    words = {"kind": "review", "method": "review", "threshold": 0.0}
    return Layer.of_pairs(label, label[one], label[other], np.zeros(len(one)), **words)


def _joined(
    kept_for: NDArray[np.int64], ranking: Ranking, witness: Witness, together: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Whom to bind to the better of two kept pictures, so that a pair which belongs together ends in one group."""
    found: list[tuple[int, int]] = []
    for pair in together:
        better, worse = sorted(pair, key=lambda number: int(ranking.place[kept_for[number]]))
        keeper = int(kept_for[better])
        if kept_for[worse] == keeper:
            continue
        moving = np.flatnonzero(kept_for == worse).tolist() if kept_for[worse] == worse else [worse]
        found += [(keeper, number) for number in moving if not witness.proofs.is_told(keeper, number)]
    return found


def _torn(kept_for: NDArray[np.int64], ranking: Ranking, apart: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Whom to take from a kept picture, so that no two of a group are those that somebody told apart."""
    return [
        (int(kept_for[one]), max(one, other, key=lambda number: int(ranking.place[number])))
        for one, other in apart
        if kept_for[one] == kept_for[other]
    ]


def _incomplete(kept_for: NDArray[np.int64], ranking: Ranking, witness: Witness) -> list[tuple[int, int]]:
    """Whom to take from a kept picture, so that all of a group are copies of all.

    The better copies stay; each is laid over the first hundred that do.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for number in ranking.order[kept_for[ranking.order] != ranking.order].tolist():
        groups[int(kept_for[number])].append(number)
    while True:
        torn: list[tuple[int, int]] = []
        unknown: list[tuple[int, int]] = []
        for keeper, members in groups.items():
            stay: list[int] = []
            for number in members:
                before = np.array(stay[:_LEAST], np.int64)
                known = witness.proofs.of(before, np.full(len(before), number))
                if (known == 0).any():
                    torn.append((keeper, number))
                    continue
                unknown += [(other, number) for other in before[known < 0].tolist()]
                stay.append(number)
        if not unknown:
            return torn
        pairs = np.array(unknown)
        witness.ask(pairs.min(axis=1), pairs.max(axis=1))
