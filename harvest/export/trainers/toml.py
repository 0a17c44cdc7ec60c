"""TOML as sd-scripts reads it: tables, arrays of tables, strings, numbers and truth, nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping

__all__ = ["Value", "table"]

Value = str | int | float | bool | tuple[int, ...]


def table(heading: str, values: Mapping[str, Value], *, indent: str = "") -> str:
    """A table under `heading`, which comes with its brackets: `[general]`, `[[datasets]]`."""
    lines = [f"{indent}{heading}", *(f"{indent}{name} = {_value(value)}" for name, value in values.items())]
    return "\n".join(lines) + "\n"


def _value(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # A basic string escapes what JSON escapes (https://toml.io/en/v1.0.0#string), and DEL besides.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
        case tuple():
            return f"[{', '.join(map(str, value))}]"
        case _:
            return repr(value)
