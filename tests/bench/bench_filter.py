"""How well filters by meaning choose: by prompt, by learning from judgements, by cover; on drawings and on photographs.

`python tests/bench/bench_filter.py [--pictures N] [--seeds N] [--tasks N] [--points N] [--only PART]`. Drawings are
fresh ones that the demonstration model has not seen. With HARVEST_WEIGHTS=DIR (an open_clip folder, as for
`local-dir:`) and IMAGES=DIR the same on photographs whose file names hold the class, as `n01440764_tench_12.JPEG` or
`tench-12.jpg` do.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measuring import Row, report
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import average_precision_score
from sklearn.neighbors import NearestNeighbors

from harvest.demo.specimens import KINDS, OFF_TOPIC, TEST_SEEDS, draw, draw_off_topic
from harvest.embedders import DEMO_MODEL, load
from harvest.images.decode import decode_rgb
from harvest.processes import cores
from harvest.stages.filters import Asked, Judged
from harvest.stages.filters.clip import ClipFilter
from harvest.stages.filters.diverse import DiverseFilter
from harvest.stages.filters.learned import LearnedFilter
from harvest.stages.filters.outliers import OutliersFilter
from harvest.stages.spaces.cover import facility_location, k_centre
from harvest.stages.spaces.doubt import next_to_judge
from harvest.stages.spaces.solitude import kth_distances

FIRST = 70_000  # of TEST_SEEDS; no test draws from there
SIDE = 128
LONGEST = 1024  # pixels of a photograph's longer side, at least, when it is decoded
STEPS = (20, 50, 100)
AT_ONCE = 10  # judgements between two suggestions
ODD = 0.02
WIDER: Mapping[str, frozenset[str]] = {
    "shell": frozenset({"scallop", "whelk", "ammonite"}),
    "insect": frozenset({"moth", "beetle"}),
    "plant": frozenset({"leaf", "fern", "flower"}),
}
LEAST_OF_A_CLASS = 30
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
Picture = Callable[[], Image.Image]


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Images with their classes and vectors, in a space that knows words. `label` names it in the result."""

    label: str
    kinds: NDArray[np.str_]
    vectors: NDArray[np.float32]
    texts: Callable[[Sequence[str]], NDArray[np.float32]]

    @property
    def names(self) -> NDArray[np.str_]:
        return np.array([f"{at:064x}" for at in range(len(self.kinds))])

    def asked(self, rows: NDArray[np.int64] | None = None, said: Mapping[int, bool] | None = None) -> Asked:
        """What a filter is asked about some of the images, or all; `said` holds judgements by row."""
        rows = np.arange(len(self.kinds)) if rows is None else rows
        return Asked(
            sha256s=self.names[rows],
            vectors=self.vectors[rows],
            texts=self.texts,
            pictures=lambda _: self.vectors[:0],
            said={f"{row:064x}": verdict for row, verdict in (said or {}).items()},
            known=lambda names: {name: self.vectors[int(name, 16)] for name in names},
        )


def main() -> None:
    """All parts in one result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=4_000, help="drawings")
    parser.add_argument("--seeds", type=int, default=3, help="over which learning is repeated")
    parser.add_argument("--points", type=int, default=50_000, help="of which a few are chosen, for speed")
    parser.add_argument("--tasks", type=int, default=100, help="that are learned, of each gallery")
    parser.add_argument("--only", choices=("drawings", "photographs", "speed"))
    options = parser.parse_args()
    rows: list[Row] = []
    more: dict[str, object] = {}
    if options.only in {None, "drawings"}:
        gallery = drawings(options.pictures)
        words = {kind: kind.replace("_", " ") for kind in (*KINDS, *OFF_TOPIC)}
        found, more["drawings"] = quality(gallery, words, [*KINDS, *WIDER][: options.tasks], seeds=options.seeds)
        rows += [*found, *odd_ones(gallery, options.seeds)]
    if options.only in {None, "photographs"}:
        found, more["photographs"] = on_photographs(options.tasks, options.seeds)
        rows += found
    if options.only in {None, "speed"}:
        rows += speed(options.points)
    report("filter", rows, **more)


def drawings(count: int) -> Gallery:
    """Fresh drawings of all kinds, a tenth of them charts and pages, each through a JPEG as a crawl brings it home."""
    odd = max(1, count // 10 // len(OFF_TOPIC))
    each = max(1, (count - odd * len(OFF_TOPIC)) // len(KINDS))
    drawn = [(kind, at) for kind in KINDS for at in range(each)] + [
        (kind, at) for kind in OFF_TOPIC for at in range(odd)
    ]
    with ProcessPoolExecutor(cores()) as pool:
        bodies = list(pool.map(_drawn, *zip(*drawn, strict=True), chunksize=32))
    pictures = [lambda body=body: Image.open(io.BytesIO(body)).convert("RGB") for body in bodies]
    return embedded("drawings", DEMO_MODEL, [kind for kind, _ in drawn], pictures)


def _drawn(kind: str, number: int) -> bytes:
    body = io.BytesIO()
    (draw_off_topic if kind in OFF_TOPIC else draw)(kind, TEST_SEEDS[FIRST + number], SIDE).save(
        body, "JPEG", quality=88
    )
    return body.getvalue()


def embedded(label: str, model: str, kinds: Sequence[str], pictures: Sequence[Picture]) -> Gallery:
    """The pictures in the space of a model."""
    embedder = load(model)
    framed = (embedder.framing(picture()) for picture in pictures)
    vectors = []
    for start in range(0, len(pictures), 64):
        batch = np.stack([next(framed) for _ in range(min(64, len(pictures) - start))])
        vectors.append(embedder.images(batch))
    return Gallery(label=label, kinds=np.array(kinds), vectors=np.concatenate(vectors), texts=embedder.texts)  # type: ignore[attr-defined]


def quality(
    gallery: Gallery, words: Mapping[str, str], learned: Sequence[str], *, seeds: int
) -> tuple[list[Row], dict[str, object]]:
    """Rows and figures for one gallery: prompts, top k, learning, cover."""
    prompts = {kind: f"a photo of {'an' if word[0] in 'aeiou' else 'a'} {word}" for kind, word in words.items()}
    by_prompt = {kind: _by_prompt(gallery, prompts, kind) for kind in prompts}
    means = np.mean([list(figures.values()) for figures in by_prompt.values()], axis=0)
    chance = len(set(gallery.kinds.tolist())) ** -1
    rows = [
        Row.of(f"{gallery.label}: {name} by prompt, mean of {len(prompts)}", float(mean), "by chance", chance, "share")
        for name, mean in zip(("precision", "recall", "top-k precision"), means, strict=True)
    ]
    tasks = {name: np.isin(gallery.kinds, list(WIDER.get(name, [name]))) for name in learned}
    curves = {name: _curve(gallery, wanted, seeds) for name, wanted in tasks.items()}
    if not tasks:
        missing = f"skipped: no class has {LEAST_OF_A_CLASS} images"
        rows.append(Row(metric=f"{gallery.label}: learned", peer=missing))
    for at, judgements in enumerate(STEPS if tasks else ()):
        for metric in ("average precision", "F1"):
            ours, chosen_by_chance = (
                float(np.mean([curve[way][at][metric] for curve in curves.values()])) for way in ("in doubt", "random")
            )
            name = f"{gallery.label}: {metric} after {judgements} judgements, {len(tasks)} tasks, {seeds} seeds"
            rows.append(Row.of(name, ours, "as many at random", max(chosen_by_chance, 1e-3), "share"))
    return [*rows, *cover(gallery)], {"by_prompt": by_prompt, "learned": curves}


def _by_prompt(gallery: Gallery, prompts: Mapping[str, str], kind: str) -> dict[str, float]:
    """Precision and recall of a `clip` filter that rejects all other prompts, and of one that keeps the best k."""
    there = gallery.kinds == kind
    others = tuple(prompt for name, prompt in prompts.items() if name != kind)
    kept = ClipFilter(model="", keep=(prompts[kind],), reject=others).judge_all(gallery.asked()).keep
    best = ClipFilter(model="", keep=(prompts[kind],), top=int(there.sum())).judge_all(gallery.asked()).keep
    return {
        "precision": _share(there[kept]),
        "recall": _share(kept[there]),
        "top-k precision": _share(there[best]),
    }


def _curve(gallery: Gallery, wanted: NDArray[np.bool_], seeds: int) -> dict[str, list[dict[str, float]]]:
    """What the `learned` filter knows of unseen images after some judgements, those in doubt first or random ones."""
    found: dict[str, list[dict[str, float]]] = {}
    for way in ("in doubt", "random"):
        runs = [_run(gallery, wanted, way, np.random.default_rng(seed)) for seed in range(seeds)]
        found[way] = [
            {metric: round(float(np.mean([run[at][metric] for run in runs])), 4) for metric in runs[0][at]}
            for at in range(len(STEPS))
        ]
    return found


def _run(gallery: Gallery, wanted: NDArray[np.bool_], way: str, rng: np.random.Generator) -> list[dict[str, float]]:
    order = rng.permutation(len(wanted))
    unseen, pool = order[: len(order) // 3], order[len(order) // 3 :]
    judged: list[int] = pool[: STEPS[-1]].tolist() if way == "random" else []
    figures = []
    for step in STEPS:
        while len(judged) < step:
            left = np.setdiff1d(pool, judged)
            count = min(AT_ONCE, step - len(judged))
            picks = next_to_judge(gallery.vectors[left], gallery.vectors[judged], wanted[judged], count)
            judged += left[picks.rows].tolist()
        figures.append(_known(gallery, wanted, unseen, judged[:step]))
    return figures


def _known(
    gallery: Gallery, wanted: NDArray[np.bool_], unseen: NDArray[np.int64], judged: Sequence[int]
) -> dict[str, float]:
    filter_ = LearnedFilter(model="", min_judgements=4)
    verdicts: Judged = filter_.judge_all(gallery.asked(unseen, {row: bool(wanted[row]) for row in judged}))
    there = wanted[unseen]
    if np.isnan(verdicts.value).any():  # nothing learned: all are kept
        return {"average precision": _share(there), "F1": _f1(there, verdicts.keep)}
    return {
        "average precision": float(average_precision_score(there, verdicts.value)),
        "F1": _f1(there, verdicts.keep),
    }


def cover(gallery: Gallery) -> list[Row]:
    """How near all images are to the chosen ones, against as many at random (mean of five)."""
    n = len(gallery.kinds)
    count = min(500, n // 5)
    rng = np.random.default_rng(0)
    chance = [_distances(gallery, rng.permutation(n)[:count]) for _ in range(5)]
    rows = []
    for how, name, of in (("facility-location", "mean", np.mean), ("k-centre", "largest", np.max)):
        kept = DiverseFilter(model="", count=count, how=how).judge_all(gallery.asked()).keep
        ours, theirs = float(of(_distances(gallery, np.flatnonzero(kept)))), float(np.mean([of(one) for one in chance]))
        metric = f"{gallery.label}: {name} distance to the nearest of {count} of {n}, {how}"
        rows.append(Row.of(metric, max(ours, 1e-6), "random ones", theirs, "1 - cosine", less_is_better=True))
    return rows


def _distances(gallery: Gallery, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    return 1 - (gallery.vectors @ gallery.vectors[chosen].T).max(axis=1)


def odd_ones(gallery: Gallery, seeds: int) -> list[Row]:
    """Charts and pages among specimens, two in a hundred: how many of them are the most alone."""
    specimens, odd = (np.flatnonzero(np.isin(gallery.kinds, kinds)) for kinds in (KINDS, list(OFF_TOPIC)))
    found = []
    for seed in range(seeds):
        few = np.random.default_rng(seed).permutation(odd)[: max(1, round(ODD * len(specimens)))]
        rows = np.concatenate([specimens, few])
        kept = OutliersFilter(model="", neighbours=20, share=ODD).judge_all(gallery.asked(rows)).keep
        found.append(_share(~kept[len(specimens) :]))
    name = f"{gallery.label}: charts and pages (2 %) among the 2 % most alone"
    return [Row.of(name, float(np.mean(found)), "by chance", ODD, "share")]


def on_photographs(tasks: int, seeds: int) -> tuple[list[Row], dict[str, object]]:
    """The same with real weights and photographs, where both are given; otherwise a row that says what is missing."""
    weights, folder = os.environ.get("HARVEST_WEIGHTS"), os.environ.get("IMAGES")
    if not weights or not folder:
        missing = " and ".join(
            words
            for value, words in ((weights, "HARVEST_WEIGHTS=DIR (an open_clip folder)"), (folder, "IMAGES=DIR"))
            if not value
        )
        return [Row(metric="photographs", peer=f"skipped: {missing} is not given")], {}
    files = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES)
    kinds = [class_of(path) for path in files]
    pictures = [lambda path=path: decode_rgb(path, longest=LONGEST) for path in files]
    gallery = embedded("photographs", f"local-dir:{Path(weights).resolve()}", kinds, pictures)
    counts = Counter(kinds)
    common = [kind for kind, count in counts.most_common(10) if count >= LEAST_OF_A_CLASS][:tasks]
    words = {kind: kind.replace("_", " ").lower() for kind in sorted(counts)}
    return quality(gallery, words, common, seeds=seeds)


def class_of(path: Path) -> str:
    """The class that a file's name holds: without a WordNet id before it and a number after it."""
    return re.sub(r"[-_ ]*\d*$", "", re.sub(r"^n\d{8}_", "", path.stem)) or path.parent.name


def speed(points: int) -> list[Row]:
    """Seconds to choose 500 of many, and to find how alone each is, against scikit-learn's exact neighbours."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(700, 512))[rng.integers(0, 700, points)] + 0.9 * rng.normal(size=(points, 512)) + 1
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    rows = []
    for name, way in (("k-centre", k_centre), ("facility location", facility_location)):
        spent = _seconds(lambda way=way: way(vectors, 500))
        metric = f"500 of {points:,} by {name}, 512 dimensions"
        rows.append(Row.of(metric, spent, "a minute", 60.0, "s", goal=1.0, less_is_better=True))
    ours = _seconds(lambda: kth_distances(vectors, 10))
    some = vectors[: max(1, points // 10)]
    peer = NearestNeighbors(n_neighbors=11, algorithm="brute", metric="cosine").fit(vectors)
    theirs = _seconds(lambda: peer.kneighbors(some)) * len(vectors) / len(some)
    name = f"distance to the 10th neighbour of {points:,}"
    rows.append(Row.of(name, ours, "scikit-learn brute (a tenth, x 10)", theirs, "s", less_is_better=True))
    return rows


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _f1(there: NDArray[np.bool_], kept: NDArray[np.bool_]) -> float:
    return 2 * float((there & kept).sum()) / max(1, int(there.sum() + kept.sum()))


if __name__ == "__main__":
    main()
