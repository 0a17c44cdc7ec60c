"""How long work reports how far it is, without knowing who watches."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

__all__ = ["Progress", "SilentProgress", "Task"]


class Task(Protocol):
    """One counted piece of work, used as a context manager."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count `steps` as done; `note` replaces the words beside the bar when it is not empty."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Progress(Protocol):
    """Whoever shows progress: a terminal, a log, or nobody."""

    def start(self, label: str, total: int | None = None) -> Task:
        """Begin a task of `total` steps; None when nobody knows how many there are."""

    def say(self, message: str) -> None:
        """Tell the person at the terminal one line."""


class _SilentTask:
    def advance(self, steps: int = 1, note: str = "") -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class SilentProgress:
    """Shows nothing: for tests and for callers that do not care."""

    def start(self, label: str, total: int | None = None) -> Task:  # noqa: ARG002
        """Begin a task nobody sees."""
        return _SilentTask()

    def say(self, message: str) -> None:
        """Say it to nobody."""
