"""Captions that somebody wrote for single images, and which images they speak of.

A folder holds a text file for each image (`.txt` or `.caption`, in folders of its own if one likes): so an export for a
trainer that was gone over by hand may be given back. One file holds many: a mapping of names to captions (YAML, JSON),
or a row for each (JSONL, CSV) with `file_name` and `text`. As trainers do, we read the first line of a text alone.

An image is named by at least ten of the first digits of its sha256, or by a file of it: a sized copy, one of an export,
the one at its source; or by its id there, which for files is their path. Endings do not count; folders do in ids alone.
"""

from __future__ import annotations

import csv
import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Self

from harvest.config.reader import load_yaml
from harvest.errors import ConfigError
from harvest.ledger import Connection, files_named
from harvest.ledger.naming import DIGITS
from harvest.stages.caption.wording import tidy

__all__ = ["Overrides", "Written"]

_ENDINGS = (".txt", ".caption")
_NAMES = ("file_name", "file", "path", "name", "sha256", "image")
_TEXTS = ("text", "caption")


class Written(NamedTuple):
    """A caption that somebody wrote, and the name that it goes by: a file in the folder, or a name in the file."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Captions by sha256; and the names of those that speak of no image here, of several, or say nothing."""

    captions: Mapping[str, Written]
    unmatched: Sequence[str] = ()
    ambiguous: Sequence[str] = ()
    empty: Sequence[str] = ()

    @classmethod
    def of(cls, con: Connection, place: Path, sha256s: Sequence[str]) -> Self:
        """All captions at `place` and the images that they speak of; `sha256s` are those of the ledger, in order.

        Raises ConfigError for what cannot be read, and for two captions that speak of one image and differ.
        """
        written = list(_in_folder(place) if place.is_dir() else _in_file(place))
        stems = {each.name: _stems(each.name) for each in written}
        files: dict[str, set[str]] = {}
        for stem, sha256 in files_named(con, {stem for each in stems.values() for stem in each}):
            files.setdefault(stem, set()).add(sha256)
        captions: dict[str, Written] = {}
        odd: dict[str, list[str]] = {"unmatched": [], "ambiguous": [], "empty": []}
        for each in written:
            found = _spoken_of(stems[each.name], sha256s, files)
            if not tidy(each.text):
                odd["empty"].append(each.name)
            elif len(found) != 1:
                odd["ambiguous" if found else "unmatched"].append(each.name)
            else:
                (sha256,) = found
                other = captions.setdefault(sha256, each)
                if tidy(other.text) != tidy(each.text):
                    message = f"speaks of the same image as {other.name}, and says something else; keep one of them"
                    raise ConfigError(place, each.name, message)
        return cls(captions=captions, **odd)


def _spoken_of(stems: Sequence[str], sha256s: Sequence[str], files: Mapping[str, set[str]]) -> set[str]:
    """The images that a name may stand for: by digits, else by a file called so."""
    for stem in stems:
        if DIGITS.fullmatch(stem):
            first = bisect_left(sha256s, stem.lower())
            found = {sha256 for sha256 in sha256s[first : first + 2] if sha256.startswith(stem.lower())}
            if found:
                return found
    return next((files[stem] for stem in stems if stem in files), set())


def _stems(name: str) -> tuple[str, ...]:
    """What a name may mean, the closest first: with its folders and without, `a.jpg.txt` as `a.jpg` and as `a`."""
    path = PurePosixPath(name.replace("\\", "/"))
    path = path.with_suffix("") if path.suffix in _ENDINGS else path
    bare = path.with_suffix("") if path.suffix else path
    return tuple(dict.fromkeys((path.as_posix(), bare.as_posix(), path.name, bare.name)))


def _in_folder(folder: Path) -> Iterator[Written]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in _ENDINGS and path.is_file() and not path.name.startswith("."):
            yield Written(path.relative_to(folder).as_posix(), _first_line(_text_of(path)))


def _in_file(file: Path) -> Iterator[Written]:
    if file.suffix == ".csv":
        rows = csv.DictReader(_text_of(file).splitlines())
        yield from (_row(file, number, row) for number, row in enumerate(rows, start=2))
    elif file.suffix == ".jsonl":
        lines = enumerate(_text_of(file).splitlines(), start=1)
        yield from (_row(file, number, _json_line(file, number, line)) for number, line in lines if line.strip())
    else:
        values = load_yaml(file)  # JSON is YAML as well
        if not isinstance(values, dict):
            raise ConfigError(file, "", f"expected a mapping of names to captions, got {type(values).__name__}")
        for name, text in values.items():
            if not isinstance(text, str):
                raise ConfigError(file, str(name), f"expected a caption, got {text!r}")
            yield Written(str(name), _first_line(text))


def _row(file: Path, number: int, row: Any) -> Written:
    """The caption of one row of a table. Raises ConfigError where it has none, or no name."""
    values = row if isinstance(row, dict) else {}
    name = next((values[key] for key in _NAMES if values.get(key)), None)
    text = next((values[key] for key in _TEXTS if values.get(key) is not None), None)
    if not isinstance(name, str) or not isinstance(text, str):
        raise ConfigError(file, f"line {number}", f"expected {_NAMES[0]} and {_TEXTS[0]}, got {row!r}")
    return Written(name, _first_line(text))


def _json_line(file: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ConfigError(file, f"line {number}", f"not JSON: {error}") from None


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(file, "", f"cannot be read: {error}") from None


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")
