"""The recipe's `layout`: what images are compared by, how they come to lie on a plane, and on which grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harvest.config.kinds import SLUG, SLUG_WORDS
from harvest.config.reader import setting
from harvest.errors import ConfigError

__all__ = [
    "CATEGORIES",
    "FEATURES",
    "LABELS",
    "NUMBERS",
    "PICTURES",
    "AxesConfig",
    "FeatureConfig",
    "GridConfig",
    "LayoutConfig",
    "PrintConfig",
    "complete_layouts",
    "layouts_of",
]

#: What is computed from pictures.
FEATURES = ("clip", "vectors", "pixels", "colours")
#: What the ledger knows as a number, from small to large.
NUMBERS = (
    "date",
    "brightness",
    "sharpness",
    "entropy",
    "width",
    "height",
    "megapixels",
    "proportion",
    "bytes",
    "first_seen",
    "score",
)
#: What the ledger knows as words.
CATEGORIES = ("source", "creator", "license", "format", "label")
#: What can be drawn.
PICTURES = (
    "mosaic.png",
    "mosaic.jpg",
    "mosaic.webp",
    "mosaic.tif",
    "deepzoom",
    "scatter.png",
    "scatter.jpg",
    "arrows.png",
    "morph.mp4",
    "morph.gif",
)
LABELS = ("title", "creator", "license", "source", "date", "file")
_AXES = (*NUMBERS, *CATEGORIES)
_PROJECTIONS = ("umap", "tsne", "pca", "none", "flas")
_SHAPES = ("circle", "ring", "diamond", "hexagon", "heart")
_COLOUR, _LIKE = r"^#[0-9a-fA-F]{6}$", "a colour like '#111111'"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureConfig:
    """One thing that images are compared `of`, and how much it weighs beside the others.

    Each is brought to the same spread first, so that weights are shares of the squared distance.
    """

    of: str = setting(choices=(*FEATURES, *_AXES))
    model: str | None = None
    weight: float = setting(1.0, gt=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AxesConfig:
    """A plane of two things that the ledger knows, without any projection: dates to the right, sources downward."""

    x: str = setting(choices=_AXES)
    y: str = setting(choices=_AXES)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridConfig:
    """Which cells there are: a rectangle, or a `shape`, the silhouette in a `picture`, or letters (`text`).

    Without `columns` and `rows` the grid is as fine as the images need. A silhouette is what is opaque, or dark on
    light, or light on dark, unless `ink` says which. `cells` are squares, or hexagons of which every other row is
    shifted by half a cell.
    """

    columns: int | None = setting(None, ge=1, le=100_000)
    rows: int | None = setting(None, ge=1, le=100_000)
    shape: str | None = setting(None, choices=_SHAPES)
    picture: Path | None = None
    ink: str = setting("auto", choices=("auto", "dark", "light", "alpha"))
    text: str | None = None
    font: Path | None = None
    cells: str = setting("squares", choices=("squares", "hexagons"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintConfig:
    """A mosaic for printing, `width` centimetres wide or `height` high at `dpi`: tiles are as large as that takes."""

    width: float | None = setting(None, gt=0, le=1000)
    height: float | None = setting(None, gt=0, le=1000)
    dpi: int = setting(300, ge=36, le=2400)
    format: str = setting("tif", choices=("tif", "jpg", "png"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutConfig:
    """A mosaic: features to a plane to a grid.

    `features` are the `vectors` of any embedder `model`; of a CLIP model, by default that of the first filter (`clip`);
    the `pixels` themselves or their `colours`, which need no model; anything in NUMBERS and CATEGORIES; or several of
    these with their weights. Where nothing is said they are `clip`, or the two axes of `project`.

    `label` is the first that an image has: people's before the source's before a model's. The setting `score` names the
    filter, by its stage (`filter.aesthetic`), whose values are meant by `score` among features and axes: the last that
    gives numbers, unless it says so.

    `project` is how images come to lie on a plane, or two axes of the ledger's. Those whose value on an axis is not
    known lie at its end (`unknown: end`) or are left out. `refine` sorts the grid once more by the features themselves,
    which wins back what a projection loses; planes of the ledger's axes stay as they are. `project: none` sorts the
    grid by the features from the start, `flas` does so by the algorithm of that name.

    Where a layout of the same parameters is there already, and no more than a fifth of the images came or went, it
    grows: few of the rest move. `grow: always` does so whatever changed, `never` lays out anew.

    `pins` are images, by sha256 or file name, that lie in a cell of their own: [column, row] from 0 at the top left.

    Tiles are cropped to squares of `tile` pixels, or lie whole within them (`fit: contain`), `gutter` pixels apart.
    `label` is one thing or several that stand under each tile of a mosaic. `pictures` are those of PICTURES that are
    drawn: `mosaic.tif` with its tiles as large as that, the others smaller where they would exceed 89 million pixels,
    which is what browsers open. The viewer looks at Deep Zoom tiles where a mosaic is larger or labelled, and at the
    mosaic itself elsewhere.
    """

    name: str | None = setting(None, pattern=SLUG, expected=SLUG_WORDS)
    features: str | tuple[str | FeatureConfig, ...] | None = setting(
        None, choices=(*FEATURES, *_AXES), expected=f"one of {', '.join((*FEATURES, *_AXES))}, or a list of them"
    )
    model: str | None = None
    score: str | None = None
    project: str | AxesConfig = setting(
        "umap", choices=_PROJECTIONS, expected=f"one of {', '.join(_PROJECTIONS)}, or axes like {{x: date, y: source}}"
    )
    unknown: str = setting("end", choices=("end", "leave_out"))
    refine: bool = True
    grow: str = setting("auto", choices=("auto", "always", "never"))
    grid: str | GridConfig = setting("auto", choices=("auto",), expected="auto, or a mapping like {columns: 40}")
    aspect: float = setting(1.618, gt=0)
    pins: Mapping[str, tuple[int, ...]] = setting({}, ge=0)
    tile: int = setting(128, ge=16, le=1024)
    gutter: int = setting(0, ge=0, le=256)
    background: str = setting("#111111", pattern=_COLOUR, expected=_LIKE)
    fit: str = setting("crop", choices=("crop", "contain"))
    label: str | tuple[str, ...] | None = setting(None, choices=LABELS)
    pictures: tuple[str, ...] = setting(("mosaic.png", "scatter.png"), choices=PICTURES)
    print: PrintConfig | None = None

    @property
    def parts(self) -> tuple[FeatureConfig, ...]:
        """What images are compared by, each with its model and weight."""
        default = (self.project.x, self.project.y) if isinstance(self.project, AxesConfig) else ("clip",)
        listed = (self.features,) if isinstance(self.features, str) else self.features
        listed = default if listed is None else listed
        parts = [FeatureConfig(of=part) if isinstance(part, str) else part for part in listed]
        return tuple(replace(part, model=part.model or self.model) for part in parts)

    @property
    def compared(self) -> frozenset[str]:
        """All that its features and axes are of."""
        axes = (self.project.x, self.project.y) if isinstance(self.project, AxesConfig) else ()
        return frozenset((*(part.of for part in self.parts), *axes))

    @property
    def labels(self) -> tuple[str, ...]:
        """What stands under each tile, a line each."""
        return (self.label,) if isinstance(self.label, str) else (self.label or ())

    @property
    def cells(self) -> GridConfig:
        """The grid, where the recipe says `auto` too."""
        return self.grid if isinstance(self.grid, GridConfig) else GridConfig()


def layouts_of(name: str, layout: LayoutConfig | tuple[LayoutConfig, ...] | None) -> tuple[LayoutConfig, ...]:
    """The layouts of the recipe `name`; the one that has no name of its own is called like it."""
    listed = layout if isinstance(layout, tuple) else (layout,) if layout is not None else ()
    return tuple(replace(config, name=config.name or name) for config in listed)


def complete_layouts(
    file: Path, name: str, layout: LayoutConfig | tuple[LayoutConfig, ...] | None
) -> LayoutConfig | tuple[LayoutConfig, ...] | None:
    """What the recipe `file` says of layouts, the paths in it made absolute. Raises ConfigError, with the place."""
    if layout is None:
        return None
    if not isinstance(layout, tuple):
        return _complete(file, "layout", layout)
    names = [config.name for config in layouts_of(name, layout)]
    for index, taken in enumerate(names):
        if taken in names[:index]:
            raise ConfigError(file, f"layout[{index}].name", f"expected another name than {taken!r}, which is taken")
    return tuple(_complete(file, f"layout[{index}]", config) for index, config in enumerate(layout))


def _complete(file: Path, at: str, config: LayoutConfig) -> LayoutConfig:
    _check_features(file, at, config)
    for pinned, cell in config.pins.items():
        if len(cell) != 2:
            raise ConfigError(file, f"{at}.pins.{pinned}", f"expected [column, row], got {list(cell)}")
        for which, number, most in zip(("column", "row"), cell, (config.cells.columns, config.cells.rows), strict=True):
            if most is not None and number >= most:
                where = f"expected a {which} from 0 to {most - 1}, for the grid has {most}"
                raise ConfigError(file, f"{at}.pins.{pinned}", f"{where}, got {list(cell)}")
    taken: dict[tuple[int, ...], str] = {}
    for pinned, cell in config.pins.items():
        if cell in taken:
            raise ConfigError(file, f"{at}.pins.{pinned}", f"expected another cell than {list(cell)} of {taken[cell]}")
        taken[cell] = pinned
    if config.print is not None and (config.print.width is None) == (config.print.height is None):
        raise ConfigError(file, f"{at}.print", "expected either width or height, in centimetres")
    if config.labels and config.cells.cells == "hexagons":
        raise ConfigError(file, f"{at}.label", "expected none, for hexagons have no room for it")
    if not isinstance(config.grid, GridConfig):
        return config
    return replace(config, grid=_complete_grid(file, f"{at}.grid", config.grid))


def _check_features(file: Path, at: str, config: LayoutConfig) -> None:
    if not config.parts:
        raise ConfigError(file, f"{at}.features", "expected at least one, got none")
    for index, part in enumerate(config.parts):
        if part.of == "vectors" and part.model is None:
            where = f"features[{index}].model" if isinstance(config.features, tuple) else "model"
            missing = "missing; expected the model whose vectors are laid out, like colours"
            raise ConfigError(file, f"{at}.{where}", missing)


def _complete_grid(file: Path, at: str, grid: GridConfig) -> GridConfig:
    given = [name for name in ("shape", "picture", "text") if getattr(grid, name) is not None]
    if len(given) > 1:
        raise ConfigError(file, at, f"expected one of shape, picture and text, got {' and '.join(given)}")
    if grid.text is not None and not grid.text.strip():
        raise ConfigError(file, f"{at}.text", "expected letters, got blanks")
    located = {}
    for name in ("picture", "font"):
        path = getattr(grid, name)
        if path is not None:
            located[name] = (file.resolve().parent / path.expanduser()).resolve()
            if not located[name].is_file():
                raise ConfigError(file, f"{at}.{name}", f"no such file: {located[name]}")
    return replace(grid, **located)
