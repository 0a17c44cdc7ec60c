"""How contact sheets look and what they are ordered by: `sheet:` of a recipe."""

from __future__ import annotations

from dataclasses import dataclass

from harvest.config.reader import setting

__all__ = ["LABELS", "SORTS", "SheetConfig"]

LABELS = ("title", "creator", "license", "source", "date", "sha256", "caption", "score")
SORTS = ("source", "title", "creator", "date", "license", "pixels", "brightness", "sharpness", "colour", "score")
_COLOUR, _LIKE = r"^#[0-9a-fA-F]{6}$", "a colour like '#ffffff'"


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetConfig:
    """A contact sheet: `columns` by `rows` pictures a page (without `rows`, an upright page), each whole in a cell of
    `tile` by `height` pixels (a square without `height`).

    `label` is one thing or several that stand under each picture; `sort` what they are ordered by, and by their
    titles next. `score` names the filter, by its stage (`filter.aesthetic`), whose values are meant by `score`: the
    last one that gave numbers where it is not said. `heading` stands above, the recipe's title where it is not said,
    unless the page is not to be `headed`. Pages are files of `format`; those of a PDF are one file, printed at `dpi`.
    """

    columns: int = setting(24, ge=1, le=200)
    rows: int | None = setting(None, ge=1, le=1000)
    tile: int = setting(128, ge=16, le=1024)
    height: int | None = setting(None, ge=16, le=1024)
    gap: int | None = setting(None, ge=0, le=512)
    margin: int | None = setting(None, ge=0, le=2048)
    background: str = setting("#fbfaf7", pattern=_COLOUR, expected=_LIKE)
    border: int = setting(0, ge=0, le=64)
    border_colour: str = setting("#dcd8cf", pattern=_COLOUR, expected=_LIKE)
    heading: str | None = None
    headed: bool = True
    label: str | tuple[str, ...] | None = setting(None, choices=LABELS)
    sort: str = setting("source", choices=SORTS)
    descending: bool = False
    score: str | None = None
    format: str = setting("jpeg", choices=("jpeg", "png", "pdf"))
    quality: int = setting(90, ge=1, le=100)
    dpi: int = setting(300, ge=36, le=2400)

    @property
    def labels(self) -> tuple[str, ...]:
        """What stands under each picture, a line each."""
        return (self.label,) if isinstance(self.label, str) else (self.label or ())
