"""What a viewer tells about an image: where it is from, by whom, on what terms, and what was measured and left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from harvest.ledger import CatalogueRow, Connection, caption_facts, catalogued, decisions, duplicates
from harvest.ledger.rows import ImageRow, SightingRow
from harvest.licences import licence
from harvest.workspace import Workspace

__all__ = ["card", "findings"]

_MOST_COPIES = 4
_MOST_LABELS = 5
_LEAST_SHARE = 0.2
_SHOWN_BY_BROWSERS = (".jpg", ".png", ".gif", ".webp", ".avif")
_UP = "../../"  # from layouts/<name>/ to the workspace


def card(
    image: ImageRow,
    origin: SightingRow | None,
    *,
    file: str,
    picture: str | None,
    found: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An image's card as plain values; what is unknown is None, and it is for the viewer to say so.

    `file` is the name it goes by, `picture` the path of a larger copy in the workspace, `found` what `findings` has.
    """
    known = licence(origin.license) if origin and origin.license else None
    return {
        "file": file,
        "picture": _UP + picture if picture else None,
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "title": origin.title if origin else None,
        "creator": origin.creator if origin else None,
        "creator_url": origin.creator_url if origin else None,
        "license": known.name if known else (origin.license if origin else None),
        "license_url": (origin.license_url if origin else None) or (known.uri if known else None),
        "source": origin.source if origin else None,
        "page_url": origin.page_url if origin else None,
        "date": (origin.taken_at or origin.published_at) if origin else None,
        **(found or {}),
    }


def findings(
    con: Connection,
    workspace: Workspace,
    *,
    name: str,
    stages: Mapping[str, str],
    labelled_by: Sequence[tuple[str, str]],
    sha256s: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """By sha256, what stages of the recipe `name` found out about the images `sha256s`.

    `labels` are people's, the source's, then those of the models of `labelled_by`, the surest first; `scores` the
    numbers that the decisions of `stages` (stage -> recipe_digest) rest on, by filter; `duplicates` how many copies are
    left out for the image, `copies` the first of them.
    """
    told: dict[str, dict[str, Any]] = {sha256: {} for sha256 in sha256s}
    for facts in (each for some in caption_facts(con, np.array(sha256s, "S64"), labelled_by) for each in some):
        sure = [each.label for each in facts.found if each.score >= _LEAST_SHARE]
        told[facts.sha256]["labels"] = list(dict.fromkeys([*facts.labels, *sure]))[:_MOST_LABELS]
    for row in decisions(con, stages):
        if row.value is not None and row.sha256 in told and row.stage.startswith("filter."):
            told[row.sha256].setdefault("scores", {})[row.stage.removeprefix("filter.")] = row.value
    left_out: dict[str, list[str]] = {}
    for _, members in groupby(duplicates(con, name), lambda row: row.group_id):
        kept, *others = members
        if kept.keeper and kept.sha256 in told:
            left_out[kept.sha256] = [row.sha256 for row in others]
    copies = catalogued(con, [sha256 for found in left_out.values() for sha256 in found[:_MOST_COPIES]])
    for sha256, found in left_out.items():
        shown = [_copy(workspace, copies[each]) for each in found[:_MOST_COPIES] if each in copies]
        told[sha256] |= {"duplicates": len(found), "copies": shown}
    return told


def _copy(workspace: Workspace, row: CatalogueRow) -> dict[str, Any]:
    """An original that a browser can show is shown as it is, where it lies in the workspace."""
    is_shown = row.path.endswith(_SHOWN_BY_BROWSERS) and (workspace.root / row.path).is_file()
    picture = _UP + row.path if is_shown else None
    return {"title": row.title, "source": row.source, "page_url": row.page_url, "picture": picture}
