"""Which altered pictures each method finds again among many others, and what it takes for copies that are none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import imagehash
import numpy as np
from alterations import ALTERATIONS
from measuring import ROOT
from numpy.typing import NDArray
from PIL import Image

from harvest.images.decode import decode_rgb
from harvest.images.fingerprint import fingerprint
from harvest.processes import in_processes
from harvest.stages.dedupe.alignment import DIHEDRAL
from harvest.stages.dedupe.digest import LIKENESS
from harvest.stages.dedupe.embedding import LEAST_SIMILARITY, NEIGHBOURS, structure, turned
from harvest.stages.dedupe.register import SIDE, Portrait, likeness, portrait

__all__ = ["PRECISION", "Gallery", "Method", "customary", "imagededup", "imagehash_method", "ours", "prepare"]

PRECISION = 0.999
RADIUS = 8
_PEER = ROOT / ".peers" / "imagededup" / "bin" / "python"
_ENCODE = """
import json, sys
from imagededup.methods import {method}
encodings = {method}(verbose=False).encode_images(image_dir=sys.argv[1], recursive=True)
print(json.dumps({{name: str(code) if isinstance(code, str) else code.tolist() for name, code in encodings.items()}}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Files by place: `base` are the pictures and what only looks like them, `altered[name][i]` comes from base[i]."""

    folder: Path
    base: tuple[Path, ...]
    altered: dict[str, tuple[Path, ...]]

    @property
    def files(self) -> list[Path]:
        """All files, those of the base first."""
        return [*self.base, *(path for paths in self.altered.values() for path in paths)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What a method found: recall by alteration, and the share of pairs that it took for copies and that are."""

    name: str
    recall: dict[str, float]
    precision: float
    wrong: int = field(default=0)

    def over(self, names: Sequence[str]) -> float:
        """Mean recall of some alterations."""
        return float(np.mean([self.recall[name] for name in names]))


def prepare(folder: Path, pictures: Sequence[Image.Image], others: Sequence[Image.Image]) -> Gallery:
    """Write every picture, every other one and every alteration of every picture as files."""
    (folder / "base").mkdir(parents=True)
    base = [
        _saved(picture, folder / "base" / f"{number:05}.jpg") for number, picture in enumerate([*pictures, *others])
    ]
    jobs = [(base[number], number, folder) for number in range(len(pictures))]
    rows = list(in_processes(_alter, jobs))
    altered = {name: tuple(row[column] for row in rows) for column, name in enumerate(ALTERATIONS)}
    return Gallery(folder=folder, base=tuple(base), altered=altered)


def ours(gallery: Gallery) -> list[Method]:
    """Hashes, hashes looked at, vectors looked at, and both together, mirrored ones allowed where pixels decide."""
    seen = list(in_processes(_seen, gallery.files))
    hashes = np.array([each[0] for each in seen], np.uint64)
    portraits = [each[1] for each in seen]
    vectors = np.stack([structure(each) for each in portraits])
    count = len(gallery.base)
    by_hash, by_vector = set(), set()
    for rows in _queries(gallery):
        near = np.bitwise_count(hashes[rows, None] ^ hashes[None, :count]) <= RADIUS
        by_hash |= _pairs(rows, near)
        similarity = np.max([turned(vectors[rows], turn) @ vectors[:count].T for turn in DIHEDRAL["flips"]], axis=0)
        similarity[rows[:, None] == np.arange(count)] = -1
        least = np.sort(similarity, axis=1)[:, -min(NEIGHBOURS, count)][:, None]
        by_vector |= _pairs(rows, (similarity >= max(0.0, LEAST_SIMILARITY)) & (similarity >= least))
    jobs = sorted(by_hash | by_vector)
    answers = in_processes(_is_copy, [(portraits[one], portraits[other]) for one, other in jobs])
    copies = {pair for pair, answer in zip(jobs, answers, strict=True) if answer}
    return [
        _method("phash within 8", gallery, by_hash),
        _method("phash within 8, registered", gallery, by_hash & copies),
        _method("structure, registered", gallery, by_vector & copies),
        _method("all together", gallery, copies),
    ]


def imagehash_method(gallery: Gallery) -> list[Method]:
    """A loop of imagehash.phash, at 8 bits and at the widest radius that keeps the precision."""
    hashes = np.array(list(in_processes(_imagehash, gallery.files)), np.uint64)
    return _hash_methods("imagehash.phash", gallery, hashes, customary_radius=RADIUS)


def imagededup(gallery: Gallery) -> tuple[list[Method], str]:
    """imagededup's phash likewise, and why its CNN is not among them; nothing and the reason where it is not here."""
    if not _PEER.exists():
        return [], "imagededup cannot be installed"
    answer = _encoded("PHash", gallery)
    if isinstance(answer, str):
        return [], answer
    hashes = np.array([int(answer[str(path.relative_to(gallery.folder))], 16) for path in gallery.files], np.uint64)
    found = _hash_methods("imagededup phash", gallery, hashes, customary_radius=10)
    answer = _encoded("CNN", gallery)
    if isinstance(answer, str):
        return found, answer
    vectors = np.array([np.ravel(answer[str(path.relative_to(gallery.folder))]) for path in gallery.files], np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def far(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(1 - vectors[rows] @ vectors[: len(gallery.base)].T, np.float64)

    return [*found, *_at_thresholds("imagededup CNN", gallery, far, np.linspace(0, 0.5, 101), 0.1)], ""


def customary(methods: Sequence[Method], name: str) -> Method | None:
    """The method whose name begins so and that keeps the precision, None when none of them is there."""
    return next((method for method in methods if method.name.startswith(name) and "precise" in method.name), None)


def _hash_methods(name: str, gallery: Gallery, hashes: NDArray[np.uint64], *, customary_radius: int) -> list[Method]:
    def far(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.bitwise_count(hashes[rows, None] ^ hashes[None, : len(gallery.base)]).astype(np.float64)

    return _at_thresholds(name, gallery, far, np.arange(25.0), customary_radius)


def _at_thresholds(
    name: str,
    gallery: Gallery,
    far: Callable[[NDArray[np.intp]], NDArray[np.float64]],
    thresholds: NDArray[np.float64],
    usual: float,
) -> list[Method]:
    tried = {}
    for threshold in sorted({*thresholds.tolist(), float(usual)}):
        found: set[tuple[int, int]] = set()
        for rows in _queries(gallery):
            found |= _pairs(rows, far(rows) <= threshold)
        tried[threshold] = _method(f"{name} within {threshold:g}", gallery, found)
        if tried[threshold].precision < 0.5:
            break
    good = [threshold for threshold, method in tried.items() if method.precision >= PRECISION]
    best = tried[max(good, default=min(tried))]
    precise = Method(
        name=f"{name}, precise: {best.name.rpartition(' ')[2]}",
        recall=best.recall,
        precision=best.precision,
        wrong=best.wrong,
    )
    return [tried[float(usual)], precise] if float(usual) in tried else [precise]


def _queries(gallery: Gallery) -> list[NDArray[np.intp]]:
    """Numbers of files that are looked for in the base: its own, then those of each alteration."""
    count = len(gallery.base)
    groups, start = [np.arange(count)], count
    for paths in gallery.altered.values():
        groups.append(np.arange(start, start + len(paths)))
        start += len(paths)
    return groups


def _pairs(rows: NDArray[np.intp], near: NDArray[np.bool_]) -> set[tuple[int, int]]:
    one, other = np.nonzero(near)
    return {(int(rows[i]), int(j)) for i, j in zip(one, other, strict=True) if j < rows[i]}


def _method(name: str, gallery: Gallery, found: set[tuple[int, int]]) -> Method:
    recall, right = {}, 0
    for alteration, rows in zip(gallery.altered, _queries(gallery)[1:], strict=True):
        hits = sum((int(row), number) in found for number, row in enumerate(rows))
        recall[alteration], right = hits / len(rows), right + hits
    precision = right / len(found) if found else 1.0
    return Method(name=name, recall=recall, precision=precision, wrong=len(found) - right)


def _encoded(method: str, gallery: Gallery) -> dict[str, object] | str:
    """What imagededup's `method` makes of all files, or why it does not. It borrows our torch, of some gigabytes."""
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    done = subprocess.run(
        [_PEER, "-c", _ENCODE.format(method=method), gallery.folder],
        env={**os.environ, "PYTHONPATH": packages},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return f"imagededup {method}: {done.stderr.strip().splitlines()[-1]}"
    answer: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _saved(picture: Image.Image, path: Path) -> Path:
    picture.convert("RGB").save(path, quality=95)
    return path


def _alter(job: tuple[Path, int, Path]) -> list[Path]:
    path, number, folder = job
    with Image.open(path) as image:
        picture = image.convert("RGB")
    made = []
    for name, change in ALTERATIONS.items():
        place = folder / "".join(letter if letter.isalnum() else "-" for letter in name)
        place.mkdir(exist_ok=True)
        made.append(_saved(change(picture, number), place / path.name))
    return made


def _seen(path: Path) -> tuple[int, Portrait]:
    return fingerprint(path.read_bytes(), max_pixels=10**9).phash, portrait(decode_rgb(path, longest=SIDE))


def _imagehash(path: Path) -> int:
    with Image.open(path) as image:
        return int(str(imagehash.phash(image)), 16)


def _is_copy(pair: tuple[Portrait, Portrait]) -> bool:
    return likeness(*pair, dihedral="flips").score >= LIKENESS
