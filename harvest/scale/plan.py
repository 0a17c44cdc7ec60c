"""What is missing of all that a recipe wants of every image, as work that can be done anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from harvest import measuring
from harvest.config.recipe import Recipe
from harvest.config.sizes import SizeConfig
from harvest.images.fingerprint import PHASH_VERSION
from harvest.images.prints import PRINTS
from harvest.images.sizes import name_digits
from harvest.ledger import Connection, dropped, holders, images_among, open_ledger, scores, work_columns
from harvest.places import Place
from harvest.scale.results import Part, rows_of
from harvest.stages import dedupe, embed, filters
from harvest.stages.dedupe.embedding import STRUCTURE
from harvest.stages.normalize import size_digests
from harvest.stages.selection import stage_digests
from harvest.stages.vectors import model_id, undecodable
from harvest.workspace import Workspace

__all__ = ["Plan", "Want", "plan_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """One thing to make of each image: `kind` is print, vector, score or size, `name` what recipes call it.

    `version` is what its rows are kept by beside it: a print's version, a model's or scorer's identity, a size's recipe
    digest. `size` says how a size is made.
    """

    kind: str
    name: str
    version: str
    size: SizeConfig | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`work` has a row for each image of which something is missing, in the order of sha256: sha256, path, format,
    frames, title, image_url, `digits` of the sha256 that its copies' names end with, and `wants`: bit i stands for
    `wants[i]`.

    `wants` are those that some image lacks. `models` are identities of all models that the recipe names.
    """

    wants: tuple[Want, ...]
    models: Mapping[str, str]
    work: pa.Table = field(repr=False)

    def count(self, want: Want) -> int:
        """How many images lack it."""
        bit = np.uint64(1 << self.wants.index(want))
        return int(np.count_nonzero(self.work.column("wants").to_numpy() & bit))

    def blocks(self, size: int) -> Iterator[pa.Table]:
        """The work in tables of at most `size` images that lack the same."""
        for bits in pc.unique(self.work.column("wants")):
            alike = self.work.filter(pc.equal(self.work.column("wants"), bits))
            for start in range(0, len(alike), size):
                yield alike.slice(start, size).combine_chunks()


def plan_of(workspace: Workspace, recipe: Recipe, *, place: Place, parts: Sequence[Part]) -> Plan:
    """What `recipe` wants that is neither in the ledger nor in `parts`, the parts of a result that lie in `place`.

    Fingerprints are those that dedupe wants of every image; vectors are of the models that filters, layout and dedupe
    name; scores of the filters' scorers. Copies that dedupe dropped get no more than dedupe wants itself, and images
    that a filter dropped no sizes. Sizes that need more than the picture are left to `harvest normalize`. Raises
    ConfigError, WeightsMissing and ComponentMissing.
    """
    wants = _wants(workspace, recipe)
    digests = stage_digests(recipe, workspace)
    with open_ledger(workspace) as con:
        images = work_columns(con).combine_chunks()
        names = np.asarray(images.column("sha256").to_numpy(zero_copy_only=False)).astype("S64")
        is_copy = np.isin(names, _texts(dropped(con, dedupe.STAGE, digests[dedupe.STAGE])))
        is_in = np.isin(names, images_among(con, kept_by={}, not_dropped_by=digests))
        for want in wants:
            if want.kind == "vector":  # what no model could see has no sizes either
                is_in &= ~np.isin(names, _texts(undecodable(con, want.version)))
        lacks = [_lacking(con, want, images, names) for want in wants]
    for at, want in enumerate(wants):
        if want.kind == "size":
            lacks[at] &= is_in
        elif want.kind != "print" and want.name not in _models_of_dedupe(recipe):
            lacks[at] &= ~is_copy
    for table, rows in _made(place, parts):
        for at, want in enumerate(wants):
            lacks[at] &= ~np.isin(names, _of(want, table, rows))
    lacked = {want: mask for want, mask in zip(wants, lacks, strict=True) if mask.any()}
    bits = np.zeros(len(names), np.uint64)
    for at, mask in enumerate(lacked.values()):
        bits |= mask.astype(np.uint64) << np.uint64(at)
    work = images.drop_columns(["phash_version"])
    work = work.append_column("digits", pa.array(name_digits(names))).append_column("wants", pa.array(bits))
    models = {want.name: want.version for want in wants if want.kind == "vector"}
    return Plan(wants=tuple(lacked), models=models, work=work.filter(pa.array(bits > 0)))


def _wants(workspace: Workspace, recipe: Recipe) -> tuple[Want, ...]:
    prints = ["phash"] if recipe.dedupe.near is not None or recipe.dedupe.pixels else []
    if recipe.dedupe.dihedral != "none":
        prints.append("dihedral")
    models = dict.fromkeys((*_models_of_dedupe(recipe), *embed.models_of(recipe)))
    jobs = filters.build(recipe)
    scorers = dict.fromkeys(job.params.scorer for job in jobs if isinstance(job.params, filters.ByScore))
    digests, sizes = size_digests(recipe), [size for size in recipe.sizes if size.is_plain]
    return (
        *(Want(kind="print", name=name, version=PRINTS[name].version) for name in prints),
        *(Want(kind="vector", name=name, version=model_id(workspace, name)) for name in models),
        *(Want(kind="score", name=name, version=measuring.identify(workspace, name)) for name in scorers),
        *(Want(kind="size", name=str(size.px), version=digests[size.px], size=size) for size in sizes),
    )


def _models_of_dedupe(recipe: Recipe) -> tuple[str, ...]:
    """The model by which dedupe finds copies: copies have vectors of it as well. Structure it describes for itself."""
    embedding = recipe.dedupe.embedding
    return () if embedding is None or STRUCTURE.startswith(f"{embedding.model}/") else (embedding.model,)


def _lacking(con: Connection, want: Want, images: pa.Table, names: NDArray[np.bytes_]) -> NDArray[np.bool_]:
    """Which images have no row of what is wanted, and can have one."""
    match want.kind:
        case "print":
            there = holders(con, "fingerprints", method=want.name, version=want.version)
            lacks = ~np.isin(names, _texts(there))
            if want.name == "phash":  # images have their own, of the version that was current when they came
                lacks &= pc.not_equal(images.column("phash_version"), PHASH_VERSION).to_numpy()
            return lacks
        case "vector":
            there = _texts(holders(con, "embeddings", model=want.version))
            return ~np.isin(names, there) & ~np.isin(names, _texts(undecodable(con, want.version)))
        case "score":
            return ~np.isin(names, _texts(scores(con, want.version).column("sha256")))
        case _:
            return ~np.isin(names, _texts(holders(con, "derived", size=int(want.name), recipe_digest=want.version)))


def _made(place: Place, parts: Sequence[Part]) -> Iterator[tuple[str, pa.Table]]:
    """The parts of an unfinished or earlier run, a table at a time, without what makes them large."""
    columns = {
        "embeddings": ["sha256", "model"],
        "fingerprints": ["sha256", "method", "version"],
        "scores": ["sha256", "scorer"],
        "faces": ["sha256", "detector"],
        "derived": ["sha256", "size", "recipe_digest"],
        "faults": ["sha256", "model", "kind"],
    }
    for table, kept in columns.items():
        of_table = [rows_of(place, part, kept) for part in parts if part.table == table]
        if of_table:
            yield table, pa.concat_tables(of_table)


def _of(want: Want, table: str, rows: pa.Table) -> NDArray[np.bytes_]:
    """The images that need no more of what is wanted, by the rows of one table: they have it, or cannot have it."""
    match want.kind, table:
        case "print", "fingerprints":
            mask = pc.and_(pc.equal(rows["method"], want.name), pc.equal(rows["version"], want.version))
        case "vector", "embeddings":
            mask = pc.equal(rows["model"], want.version)
        case "score", "scores":
            mask = pc.equal(rows["scorer"], want.version)
        case "score", "faces":
            mask = pc.equal(rows["detector"], want.version)
        case "size", "derived":
            mask = pc.and_(pc.equal(rows["size"], int(want.name)), pc.equal(rows["recipe_digest"], want.version))
        case (("vector" | "size"), "faults"):
            mask = pc.not_equal(rows["kind"], "gone")  # what was not there may be there now
        case _:
            return np.empty(0, "S64")
    return _texts(rows["sha256"].filter(mask))


def _texts(sha256s: pa.ChunkedArray | set[str]) -> NDArray[np.bytes_]:
    if isinstance(sha256s, set):
        return np.array(sorted(sha256s), dtype="S64")
    return np.asarray(sha256s.to_numpy()).astype("S64")
