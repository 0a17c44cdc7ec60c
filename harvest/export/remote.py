"""An export in a store as well: every generation under a name of its own, and an index, written last, that says which.

    <url>/index.json                {"export", "generation", "files": [{"path", "sha256", "bytes"}]}
    <url>/g-<16 digits>/<path>      the export's folder, papers and all

Whoever reads the index finds what it names: a publication that is interrupted leaves the earlier generation and its
index as they were, and the next one goes on where it stopped. Generations that no index names are removed afterwards.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harvest.places import Place, normal_url, place_at
from harvest.progress import Progress

__all__ = ["INDEX", "publish_to", "withdraw_from"]

INDEX = "index.json"
_DIGITS = 16
_GENERATION = re.compile(r"g-[0-9a-f]{16}/")


def publish_to(url: str, export: str, folder: Path, digests: Mapping[str, str], progress: Progress) -> str:
    """Bring the store at `url` up to the finished `folder`, whose files have these sha256s by path; its generation.

    Raises SourceError when the store does not do what it is asked, ComponentMissing and UsageError as `place_at` does.
    """
    place = place_at(normal_url(url))
    told = json.dumps(sorted(digests.items())).encode()
    generation = f"g-{hashlib.sha256(told).hexdigest()[:_DIGITS]}"
    if _named_by(place) != generation:
        _bring(place, generation, export, folder, digests, progress)
    for key in _generations(place):
        if not key.startswith(f"{generation}/"):
            place.remove(key)
    return generation


def withdraw_from(url: str) -> None:
    """Take an export out of the store: its index first, so that nobody is sent to what is going."""
    place = place_at(normal_url(url))
    place.remove(INDEX)
    for key in _generations(place):
        place.remove(key)


def _bring(  # noqa: PLR0917 - what is brought, and where to
    place: Place, generation: str, export: str, folder: Path, digests: Mapping[str, str], progress: Progress
) -> None:
    there = _keys(place, generation)
    files: list[dict[str, Any]] = []
    with progress.start(f"publish {export}", len(digests)) as task:
        for path, sha256 in sorted(digests.items()):
            size, key = (folder / path).stat().st_size, f"{generation}/{path}"
            if there.get(key) != size:
                place.put_file(key, folder / path)
            files.append({"path": path, "sha256": sha256, "bytes": size})
            task.advance()
    index = {"export": export, "generation": generation, "files": files}
    place.put(INDEX, (json.dumps(index, ensure_ascii=False, indent=1) + "\n").encode())


def _named_by(place: Place) -> str | None:
    """The generation that the index names; None where there is no index that says."""
    try:
        with place.opened(INDEX) as file:
            said = json.loads(file.read())
    except (FileNotFoundError, ValueError):
        return None
    return said.get("generation") if isinstance(said, dict) else None


def _generations(place: Place) -> list[str]:
    """Keys of all generations, and of nothing else that may lie there."""
    return [key for key in _keys(place, "") if _GENERATION.match(key)]


def _keys(place: Place, prefix: str) -> dict[str, int]:
    """What lies there, and how long it is; nothing where there is no such place yet."""
    try:
        return place.keys(prefix)
    except FileNotFoundError:
        return {}
