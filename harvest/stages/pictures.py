"""The selected images as pictures of about one size, taken from where that is quickest."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from harvest.config.recipe import Recipe, SizeConfig
from harvest.errors import Broken, LedgerError
from harvest.images.decode import decode_rgb
from harvest.ledger import Connection, StageRun, derived
from harvest.ledger.rows import DerivedRow, ImageRow
from harvest.stages.normalize import size_digests
from harvest.store import Store
from harvest.workspace import Workspace

__all__ = ["Pictures", "counts_of", "is_current", "sizes_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """`pictures(i)` is the i-th of `images` as an RGB picture whose shorter side has `side` pixels or more, if it can.

    A derived size that is large enough is read where there is one, else the original. With `whole`, nothing is cut off:
    squares are taken only of images that are square.
    """

    workspace: Workspace
    images: Sequence[ImageRow]
    side: int
    whole: bool
    sized: Mapping[str, DerivedRow]

    @classmethod
    def of(
        cls,
        con: Connection,
        workspace: Workspace,
        recipe: Recipe,
        images: Sequence[ImageRow],
        *,
        side: int,
        whole: bool = False,
    ) -> Pictures:
        """Look up the derived rows."""
        size = _best_size(recipe, side)
        rows = derived(con, size.px, size_digests(recipe)[size.px]) if size else {}
        return cls(workspace=workspace, images=images, side=side, whole=whole, sized=rows)

    def __call__(self, index: int) -> Image.Image:
        """Decode one. Raises LedgerError when its file is gone or does not decode any more."""
        image = self.images[index]
        row = self.sized.get(image.sha256)
        if row is not None and not (self.whole and image.width != image.height):
            path = self.workspace.root / row.path
            if path.is_file():
                return _decoded(path, row.path, None)
        return _decoded(Store(self.workspace.root).local(image.path), image.path, self.side)

    def name(self, index: int) -> str:
        """The file name that people know the image by: that of its derived copy, else of its original."""
        image = self.images[index]
        row = self.sized.get(image.sha256)
        return Path(row.path if row else image.path).name


def is_current(workspace: Workspace, last: StageRun | None, recipe_digest: str, input_digest: str) -> bool:
    """Whether `last` did just this, and all that it wrote is still there: every file of `detail["files"]` (`sizes_of`)
    in its size, and as many files in each of `detail["folders"]` (`counts_of`).
    """
    if last is None or (last.recipe_digest, last.input_digest) != (recipe_digest, input_digest):
        return False
    files = {workspace.root / path: size for path, size in last.detail["files"].items()}
    if not all(path.is_file() and path.stat().st_size == size for path, size in files.items()):
        return False
    folders: dict[str, int] = last.detail.get("folders", {})
    return counts_of(workspace, [workspace.root / path for path in folders]) == folders


def sizes_of(workspace: Workspace, paths: Sequence[Path]) -> dict[str, int]:
    """Bytes of files by their path in the workspace."""
    return {path.relative_to(workspace.root).as_posix(): path.stat().st_size for path in sorted(paths)}


def counts_of(workspace: Workspace, folders: Sequence[Path]) -> dict[str, int]:
    """How many files there are in each of `folders`, at any depth, by its path in the workspace.

    Names alone are read: a hundred thousand tiles are counted in a moment, where asking for their sizes takes seconds.
    """
    return {
        folder.relative_to(workspace.root).as_posix(): sum(len(names) for _, _, names in os.walk(folder))
        for folder in sorted(folders)
    }


def _best_size(recipe: Recipe, side: int) -> SizeConfig | None:
    fitting = [size for size in recipe.sizes if size.px >= side and size.mode == "crop"]
    return min(fitting, key=lambda size: size.px, default=None)


def _decoded(path: Path, name: str, longest: int | None) -> Image.Image:
    try:
        return decode_rgb(path, longest=longest)
    except (Broken, OSError) as error:
        raise LedgerError(f"{name}: cannot be read any more ({error}); `harvest verify` lists all such files") from None
