"""What images are called in training: `captions:` of a recipe."""

from __future__ import annotations

import difflib
import string
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from harvest.config.reader import setting
from harvest.errors import ConfigError

__all__ = ["FIELDS", "CaptionLabels", "CaptionsConfig", "Part", "complete_captions", "parts_of"]

FIELDS = (
    "trigger",
    "title",
    "description",
    "tags",
    "labels",
    "label",
    "label_path",
    "creator",
    "source",
    "license",
    "date",
    "year",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionLabels:
    """Which labels captions speak of: those that people gave by hand, then those of the `source`; those of the recipe's
    `labels` filters (`model`) with a share of at least `min_share`; or both, the models' last; at most `most` of them.
    Where no word of a tree has that share, the deepest branch speaks whose words have it together.
    """

    by: str = setting("both", choices=("both", "source", "model"))
    min_share: float = setting(0.2, ge=0, le=1)
    most: int = setting(3, ge=1, le=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionsConfig:
    """Captions by template: the first of `templates` whose fields an image all has.

    Fields are the names in FIELDS, `{{` is a brace. `trigger` is a word that every caption holds: it is put in front
    where the template does not place it. `overrides` is a folder of text files, or one file (YAML, JSON, JSONL, CSV),
    with captions that somebody wrote; they come before those that lie beside originals (`sidecars`), and both before
    the templates. Longer captions are cut between words, at `max_words` or `max_chars`.
    """

    trigger: str | None = None
    templates: str | tuple[str, ...] = ("{title}, {labels}", "{title}", "{labels}")
    labels: CaptionLabels = field(default_factory=CaptionLabels)
    overrides: Path | None = None
    sidecars: bool = True
    max_words: int | None = setting(None, ge=1)
    max_chars: int | None = setting(None, ge=10)


class Part(NamedTuple):
    """A piece of a template: text as it is, then a field or none."""

    text: str
    field: str | None


def parts_of(template: str) -> tuple[Part, ...]:
    """A template's pieces. Raises ValueError with advice for what is no field."""
    try:
        pieces = list(string.Formatter().parse(template))
    except ValueError:
        raise ValueError(f"expected fields like {{title}}, and {{{{ for a brace, got {template!r}") from None
    for _, name, form, conversion in pieces:
        if name is None or (name in FIELDS and not form and not conversion):
            continue
        if name in FIELDS:
            raise ValueError(f"expected {{{name}}} alone, got {template!r}")
        nearest = difflib.get_close_matches(name, FIELDS, n=1, cutoff=0.5)
        known = f"did you mean {{{nearest[0]}}}?" if nearest else f"known are {', '.join(FIELDS)}"
        raise ValueError(f"no field {{{name}}}; {known}")
    return tuple(Part(text, name) for text, name, _, _ in pieces)


def complete_captions(file: Path, config: CaptionsConfig | None) -> CaptionsConfig | None:
    """What the recipe `file` says of captions, the path in it made absolute.

    Raises ConfigError, with the place, for templates that cannot be filled and overrides that are not there.
    """
    if config is None:
        return None
    single = isinstance(config.templates, str)
    templates = (config.templates,) if isinstance(config.templates, str) else config.templates
    if not templates:
        raise ConfigError(file, "captions.templates", "expected at least one template, got none")
    for index, template in enumerate(templates):
        at = "captions.templates" + ("" if single else f"[{index}]")
        try:
            named = {part.field for part in parts_of(template)}
        except ValueError as error:
            raise ConfigError(file, at, str(error)) from None
        if "trigger" in named and config.trigger is None:
            raise ConfigError(file, at, "{trigger} stands for `trigger:`, which is not set")
    if config.trigger is not None and not config.trigger.strip():
        raise ConfigError(file, "captions.trigger", "expected a word, got blanks")
    overrides = config.overrides
    if overrides is not None:
        overrides = (file.resolve().parent / overrides.expanduser()).resolve()
        if not overrides.exists():
            raise ConfigError(file, "captions.overrides", f"no such file or folder: {overrides}")
    return replace(config, templates=templates, overrides=overrides)
