"""Commands that the pages name in a sentence, or show without running them, exist with their options."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from airflow_provider_versioned.cli.main import main
from tests.docs.pages import PAGES, ROOT

_NAMED = re.compile(r"(?:^ *|`|\$ |\| )versioned-artifacts ([a-z][^`\n|>)]*(?:\\\n[^`\n|>)]*)*)", re.MULTILINE)


def commands_of(page: str) -> list[list[str]]:
    """Return the words of each command after the program's name."""
    text = (ROOT / page).read_text().replace("\\\n", " ")
    return [re.split(r"\s+", found.strip()) for found in _NAMED.findall(text)]


def unknown_in(words: list[str]) -> str | None:
    """Say which word of a command is none of the program's; None: all are."""
    command: click.Command = main
    rest = iter(words)
    while isinstance(command, click.Group):
        word = next(rest, None)
        if word is None:  # the group as such
            return None
        if word not in command.commands:
            return word
        command = command.commands[word]
    options = {name for param in (*command.params, *main.params) for name in (*param.opts, *param.secondary_opts)}
    return next(
        (word for word in rest if word.startswith("--") and word.split("=")[0].strip("[],.;") not in options), None
    )


@pytest.mark.parametrize("page", [page for page in PAGES if commands_of(page)])
def test_commands_that_the_page_names_exist(page: str) -> None:
    for words in commands_of(page):
        unknown = unknown_in(words)
        assert unknown is None, (unknown, shlex.join(words))


def test_command_that_does_not_exist_is_found() -> None:
    assert unknown_in(["alias", "move"]) == "move"
    assert unknown_in(["purge", "plan", "digits", "--keep", "3"]) == "--keep"
