"""The collection on disk: drawn once for a seed, by as many processes as there are cores, and found again later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL

from harvest.demo import specimens
from harvest.demo.museum.exhibit import Exhibit
from harvest.demo.museum.pictures import Picture, make
from harvest.demo.museum.plan import Scale, plan
from harvest.demo.museum.planted import Planted
from harvest.processes import cores, spawned_pool
from harvest.progress import Progress, SilentProgress
from harvest.workspace import write_published

__all__ = ["Collection", "draw_collection"]


@dataclass(frozen=True, slots=True)
class Collection:
    """The museum's exhibits and the folder that holds their files; `digests` gives the sha256 of a file by its name."""

    folder: Path
    exhibits: tuple[Exhibit, ...]
    digests: dict[str, str]

    def sha256(self, exhibit: Exhibit) -> str | None:
        """Digest of the bytes served for an exhibit, None where there are none."""
        return self.digests.get(exhibit.picture.name)

    def body(self, exhibit: Exhibit) -> bytes:
        """The bytes served for an exhibit. Raises FileNotFoundError for one that is missing on purpose."""
        return (self.folder / exhibit.picture.name).read_bytes()

    @property
    def truth(self) -> tuple[Planted, ...]:
        """What is planted where, in the order of the plan."""
        return tuple(exhibit.planted(self.sha256(exhibit)) for exhibit in self.exhibits)


def draw_collection(cache: Path, seed: int = 0, scale: Scale = "full", progress: Progress | None = None) -> Collection:
    """The collection of `seed`, from `cache` if it was drawn before, else drawn into it.

    The folder is named by all that decides the bytes: seed, scale, the code that draws, the libraries that encode. An
    interrupted drawing is continued.
    """
    exhibits = plan(seed, scale)
    folder = cache / f"{scale}-{seed}-{_code_digest()[:16]}"
    index = folder / "index.json"
    if index.is_file():
        return Collection(folder, exhibits, json.loads(index.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    families = _families(exhibits)
    digests: dict[str, str] = {}
    with (
        (progress or SilentProgress()).start("draw the museum", sum(map(len, families))) as task,
        spawned_pool(cores()) as pool,
    ):
        batches = [families[at : at + 8] for at in range(0, len(families), 8)]
        for made in pool.map(_make_all, [folder] * len(batches), batches):
            digests |= made
            task.advance(len(made))
    write_published(index, json.dumps(digests, sort_keys=True))
    return Collection(folder, exhibits, digests)


def _families(exhibits: Iterable[Exhibit]) -> list[list[Picture]]:
    """The files to make, every original followed by its copies."""
    pictures = {each.picture.name: each.picture for each in exhibits if each.kind != "missing"}
    families: dict[str, list[Picture]] = {}
    for picture in sorted(pictures.values(), key=lambda picture: picture.name):
        families.setdefault(picture.original or picture.name, []).append(picture)
    return list(families.values())


def _make_all(folder: Path, families: list[list[Picture]]) -> dict[str, str]:
    return {name: digest for family in families for name, digest in _make_family(folder, family)}


def _make_family(folder: Path, family: list[Picture]) -> Iterable[tuple[str, str]]:
    original: bytes | None = None
    for picture in family:
        path = folder / picture.name
        if path.is_file():
            body = path.read_bytes()
        else:
            body = make(picture, original if picture.copy else None)
            write_published(path, body)
        original = original or body
        yield picture.name, hashlib.sha256(body).hexdigest()


def _code_digest() -> str:
    """Hex sha256 over the code that decides what the files are."""
    digest = hashlib.sha256(f"{PIL.__version__} {np.__version__}".encode())
    own = [Path(__file__).parent / f"{name}.py" for name in ("plan", "pictures", "spoil", "cards", "exhibit")]
    for path in [*sorted(Path(specimens.__file__).parent.glob("*.py")), *own]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
