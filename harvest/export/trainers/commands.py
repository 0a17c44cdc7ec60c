"""Command lines to go on with: with relative paths for a file in the export, with absolute ones for the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Checkout", "Command", "Inside", "Word", "shown", "written"]


@dataclass(frozen=True, slots=True)
class Inside:
    """A path relative to the export's folder, with forward slashes."""

    path: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """A file in a checkout of the trainer's own code, which the environment variable `name` names."""

    name: str
    path: str


Word = str | int | float | Inside | Checkout


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its leading words, and its options in order; True stands for an option without a value."""

    words: tuple[Word, ...]
    options: tuple[tuple[str, Word | bool], ...]

    def lines(self, folder: Path | None = None) -> list[str]:
        """The command for a shell, an option a line; paths are those in `folder`, relative without it."""
        lines = [" ".join(_quoted(word, folder) for word in self.words)]
        for name, value in self.options:
            if value is not False:
                lines.append(f"  --{name}" if value is True else f"  --{name} {_quoted(value, folder)}")
        return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def shown(commands: Iterable[tuple[str, Command]], folder: Path) -> list[str]:
    """Headed commands for the terminal: to be pasted from wherever one is."""
    lines: list[str] = []
    home = folder.resolve()
    for heading, command in commands:
        lines += [f"# {heading}", f"cd {shlex.quote(str(home))} && \\", *command.lines(home), ""]
    return lines[:-1]


def written(heading: str, paragraphs: Sequence[str], commands: Iterable[tuple[str, Command]]) -> str:
    """A page of Markdown with the same commands, to be run in the export's folder."""
    lines = [f"# {heading}", ""]
    for paragraph in paragraphs:
        lines += [paragraph, ""]
    for title, command in commands:
        lines += [f"## {title}", "", "```sh", *command.lines(), "```", ""]
    return "\n".join(lines)


def _quoted(word: Word | bool, folder: Path | None) -> str:
    if isinstance(word, Checkout):
        return f'"${word.name}/{word.path}"'
    if isinstance(word, Inside):
        path = Path(word.path)
        return shlex.quote(str(path if folder is None else Path(*_joined(folder, path))))
    return shlex.quote(str(word))


def _joined(folder: Path, path: Path) -> tuple[str, ...]:
    """The parts of a path in `folder`, each `..` taken back."""
    parts = list(folder.parts)
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return tuple(parts)
