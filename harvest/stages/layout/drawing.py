"""The pictures of a layout: mosaics in any format, Deep Zoom tiles, the cloud, arrows, films, prints."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from harvest.config.layout import LayoutConfig
from harvest.errors import ComponentMissing
from harvest.progress import Progress
from harvest.stages.layout.arrange import Found
from harvest.stages.layout.cells import Work
from harvest.stages.layout.choose import Chosen
from harvest.stages.layout.thumbs import Thumbs
from harvest.wording import one_line
from harvest.workspace import published

if TYPE_CHECKING:
    from layout.deep_zoom import DeepZoom
    from layout.encode import PictureFormat
    from layout.grid import Grid
    from layout.mosaic import MosaicStyle, TileSource

__all__ = ["Drawing", "need_for"]

_DEEP_ZOOM = "deepzoom"
_OPENED_BY_BROWSERS = ("mosaic.png", "mosaic.jpg", "mosaic.webp")
_FORMATS: Mapping[str, PictureFormat] = {"png": "png", "jpg": "jpeg", "webp": "webp", "tif": "tiff"}
_PILLOW = {"png": "PNG", "jpg": "JPEG"}
_CENTIMETRES = 2.54  # an inch
_GIF = {"size": 640, "fps": 15}


def need_for(config: LayoutConfig) -> None:
    """Raises ComponentMissing when a picture is asked for and nothing here writes it."""
    is_tiff = "mosaic.tif" in config.pictures or (config.print is not None and config.print.format == "tif")
    if is_tiff and importlib.util.find_spec("tifffile") is None:
        raise ComponentMissing(
            "mosaic.tif and prints as tif need tifffile: pip install 'herbarium-harvester[layout]', or ask for png"
        )
    if "morph.mp4" in config.pictures and importlib.util.find_spec("av") is None:
        raise ComponentMissing(
            "morph.mp4 needs PyAV: pip install 'herbarium-harvester[video]', or ask for morph.gif instead"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """All that pictures of a layout are drawn from, and where they go."""

    folder: Path
    work: Work
    chosen: Chosen
    found: Found
    thumbs: Thumbs
    progress: Progress

    @property
    def config(self) -> LayoutConfig:
        """What the recipe says of the layout."""
        return self.work.config

    def draw_all(self) -> list[Path]:
        """All pictures that are one file each."""
        files = [self._draw(name) for name in self.config.pictures if name != _DEEP_ZOOM]
        return [*files, self._print()] if self.config.print is not None else files

    def for_viewer(self) -> tuple[str | DeepZoom, MosaicStyle]:
        """What the viewer looks at, and how that was drawn: cells without words under them.

        Deep Zoom tiles are written where they are asked for, or where the mosaic is no such picture, or too large.
        """
        full = replace(self._style(in_full=True), lines=0)
        fits = self._style(in_full=False).tile == full.tile
        shown = next((name for name in _OPENED_BY_BROWSERS if name in self.config.pictures), None)
        if shown is not None and not self.config.labels and fits and _DEEP_ZOOM not in self.config.pictures:
            return shown, full
        return self._zoom(full), full

    def _style(self, *, in_full: bool) -> MosaicStyle:
        """How the mosaic looks, its tiles as large as the recipe says, or as browsers can open."""
        from layout.mosaic import MosaicStyle  # noqa: PLC0415
        from layout.render import LARGEST_PIXELS  # noqa: PLC0415

        style = MosaicStyle(
            tile=self.config.tile,
            gutter=self.config.gutter,
            background=self.config.background,
            fit="contain" if self.config.fit == "contain" else "crop",
            lines=len(self.config.labels),
        )
        while not in_full and style.tile > 1 and _pixels(style, self.found.grid) > LARGEST_PIXELS:
            style = replace(style, tile=style.tile - 1)
        return style

    def _draw(self, name: str) -> Path:
        what, _, extension = name.partition(".")
        if what == "mosaic":
            return self._mosaic(name, self.thumbs, self._style(in_full=extension == "tif"))
        with published(self.folder / name) as temporary, self.progress.start(name, 1) as task:
            self._further(what, extension)(temporary)
            task.advance()
        return self.folder / name

    def _further(self, what: str, extension: str) -> Callable[[Path], None]:
        """What writes a picture that is no mosaic to a path."""
        from layout.arrows import arrows  # noqa: PLC0415
        from layout.morph import morph, write_gif, write_mp4  # noqa: PLC0415
        from layout.render import scatter  # noqa: PLC0415

        points, cells, grid, ground = self.found.points, self.found.cells, self.found.grid, self.config.background
        if what == "morph":
            small = _GIF if extension == "gif" else {}
            film = morph(self.thumbs, points, cells, grid, seed=self.work.recipe.seed, background=ground, **small)
            return lambda path: (write_gif if extension == "gif" else write_mp4)(path, film)
        picture: Image.Image
        if what == "arrows":
            picture = arrows(points, cells, grid, background=ground)
        else:
            picture = scatter(self.thumbs, points, background=ground)
        return lambda path: picture.save(path, _PILLOW[extension], quality=90)

    def _print(self) -> Path:
        """The mosaic as wide or as high on paper as the recipe says, from pictures that are large enough for it."""
        wanted = self.config.print
        assert wanted is not None
        axis, length = (0, wanted.width) if wanted.width is not None else (1, wanted.height or 0.0)
        room = length / _CENTIMETRES * wanted.dpi
        style = self._style(in_full=True)
        between = style.gutter / style.tile
        low, high = 1, int(room) + 1
        while low < high:
            tile = (low + high + 1) // 2
            tried = replace(style, tile=tile, gutter=round(tile * between))
            low, high = (tile, high) if tried.size(self.found.grid)[axis] <= room else (low, tile - 1)
        style = replace(style, tile=low, gutter=round(low * between))
        if style.size(self.found.grid)[axis] > room:
            raise self.work.error("print", f"{length:g} cm at {wanted.dpi} dpi are fewer pixels than there are cells")
        name = f"print.{wanted.format}"
        return self._mosaic(name, self._pictures(style.tile), style, dpi=wanted.dpi)

    def _pictures(self, side: int) -> TileSource:
        """Thumbnails where they are large enough, else the originals."""
        return self.thumbs if side <= self.thumbs.side else replace(self.chosen.pictures, side=side, sized={})

    def _mosaic(self, name: str, tiles: TileSource, style: MosaicStyle, *, dpi: float | None = None) -> Path:
        from layout.encode import check_size, write_picture  # noqa: PLC0415
        from layout.mosaic import mosaic_bands  # noqa: PLC0415

        path = self.folder / name
        try:
            check_size(*style.size(self.found.grid), _FORMATS[path.suffix[1:]])
        except ValueError as error:
            raise self.work.error("print" if name.startswith("print") else "pictures", f"{name}: {error}") from None
        captions: Sequence[str | None] = self._captions() if style.lines else ()
        with published(path) as temporary, self.progress.start(name, len(self.thumbs)) as task:
            bands = mosaic_bands(
                tiles, self.found.cells, self.found.grid, style, captions=captions, progress=task.advance
            )
            write_picture(temporary, bands, _FORMATS[path.suffix[1:]], dpi=dpi)
        return path

    def _captions(self) -> list[str]:
        """What stands under each tile; what is not known has no line of its own."""
        return [
            "\n".join(one_line(str(card[label])) for label in self.config.labels if card.get(label))
            for card in self.chosen.cards
        ]

    def _zoom(self, style: MosaicStyle) -> DeepZoom:
        from layout.deep_zoom import write_deep_zoom  # noqa: PLC0415

        with self.progress.start(_DEEP_ZOOM, len(self.thumbs)) as task:
            cells, grid = self.found.cells, self.found.grid
            return write_deep_zoom(self.folder, self.thumbs, cells, grid, style=style, progress=task.advance)


def _pixels(style: MosaicStyle, grid: Grid) -> int:
    width, height = style.size(grid)
    return width * height
