"""The paper trail that goes with every export, whatever its format."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harvest.export.base import UNKNOWN, ExportedFile, ExportSettings, RecipeFacts
from harvest.export.markdown import link, plain
from harvest.licences import licence

__all__ = ["write_credits", "write_datasheet", "write_lines", "write_manifest"]

_COLLECTED = (
    "Each image was met at the address that MANIFEST.jsonl gives, in the runs and sightings that RUNS.jsonl and "
    "PROVENANCE.jsonl list. The bytes as served are identified by `original_sha256`."
)


def write_manifest(folder: Path, files: Sequence[ExportedFile]) -> None:
    """MANIFEST.jsonl: one line a file, the same bytes for the same inputs."""
    write_lines(
        folder / "MANIFEST.jsonl",
        ({"file": file.path, "sha256": file.sha256, **file.entry.record()} for file in files),
    )


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line, UTF-8."""
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def write_credits(folder: Path, files: Sequence[ExportedFile]) -> None:
    """CREDITS.md: one attribution line an image, under its licence; metadata cannot break out of its line."""
    groups: dict[str, list[ExportedFile]] = defaultdict(list)
    for file in files:
        groups[file.entry.provenance.license or ""].append(file)
    lines = ["# Credits", "", f"{_counted(len(files))}, by licence."]
    for id_ in sorted(groups, key=lambda name: (name == "", name)):
        lines += ["", f"## {_licence_heading(id_)}", ""]
        if not id_:
            lines += ["Unknown is not free: ask the creators before any use.", ""]
        lines += [_credit(file) for file in groups[id_]]
    (folder / "CREDITS.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_datasheet(folder: Path, files: Sequence[ExportedFile], recipe: RecipeFacts, settings: ExportSettings) -> None:
    """DATASHEET.md: what is inside and how it came about, in the order of https://arxiv.org/abs/1803.09010."""
    origins = [file.entry.provenance for file in files]
    unnamed = sum(origin.creator is None for origin in origins)
    form = f"{settings.size} px" if settings.size else "the original bytes"
    lines = [
        f"# {plain(recipe.title or recipe.name)}",
        "",
        "## Motivation",
        "",
        plain(recipe.description) if recipe.description else "_Not stated in the recipe._",
        "",
        "## Composition",
        "",
        f"{_counted(len(files))}, {form}. {unnamed} of unknown creator.",
        *_table("Licence", Counter(origin.license or UNKNOWN for origin in origins)),
        *_table("Source", Counter(origin.source for origin in origins)),
        "",
        "## Collection",
        "",
        _COLLECTED,
        "",
        "## Preprocessing",
        "",
        f"Recipe `{recipe.name}`, digest `{recipe.digest}`. Files are {form}.",
        *(_table("Caption from", Counter(map(_caption_origin, files))) if settings.captions != "none" else ()),
        "",
        "## Uses",
        "",
        "_Not stated. Each image keeps the licence of its own line; the strictest of them binds the whole._",
    ]
    (folder / "DATASHEET.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _table(heading: str, counts: Counter[str]) -> list[str]:
    rows = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ["", f"| {heading} | Images |", "|---|---:|", *(f"| {plain(name)} | {count} |" for name, count in rows)]


def _caption_origin(file: ExportedFile) -> str:
    """In the manifest to the letter; here files that hold one caption each are counted together."""
    origin = file.entry.caption_origin or "no caption"
    return "a file" if origin.startswith("file:") else origin


def _licence_heading(id_: str) -> str:
    known = licence(id_) if id_ else None
    if known is None:
        return plain(id_) if id_ else "Unknown licence"
    return link(known.name, known.uri)


def _credit(file: ExportedFile) -> str:
    origin = file.entry.provenance
    title = plain(origin.title) if origin.title and origin.title.strip() else "Untitled"
    creator = origin.creator if origin.creator and origin.creator.strip() else "an unknown creator"
    known = licence(origin.license) if origin.license else None
    terms = link(known.name, known.uri) if known else plain(origin.license or "unknown licence")
    where = link("source", origin.page_url or origin.image_url)
    return f"- `{file.path}`: “{title}” by {link(creator, origin.creator_url)}, {terms}, {where}"


def _counted(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
