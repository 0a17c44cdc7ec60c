"""What a value in a configuration file may be: which kinds there are, how each is read, and its words in errors."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

__all__ = ["SCALARS", "SLUG", "SLUG_WORDS", "Secret", "describe", "has_shape"]

SLUG = r"^[a-z0-9][a-z0-9._-]*$"  # what a folder can be called
SLUG_WORDS = "a name of small letters, digits, '.', '_' and '-'"


class Secret(str):
    """A string that never shows itself in a repr, so that logs and error messages cannot leak it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"


def has_shape(kind: Any, value: Any) -> bool:
    """Whether `value` is a list, a mapping or a scalar as `kind` is, so that it is read as this one of several."""
    origin = get_origin(kind)
    if origin is tuple:
        return isinstance(value, list)
    if origin is Literal:
        return value in get_args(kind)
    if kind in SCALARS:
        return SCALARS[kind](value) is not None
    return isinstance(value, Mapping)


def describe(kind: Any, rules: Mapping[str, Any] | None = None) -> str:
    """Words for what a value of type `kind` must be: "a number >= 0", "a list of texts"."""
    rules = rules or {}
    if rules.get("expected"):
        return str(rules["expected"])
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(option, rules) for option in get_args(kind) if option is not type(None))
    if origin is tuple:
        return f"a list, each entry {describe(get_args(kind)[0], rules)}"
    if origin is Literal:
        return "one of " + ", ".join(str(option) for option in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "one of " + ", ".join(kind)
    if rules.get("choices"):
        return "one of " + ", ".join(rules["choices"])
    bounds = [
        f"{sign} {rules[name]:g}"
        for name, sign in (("ge", ">="), ("gt", ">"), ("le", "<="))
        if rules.get(name) is not None
    ]
    return " ".join([_WORDS.get(kind, "a mapping"), " and ".join(bounds)]).strip()


def _text(value: Any) -> str | None:
    """Numbers and days are taken as text, because YAML reads what is written without quotes as one.

    Anything else is not text.
    """
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "" else None


def _number(value: Any) -> float | None:
    """Whole numbers are numbers; true, infinity and not-a-number are not."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    return float(value)


SCALARS: dict[Any, Callable[[Any], Any]] = {
    str: _text,
    Secret: lambda value: None if _text(value) is None else Secret(value),
    bool: lambda value: value if isinstance(value, bool) else None,
    int: lambda value: value if isinstance(value, int) and not isinstance(value, bool) else None,
    float: _number,
    Path: lambda value: Path(value) if isinstance(value, str) and value else None,
}
_WORDS: dict[Any, str] = {
    str: "a text",
    Secret: "a secret text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path",
}
