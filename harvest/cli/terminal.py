"""What a person sees: bars, tables and one-line messages on stderr; results on stdout."""

from __future__ import annotations

import csv
import dataclasses
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


class _Bar:
    """One bar; on anything but a terminal, one line when it ends."""

    def __init__(self, terminal: Terminal, label: str, total: int | None) -> None:
        self._terminal, self._label, self._total = terminal, label, total
        self._done, self._note = 0, ""
        self._bars: RichProgress | None = None
        self._id: TaskID | None = None

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count steps, and show `note` beside the bar."""
        self._done += steps
        self._note = note or self._note
        if self._bars is not None and self._id is not None:
            self._bars.update(self._id, advance=steps, note=escape(self._note))

    def __enter__(self) -> Self:
        if self._terminal.animated:
            self._bars = self._terminal.bars()
            self._id = self._bars.add_task(self._label, total=self._total, note="")
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
        elif kind is None and self._done:
            self._terminal.say(f"{self._label}: {self._done:,} {self._note}".rstrip())


@dataclass(frozen=True)
class Terminal:
    """How talkative a command is, and in which form it gives its result. Implements harvest.progress.Progress."""

    json_output: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def console(self) -> Console:
        """The console that words go to."""
        return Console(stderr=True, highlight=False, quiet=self.quiet)

    @property
    def animated(self) -> bool:
        """Whether bars may be drawn."""
        return not self.quiet and self.console.is_terminal

    def bars(self) -> RichProgress:
        """A new bar display: label, bar, count, rate, time left, note."""
        return RichProgress(
            SpinnerColumn(),
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("[dim]{task.fields[note]}"),
            console=self.console,
        )

    def start(self, label: str, total: int | None = None) -> _Bar:
        """Begin a counted piece of work."""
        return _Bar(self, label, total)

    def say(self, message: str) -> None:
        """One line of words on stderr."""
        self.console.print(escape(message), soft_wrap=True)

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
