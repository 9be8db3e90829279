"""One run of the program: its settings, its repository, its answers."""

from __future__ import annotations

import json
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from airflow_provider_versioned.cli import text
from airflow_provider_versioned.cli.exits import DECLINED
from airflow_provider_versioned.cli.settings import Settings
from airflow_provider_versioned.repository.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_versioned.cli.connection import Connection
    from airflow_provider_versioned.repository import Repository


class Invocation:
    """What a command works with.

    Args:
        settings: The global options.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    @cached_property
    def connection(self) -> Connection:
        """The connection to AWS; made when a command first asks for it."""
        from airflow_provider_versioned.cli.connection import connect  # noqa: PLC0415 -- loads boto3

        return connect(self.settings)

    @property
    def repository(self) -> Repository:
        """The repository that the settings name."""
        return self.connection.repository

    @property
    def watched(self) -> bool:
        """Whether a person looks on, to whom progress can be shown."""
        return sys.stderr.isatty() and not self.settings.quiet

    def say(self, message: str) -> None:
        """Tell a person something that is no result."""
        if not self.settings.quiet:
            click.echo(text.printable(message), err=True)

    def answer(self, value: Any, lines: Iterable[str]) -> None:
        """Give the result.

        Args:
            value: For programs: anything that JSON has.
            lines: For people.
        """
        if self.settings.as_json:
            click.echo(json.dumps(value, indent=2))
        else:
            for line in lines:
                click.echo(line)

    def answer_table(self, values: Sequence[Any], header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Give many results; a person gets a table, or a message when there is nothing."""
        if not values and not self.settings.as_json:
            self.say("Nothing there.")
            return
        self.answer(values, () if self.settings.as_json else text.table(header, rows))

    def confirm(self, question: str, *, yes: bool, typed: str | None = None) -> None:
        """Ask before something that cannot be taken back; return only if the answer is yes.

        Args:
            yes: The answer was given as an option.
            typed: What has to be typed instead of ``y``.

        Raises:
            InvalidInputError: Nobody can be asked.
        """
        if yes:
            return
        if not sys.stdin.isatty():
            raise InvalidInputError(f"{question} Nobody can be asked, because stdin is no terminal; give --yes.")
        expected = "[y/N]" if typed is None else f"Type {typed!r} to go on:"
        click.echo(f"{text.printable(question)} {expected} ", nl=False, err=True)
        answer = sys.stdin.readline().strip()
        if answer != typed if typed is not None else answer.lower() not in {"y", "yes"}:
            self.decline()

    @staticmethod
    def decline() -> None:
        """End without having done anything."""
        click.echo("Nothing was done.", err=True)
        raise click.exceptions.Exit(DECLINED.code)


pass_invocation = click.make_pass_decorator(Invocation)
