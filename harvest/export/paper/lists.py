"""MANIFEST.jsonl and CREDITS.md: every image in a line, for programs and for people."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harvest.export.base import ExportedFile
from harvest.export.markdown import link, plain
from harvest.licences import licence

__all__ = ["write_credits", "write_lines", "write_manifest"]


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
    """CREDITS.md: one attribution line an image, under its licence; metadata cannot break out of its line.

    Title, author, source and licence, and what was changed, as Creative Commons asks:
    https://wiki.creativecommons.org/wiki/Recommended_practices_for_attribution
    """
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
    changed = f"; {plain(', '.join(file.entry.changes))}" if file.entry.changes else ""
    return f"- `{file.path}`: “{title}” by {link(creator, origin.creator_url)}, {terms}, {where}{changed}"


def _counted(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
