"""What a person sees: bars, tables and one-line messages on stderr; results on stdout."""

from __future__ import annotations

import csv
import dataclasses
import functools
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.progress import Task as RichTask
from rich.table import Table
from rich.text import Text

__all__ = ["Terminal", "to_json"]


class _Rate(ProgressColumn):
    def render(self, task: RichTask) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed and speed >= 1 else "", style="dim")


class _Display:
    """The bars that run at this moment, drawn together; they stay on the screen when the last of them ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: RichProgress | None = None
        self._running = 0

    def add(self, label: str, total: int | None) -> TaskID:
        """Draw one more bar: label, bar, count, rate, time left, note."""
        if self._bars is None:
            self._bars = RichProgress(
                SpinnerColumn(),
                TextColumn("{task.description:<24}"),
                BarColumn(bar_width=28),
                MofNCompleteColumn(),
                _Rate(),
                TimeRemainingColumn(compact=True, elapsed_when_finished=True),
                TextColumn("[dim]{task.fields[note]}"),
                console=self._console,
            )
            self._bars.start()
        self._running += 1
        return self._bars.add_task(label, total=total, note="")

    def advance(self, bar: TaskID, steps: int, note: str) -> None:
        """Count steps on a bar."""
        if self._bars is not None:
            self._bars.update(bar, advance=steps, note=escape(note))

    def end(self, bar: TaskID, done: int) -> None:
        """Take a bar as finished at `done` steps."""
        if self._bars is None:
            return
        self._bars.update(bar, total=done, completed=done)
        self._running -= 1
        if not self._running:
            self._bars.stop()
            self._bars = None


class _Bar:
    """One bar; on anything but a terminal, one line when it ends."""

    def __init__(self, terminal: Terminal, label: str, total: int | None) -> None:
        self._terminal, self._label, self._total = terminal, label, total
        self._done, self._note = 0, ""
        self._id: TaskID | None = None

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count steps, and show `note` beside the bar."""
        self._done += steps
        self._note = note or self._note
        if self._id is not None:
            self._terminal.display.advance(self._id, steps, self._note)

    def __enter__(self) -> Self:
        if self._terminal.animated:
            self._id = self._terminal.display.add(self._label, self._total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._id is not None:
            self._terminal.display.end(self._id, self._done)
        elif kind is None and self._done:
            self._terminal.say(f"{self._label}: {self._done:,} {self._note}".rstrip())


@dataclass(frozen=True)
class Terminal:
    """How talkative a command is, and in which form it gives its result. Implements harvest.progress.Progress."""

    json_output: bool = False
    quiet: bool = False
    verbose: bool = False

    @functools.cached_property
    def console(self) -> Console:
        """The console that words go to."""
        return Console(stderr=True, highlight=False, quiet=self.quiet)

    @property
    def animated(self) -> bool:
        """Whether bars may be drawn."""
        return not self.quiet and self.console.is_terminal

    @functools.cached_property
    def display(self) -> _Display:
        """Where bars are drawn."""
        return _Display(self.console)

    def start(self, label: str, total: int | None = None) -> _Bar:
        """Begin a counted piece of work."""
        return _Bar(self, label, total)

    def say(self, message: str) -> None:
        """One line of words on stderr."""
        # Without markup at all: rich's escape doubles a backslash at the end of a line, and commands end in some.
        self.console.print(message, markup=False, emoji=False, soft_wrap=True)

    def result(self, value: object) -> None:
        """Give a result to a program: one JSON document on stdout, when --json asks for it."""
        if self.json_output:
            self.as_json(value)

    def as_json(self, value: object) -> None:
        """Write one JSON document to stdout."""
        sys.stdout.write(to_json(value) + "\n")

    def lines(self, lines: Sequence[str]) -> None:
        """Show plain lines on stdout, unless --json asked for JSON instead."""
        if not self.json_output:
            sys.stdout.writelines(f"{line}\n" for line in lines)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
        """Show a table on stdout, unless --json asked for JSON instead."""
        if self.json_output:
            return
        table = Table(*columns, title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
        for row in rows:
            table.add_row(*("" if cell is None else escape(_shown(cell)) for cell in row))
        width = None if sys.stdout.isatty() else 200
        Console(highlight=False, width=width).print(table)

    def csv(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write rows as CSV to stdout."""
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows(rows)


def to_json(value: object) -> str:
    """JSON text of dataclasses, paths, dates and plain values."""
    return json.dumps(_plain(value), ensure_ascii=False, indent=2)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value) if isinstance(value, Path) else repr(value)


def _shown(cell: object) -> str:
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
