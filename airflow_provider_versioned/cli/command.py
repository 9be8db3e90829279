"""How commands are made: each takes the global options too; the first group of all turns errors into exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

import click

from airflow_provider_versioned.cli import exits
from airflow_provider_versioned.cli.invocation import Invocation
from airflow_provider_versioned.cli.settings import NAMES, Settings, global_options
from airflow_provider_versioned.cli.text import printable
from airflow_provider_versioned.repository.errors import VersionedError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Command(click.Command):
    """A command that takes the global options among its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options(from_environment=False)

    def invoke(self, ctx: click.Context) -> Any:
        """Hand the global options over and run."""
        ctx.ensure_object(Invocation).settings.override({name: ctx.params.pop(name) for name in NAMES})
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options apart from the global ones."""
        own: list[tuple[str, str]] = []
        everywhere: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            # Arguments are told in the text: not every release of Click lists them.
            entry = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if entry is not None:
                (everywhere if param.name in NAMES else own).append(entry)
        for heading, entries in (("Options", own), ("Global options", everywhere)):
            with formatter.section(heading):
                formatter.write_dl(entries)


class Group(click.Group):
    """A group of such commands, shown in the order in which they were made."""

    command_class = Command
    group_class = type

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- as Click hands it over
        """Return the names of the commands in the order of their making."""
        return list(self.commands)


class Program(Group):
    """The outermost group: what its commands raise becomes one line on stderr and an exit code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options(from_environment=True)

    def invoke(self, ctx: click.Context) -> Any:
        """Take in the global options that stand before the command."""
        given = {name: ctx.params.pop(name) for name in NAMES}
        ctx.obj = Invocation(Settings(**given))
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_stdout()
            ctx.exit(exits.BROKEN_PIPE.code)
        except KeyboardInterrupt:
            click.echo("\nInterrupted; what had been sent may have landed, and the same command takes it up.", err=True)
            ctx.exit(exits.INTERRUPTED.code)

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override] # never returns
        """Run the program and end the process."""
        given = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(given, prog_name, **{**extra, "standalone_mode": False})
        except Exception as error:  # noqa: BLE001 -- here every error ends
            code = _report(error, debug="--debug" in given)
        sys.exit(code or exits.OK.code)


def _report(error: Exception, *, debug: bool) -> int:
    """Say on stderr what went wrong; return the exit code."""
    if isinstance(error, click.ClickException):
        error.show()
        return exits.USAGE.code
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, VersionedError):
        click.echo(f"Error: {printable(error)}", err=True)
    else:
        hint = "" if debug else " Run it again with --debug to see where."
        click.echo(f"Error: Unexpected {type(error).__name__}: {printable(error)}.{hint}", err=True)
    return exits.code_for(error)


def _forget_stdout() -> None:
    """Keep the interpreter from failing once more when it flushes stdout at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
