"""YAML to frozen dataclasses, with errors that name the file, the path in it and what was expected.

A dataclass is its own schema: field types say what a value must be (`Path | tuple[str, ...]`: a path or a list, by its
shape), `setting()` adds bounds and choices, and a field of type `Section` is kept for whoever owns it (a spider's
options, a filter's parameters) to read with the same machinery.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from harvest.config.kinds import SCALARS, Secret, describe, has_shape
from harvest.errors import ConfigError

__all__ = ["Secret", "Section", "digest_of", "load_section", "load_yaml", "params_digest", "setting"]

T = TypeVar("T")
_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def setting(
    default: Any = MISSING,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    choices: tuple[str, ...] | None = None,
    pattern: str | None = None,
    expected: str | None = None,
) -> Any:
    """A dataclass field with bounds. `expected` words a pattern for people, e.g. "an e-mail address or URL"."""
    metadata = {"ge": ge, "gt": gt, "le": le, "choices": choices, "pattern": pattern, "expected": expected}
    if isinstance(default, list | dict):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping of a configuration file that is not read yet, with the place it came from."""

    file: Path
    path: str
    values: Mapping[str, Any]

    def read(self, cls: type[T]) -> T:
        """Turn this mapping into the dataclass `cls`. Raises ConfigError at the first thing that does not fit."""
        hints = get_type_hints(cls)
        known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
        for key in self.values:
            if key not in known:
                raise self.error(str(key), _unknown(str(key), list(known)))
        arguments: dict[str, Any] = {}
        for name, spec in known.items():
            if name in self.values:
                value = _Reader(self.file, self._at(name), spec.metadata).read(hints[name], self.values[name])
                arguments[name] = value
            elif spec.default is MISSING and spec.default_factory is MISSING:
                raise self.error(name, f"missing; expected {describe(hints[name], spec.metadata)}")
        return cls(**arguments)

    def section(self, key: str) -> Section:
        """The mapping under `key`, empty when absent. Raises ConfigError when it is something else."""
        value = self.values.get(key)
        if value is None:
            return Section(self.file, self._at(key), {})
        if not isinstance(value, Mapping):
            raise self.error(key, f"expected a mapping, got {value!r}")
        return Section(self.file, self._at(key), value)

    def error(self, key: str, message: str) -> ConfigError:
        """A ConfigError at `key` of this section."""
        return ConfigError(self.file, self._at(key), message)

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key


def load_section(file: Path) -> Section:
    """Read a YAML file into a Section with every `${NAME}` replaced from the environment.

    Raises ConfigError when the file is missing, is not a YAML mapping, repeats a key, or names an unset variable.
    """
    values = _parse(file)
    return Section(file, "", {key: _expand(value, file, str(key)) for key, value in values.items()})


def digest_of(file: Path) -> str:
    """Hex sha256 of a YAML file's content, blind to layout, comments and the values of `${NAME}`."""
    canonical = json.dumps(_parse(file), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def params_digest(stage: str, code_version: int, parameters: Mapping[str, Any]) -> str:
    """Hex sha256 that identifies what a stage does: its name, its code's version and its parameters.

    Rows of a stage carry it, so that a changed threshold or changed code redoes that stage and no other.
    """
    canonical = json.dumps([stage, code_version, parameters], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def load_yaml(file: Path) -> Any:
    """What a YAML file holds, whatever it is, as it stands there.

    Raises ConfigError when the file is missing, is not YAML, or repeats a key.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(file, "", "no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(file, "", f"cannot be read: {error}") from None
    try:
        return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(file, "", f"not YAML: {where}{error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(file, "", f"not YAML: {error}") from None


class _UniqueKeys(yaml.SafeLoader):
    """SafeLoader that refuses a mapping which says the same key twice, where plain YAML lets the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(self.construct_object(key_node, deep=True))
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands here twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _parse(file: Path) -> dict[str, Any]:
    values = load_yaml(file)
    if not isinstance(values, dict):
        raise ConfigError(file, "", f"expected a mapping of settings, got {type(values).__name__}")
    return values


def _expand(value: Any, file: Path, path: str) -> Any:
    if isinstance(value, str):
        return _ENV.sub(lambda match: _environment(match[1], file, path), value)
    if isinstance(value, list):
        return [_expand(entry, file, f"{path}[{index}]") for index, entry in enumerate(value)]
    if isinstance(value, dict):
        return {key: _expand(entry, file, f"{path}.{key}") for key, entry in value.items()}
    return value


def _environment(name: str, file: Path, path: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ConfigError(
            file, path, f"environment variable {name} is not set; set it before the crawl: export {name}=..."
        )
    return value


def _unknown(key: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return (
        f"unknown key; did you mean {nearest[0]!r}?"
        if nearest
        else f"unknown key; known here: {', '.join(sorted(known))}"
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one value; `path` is where it stands and `rules` are its field's bounds."""

    file: Path
    path: str
    rules: Mapping[str, Any]

    def read(self, kind: Any, value: Any) -> Any:
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            options = [option for option in get_args(kind) if option is not type(None)]
            if value is None and len(options) < len(get_args(kind)):
                return None
            chosen = options if len(options) == 1 else [option for option in options if has_shape(option, value)]
            if not chosen:
                raise self._wrong(kind, value)
            return self.read(chosen[0], value)
        if origin is tuple:
            return self._sequence(get_args(kind)[0], kind, value)
        if kind is Section:
            return Section(self.file, self.path, self._mapping(kind, value))
        if is_dataclass(kind):
            return Section(self.file, self.path, self._mapping(kind, value)).read(kind)  # type: ignore[arg-type]
        if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
            inner = get_args(kind)[1]
            return {
                str(k): _Reader(self.file, f"{self.path}.{k}", self.rules).read(inner, v)
                for k, v in self._mapping(kind, value).items()
            }
        return self._scalar(kind, value)

    def _sequence(self, inner: Any, kind: Any, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise self._wrong(kind, value)
        return tuple(
            _Reader(self.file, f"{self.path}[{index}]", self.rules).read(inner, entry)
            for index, entry in enumerate(value)
        )

    def _mapping(self, kind: Any, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self._wrong(kind, value)
        return value

    def _scalar(self, kind: Any, value: Any) -> Any:
        if get_origin(kind) is Literal:
            if value not in get_args(kind):
                raise self._wrong(kind, value)
            return value
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            if value not in list(kind):
                raise self._wrong(kind, value)
            return kind(value)
        convert = SCALARS.get(kind)
        if convert is None:
            raise TypeError(f"{self.path}: no rule reads {kind!r}")
        converted = convert(value)
        if converted is None or not self._allowed(converted):
            raise self._wrong(kind, value)
        return converted

    def _allowed(self, value: Any) -> bool:
        rules = self.rules
        if isinstance(value, int | float) and not isinstance(value, bool):
            return (
                (rules.get("ge") is None or value >= rules["ge"])
                and (rules.get("gt") is None or value > rules["gt"])
                and (rules.get("le") is None or value <= rules["le"])
            )
        if isinstance(value, str):
            return (not rules.get("choices") or value in rules["choices"]) and (
                not rules.get("pattern") or re.search(rules["pattern"], value) is not None
            )
        return True

    def _wrong(self, kind: Any, value: Any) -> ConfigError:
        shown = "a secret" if kind is Secret else repr(value)
        return ConfigError(self.file, self.path, f"expected {describe(kind, self.rules)}, got {shown}")
