"""Options that every command takes, and the terminal they make."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from harvest.cli.terminal import Terminal
from harvest.workspace import Workspace

__all__ = ["EXISTING_FILE", "common"]

Command = TypeVar("Command", bound=Callable[..., Any])
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def common(command: Command) -> Command:
    """Give a command `-w`, `--json`, `-q` and `-v`, and pass them on as `workspace` and `terminal`."""

    @click.option(
        "-w",
        "--workspace",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="The dataset's folder (default: HARVEST_WORKSPACE, or ./workspace).",
    )
    @click.option("--json", "json_output", is_flag=True, help="Give the result as JSON on stdout.")
    @click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors and results.")
    @click.option("-v", "--verbose", is_flag=True, help="Say more.")
    @functools.wraps(command)
    def wrapped(folder: Path | None, json_output: bool, quiet: bool, verbose: bool, **arguments: Any) -> Any:
        root = folder or Path(os.environ.get("HARVEST_WORKSPACE") or "workspace")
        terminal = Terminal(json_output=json_output, quiet=quiet, verbose=verbose)
        return command(workspace=Workspace(root), terminal=terminal, **arguments)

    return wrapped  # type: ignore[return-value]
