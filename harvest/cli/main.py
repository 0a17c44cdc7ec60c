"""The `harvest` command. Only here does an error become an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from harvest import __version__
from harvest.cli.checks import audit, doctor, sql, status, verify
from harvest.cli.crawling import crawl, demo, run
from harvest.cli.stages import dedupe, embed, export, filter_, layout, normalize, sheet
from harvest.errors import HarvestError
from harvest.guard import check_packages

__all__ = ["cli", "main"]

COMMANDS = (
    demo,
    run,
    crawl,
    status,
    dedupe,
    embed,
    filter_,
    normalize,
    sheet,
    layout,
    export,
    audit,
    verify,
    sql,
    doctor,
)


class _InOrder(click.Group):
    """Lists commands in the order of the work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="harvest")
def cli() -> None:
    """From YAML that says where images are and on what terms, to a dataset its maker can answer for."""


for _command in COMMANDS:
    cli.add_command(_command)


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
    except HarvestError as error:
        click.echo(f"harvest: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has enough of it
        return 0
    except (KeyboardInterrupt, click.Abort):
        click.echo("harvest: interrupted; what is done is saved, and the same command goes on from here", err=True)
        return 130
    return outcome if isinstance(outcome, int) else 0
