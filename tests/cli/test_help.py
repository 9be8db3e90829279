"""What the program says of itself, and how quickly."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from airflow_provider_versioned.cli.main import main
from airflow_provider_versioned.cli.settings import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Program


def commands(group: click.Group = main, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Return every command with its path."""
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


COMMANDS = dict(commands())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_of_a_command_explains_it_and_each_option(program: Program, path: tuple[str, ...]) -> None:
    command, shown = COMMANDS[path], program.ok(*path, "--help").out
    assert command.help
    assert command.help.split("\n")[0].strip()[0].isupper()
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help or not option.help.strip().endswith(".")] == []
    assert [option.opts[0] for option in options if option.opts[0] not in shown] == []


def test_every_command_takes_the_global_options() -> None:
    leaves = {path: command for path, command in COMMANDS.items() if not isinstance(command, click.Group)}
    for path, command in leaves.items():
        assert [name for name in NAMES if name not in {param.name for param in command.params}] == [], path
    assert len(leaves) > 25


def test_program_without_a_command_shows_its_help(program: Program) -> None:
    outcome = program()
    assert outcome.code == 2
    assert "Usage: versioned-artifacts" in outcome.out + outcome.err


@pytest.mark.parametrize(
    "arguments", [("--help",), ("alias", "put", "--help"), ("iam-policy", "reader", "--bucket", "b42")]
)
def test_program_loads_neither_airflow_nor_an_aws_library_before_it_must(arguments: tuple[str, ...]) -> None:
    code = (
        "import json, sys\n"
        "from airflow_provider_versioned.cli.main import main\n"
        f"try: main({list(arguments)!r})\n"
        "except SystemExit: pass\n"
        "print(json.dumps([name for name in ('airflow', 'boto3', 'botocore', 'pynamodb') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
