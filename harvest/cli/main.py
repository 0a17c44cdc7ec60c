"""The `harvest` command. Only here does an error become an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence

import click

from harvest import __version__
from harvest.errors import ConfigError, HarvestError
from harvest.guard import check_packages

__all__ = ["cli", "main"]

# In the order of the work. Modules are imported when their command is asked for: some take seconds.
COMMANDS: Mapping[str, str] = {
    "demo": "showing:demo",
    "run": "crawling:run",
    "plan": "planning:plan",
    "crawl": "crawling:crawl",
    "ingest": "ingesting:ingest",
    "scale": "scaling:scale",
    "status": "checks:status",
    "dedupe": "stages:dedupe",
    "embed": "stages:embed",
    "filter": "stages:filter_",
    "split": "stages:split",
    "normalize": "stages:normalize",
    "augment": "stages:augment",
    "caption": "stages:caption",
    "sheet": "stages:sheet",
    "layout": "stages:layout",
    "search": "searching:search",
    "review": "reviewing:review",
    "export": "stages:export",
    "audit": "auditing:audit",
    "verify": "checks:verify",
    "takedown": "removal:takedown",
    "sql": "checks:sql",
    "doctor": "checks:doctor",
}


class _Commands(click.Group):
    """Finds a command in the module that has it, and lists all in the order of the work."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(f"harvest.cli.{module}"), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="harvest")
def cli() -> None:
    """From YAML that says where images are and on what terms, to a dataset its maker can answer for."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    0 done, 1 a check failed, 2 usage or configuration, 3 a source refused or failed, 4 a component is missing, 130
    interrupted.
    """
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        check_packages()
        outcome = cli.main(args=arguments, prog_name="harvest", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ConfigError as error:
        click.echo(str(error), err=True)  # begins with the file, so that editors can jump there
        return error.exit_code
    except HarvestError as error:
        click.echo(f"harvest: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has enough of it
        return 0
    except (KeyboardInterrupt, click.Abort):
        click.echo("harvest: interrupted; what is done is saved, and the same command goes on from here", err=True)
        return 130
    return outcome if isinstance(outcome, int) else 0
