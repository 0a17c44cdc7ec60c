"""A recipe: which sources make a dataset, and what is done with their images, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harvest.config.about import AboutConfig
from harvest.config.augment import AugmentConfig, check_augment
from harvest.config.captions import CaptionsConfig, complete_captions
from harvest.config.dedupe import DedupeConfig, check_dedupe, spelled_out
from harvest.config.kinds import SLUG, SLUG_WORDS
from harvest.config.layout import LayoutConfig, complete_layouts, layouts_of
from harvest.config.models import located
from harvest.config.reader import Section, digest_of, load_section, params_digest, setting
from harvest.config.sheet import SheetConfig
from harvest.config.sizes import SizeConfig, check_sizes
from harvest.config.split import SplitConfig, complete_split
from harvest.errors import ConfigError

__all__ = [
    "Recipe",
    "SizeConfig",
    "load_recipe",
    "params_digest",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    name: str = setting(pattern=SLUG, expected=SLUG_WORDS)
    title: str | None = None
    description: str | None = None
    about: AboutConfig = field(default_factory=AboutConfig)
    sources: tuple[Path, ...] = ()
    seed: int = setting(0, ge=0)
    dedupe: DedupeConfig = field(default_factory=DedupeConfig)
    embed: tuple[str, ...] = ()
    filter: tuple[Section, ...] = ()
    sizes: tuple[SizeConfig, ...] = (SizeConfig(px=32), SizeConfig(px=128), SizeConfig(px=256))
    split: SplitConfig | None = None
    augment: AugmentConfig | None = None
    captions: CaptionsConfig | None = None
    sheet: SheetConfig | None = field(default_factory=SheetConfig)
    layout: LayoutConfig | tuple[LayoutConfig, ...] | None = field(default_factory=LayoutConfig)
    export: tuple[Section, ...] = ()
    policy: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(_Document):
    """A validated recipe; paths are absolute. `filter` and `export` entries are read by the floors that own them.

    `embed` names models beside those that filters and layout need, so that vectors of them are there to search by.
    Each `filter` section has one key, the filter's name, over its parameters. Each `export` section names a `format`.
    """

    file: Path
    digest: str

    @property
    def layouts(self) -> tuple[LayoutConfig, ...]:
        """The mosaics, each with its name."""
        return layouts_of(self.name, self.layout)


def load_recipe(file: Path) -> Recipe:
    """Read and validate a recipe; all paths are relative to the recipe's folder. Raises ConfigError."""
    section = spelled_out(located(load_section(file)))
    document = section.read(_Document)
    for index, entry in enumerate(document.filter):
        if len(entry.values) != 1:
            raise ConfigError(
                file, f"filter[{index}]", f"expected one filter with its parameters, got {sorted(entry.values)}"
            )
    base = file.resolve().parent
    values: dict[str, Any] = {name: getattr(document, name) for name in _Document.__dataclass_fields__}
    values["sources"] = tuple((base / source).resolve() for source in document.sources)
    values["policy"] = (base / document.policy).resolve() if document.policy else None
    values["split"] = complete_split(section, document.split)
    values["captions"] = complete_captions(file, document.captions)
    for index, source in enumerate(values["sources"]):
        if not source.is_file():
            raise ConfigError(file, f"sources[{index}]", f"no such file: {source}")
    values["layout"] = complete_layouts(file, document.name, document.layout)
    check_dedupe(section, document.dedupe)
    check_sizes(section, document.sizes)
    check_augment(section, document.augment, {size.px for size in document.sizes})
    return Recipe(**values, file=file, digest=digest_of(file))
