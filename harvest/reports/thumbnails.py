"""Pictures of the workspace, small enough to be carried in a page."""

from __future__ import annotations

import base64
import io

from harvest.images.decode import decode_rgb
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["Thumbnails"]


class Thumbnails:
    """Makes data: URIs of pictures by their paths in the workspace, at most `px` pixels long, until there are `most`.

    The answer is None for a picture that cannot be read, and when there are enough.
    """

    def __init__(self, workspace: Workspace, *, px: int, most: int) -> None:
        self._store, self._px, self._most = Store(workspace.root), px, most
        self._made: dict[str, str | None] = {}

    def __call__(self, path: str | None) -> str | None:
        """The picture at `path` as a data: URI."""
        if path is None or (path not in self._made and len(self._made) >= self._most):
            return None
        if path not in self._made:
            self._made[path] = self._make(path)
        return self._made[path]

    def _make(self, path: str) -> str | None:
        try:
            picture = decode_rgb(self._store.local(path), longest=self._px)
        except Exception:
            return None
        picture.thumbnail((self._px, self._px))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=72)
        return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
