"""Original bytes, kept exactly as they were served and named by what they are: in a folder, or in an object store.

Where they lie is chosen at a workspace's first crawl and written to its `store.json`. With a store that is no folder of
this machine, the workspace's own `originals` is a cache of what was read. Credentials come from the environment alone
(for S3 `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL`, ...; https://s3fs.readthedocs.io).
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from harvest.errors import UsageError
from harvest.places import Folder, Place, normal_url, place_at, read_into, sync_folder
from harvest.workspace import published, write_published

__all__ = ["Store", "original_path", "rehash", "settle_store"]

STORE_FILE = "store.json"
_PREFIX = "originals/"


def original_path(sha256: str, extension: str) -> str:
    """Where bytes lie, relative to the workspace.

    >>> original_path("ab" + "0" * 62, "jpg")[:17]
    'originals/ab/ab00'
    """
    return f"{_PREFIX}{sha256[:2]}/{sha256}.{extension}"


def rehash(path: Path) -> str:
    """Hex sha256 of a file, read in pieces. Raises OSError."""
    with path.open("rb") as file:
        return read_into(file, None)


def settle_store(root: Path, url: str | None) -> None:
    """Let the originals of the workspace at `root` lie at `url`, from its first crawl on; None leaves all as it is.

    `url` is a folder, a file:// URL, or one that fsspec knows, such as s3://bucket/prefix. Raises UsageError when the
    workspace has its originals elsewhere already, or `url` cannot be a store, and ComponentMissing.
    """
    if not url:
        return
    wanted, known = normal_url(url), _recorded(root)
    if wanted == known or (known is None and wanted == str(root.absolute() / "originals")):
        return
    if known is not None or (root / "ledger.duckdb").exists() or (root / "originals").exists():
        raise UsageError(
            f"{root}: the originals of this workspace are in {known or 'its own folder'}, not in {wanted}; "
            "a store is chosen at the first crawl: leave --store out, or take another workspace"
        )
    place_at(wanted)
    write_published(root / STORE_FILE, json.dumps({"url": wanted}, indent=2) + "\n")


class Store:
    """The originals of the workspace at `root`, wherever its `store.json` says that they are.

    Cheap to make and to pickle. What asks a store that is no folder raises SourceError when it does not answer.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = _recorded(root)

    def put(self, body: bytes, sha256: str, extension: str) -> str:
        """Keep `body`, whose digest the caller has taken, and return its path relative to the workspace.

        The file and its name are safe when this returns. Nothing is written when the bytes are here already. A file of
        another length under this name is damage from outside, and is replaced.
        """
        relative = original_path(sha256, extension)
        key = relative.removeprefix(_PREFIX)
        if self._place.size(key) != len(body):
            self._place.put(key, body)
        return relative

    def has(self, sha256: str, extension: str) -> bool:
        """Whether bytes of this digest are kept."""
        return self.holds(original_path(sha256, extension))

    def holds(self, path: str) -> bool:
        """Whether there is an original at `path`, relative to the workspace."""
        return self._place.size(path.removeprefix(_PREFIX)) is not None

    def remove(self, path: str) -> bool:
        """Take away what lies at `path`, relative to the workspace, and every copy of it here; whether there was any.

        What an object store keeps of earlier versions is its owner's to delete. Raises OSError and SourceError.
        """
        file = self._on_disk(path)
        was_cached = file.is_file()
        file.unlink(missing_ok=True)
        if was_cached:
            sync_folder(file.parent)
        return (path.startswith(_PREFIX) and self._place.remove(path.removeprefix(_PREFIX))) or was_cached

    def path(self, sha256: str, extension: str) -> Path:
        """Where bytes of this digest lie on this machine, or would lie."""
        return self._on_disk(original_path(sha256, extension))

    def local(self, path: str) -> Path:
        """The file of this machine with what lies at `path`, relative to the workspace; an original is brought here.

        What the store does not have has no file either. Raises OSError when the store has other bytes than the name
        says.
        """
        file = self._on_disk(path)
        if not path.startswith(_PREFIX) or isinstance(self._place, Folder) or file.is_file():
            return file
        try:
            with published(file) as temporary:
                if self._place.fetch(path.removeprefix(_PREFIX), temporary) != file.stem:
                    raise OSError(f"{self.url}: other bytes than its name says; see `harvest verify`")
        except FileNotFoundError:
            pass
        return file

    def read(self, path: str) -> bytes:
        """The bytes of what lies at `path`, relative to the workspace. Raises OSError."""
        return self.local(path).read_bytes()

    def rehash(self, path: str) -> str:
        """Hex sha256 of what lies at `path`, relative to the workspace, read again from where it is kept.

        A copy in the cache that differs from its name is told of instead of the original. Raises OSError.
        """
        file = self._on_disk(path)
        if not path.startswith(_PREFIX) or isinstance(self._place, Folder):
            return rehash(file)
        if file.is_file() and (cached := rehash(file)) != file.stem:
            return cached
        return self._place.fetch(path.removeprefix(_PREFIX), None)

    @cached_property
    def _place(self) -> Place:
        return place_at(self.url or str(self.root / "originals"))

    def _on_disk(self, path: str) -> Path:
        if path.startswith(_PREFIX) and isinstance(self._place, Folder):
            return self._place.folder / path.removeprefix(_PREFIX)
        return self.root / path

    def __getstate__(self) -> dict[str, Any]:
        return {"root": self.root, "url": self.url}


def _recorded(root: Path) -> str | None:
    """The URL in `store.json`; None when originals lie in the workspace. Raises UsageError."""
    path = root / STORE_FILE
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    if not isinstance(values, dict) or not isinstance(values.get("url"), str):
        raise UsageError(f'{path}: expected {{"url": "..."}}')
    return normal_url(values["url"])
