"""docs/command-line.md: its console blocks, run one after the other, and its reference, made from the program itself.

``python -m tests.cli.document`` writes both anew. A comment ``<!-- 2026-01-26T09:00 -->`` sets the clock for the blocks
that follow; what is different in each run (revisions) is shown as ``…``.
"""

from __future__ import annotations

import inspect
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import time_machine

from airflow_provider_versioned.cli.exits import EXITS
from airflow_provider_versioned.cli.main import main
from airflow_provider_versioned.cli.settings import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DOCUMENT = Path(__file__).parents[2] / "docs" / "command-line.md"
PROGRAM = "versioned-artifacts"
_CLOCK_OR_BLOCK = re.compile(r"<!-- (?P<clock>\S+T\S+) -->|```console\n(?P<block>.*?)```", re.DOTALL)
_MARK = "<!-- made by `python -m tests.cli.document`; do not edit below -->\n"
_REVISION = re.compile(r"\b[0-9a-f]{32}\b")


def with_real_answers(text: str, run: Callable[[list[str]], str]) -> str:
    """Return the document with what its commands answer.

    Args:
        run: Runs the program with arguments; returns what a person sees who says yes to each question.
    """
    parts, end, clock = [], 0, "2026-01-01T00:00"
    for found in _CLOCK_OR_BLOCK.finditer(text):
        parts.append(text[end : found.start()])
        clock = found["clock"] or clock
        if found["block"]:
            with time_machine.travel(f"{clock}:00Z", tick=False):
                parts.append(f"```console\n{''.join(_answered(found['block'], run))}```")
        else:
            parts.append(found[0])
        end = found.end()
    return "".join([*parts, text[end:]])


def _answered(block: str, run: Callable[[list[str]], str]) -> Iterator[str]:
    for command in re.findall(r"^\$ (?:.*\\\n)*.*\n", block, re.MULTILINE):
        yield command
        words = shlex.split(command.removeprefix("$ ").replace("\\\n", " "))
        if words[0] == "export":
            os.environ.update(dict(word.split("=", 1) for word in words[1:]))
            continue
        assert words[0] == PROGRAM, command
        yield _REVISION.sub("…", run(words[1:]))


def with_reference(text: str) -> str:
    """Return the document with its reference."""
    return text[: text.index(_MARK)] + _MARK + "\n" + reference()


def reference() -> str:
    """Return all commands, the global options and the exit codes as Markdown."""
    root = click.Context(main, info_name=PROGRAM)
    sections = [_section(command, ctx) for command, ctx in _walk(main, root)]
    everywhere = [param for param in main.params if param.name in NAMES]
    codes = "\n".join(f"| {entry.code} | {entry.meaning} |" for entry in EXITS)
    return "\n".join(
        [
            *sections,
            "### Global options\n\nBefore the command or after it; the one after it wins.\n",
            _options(everywhere, root),
            f"### Exit codes\n\n| code | meaning |\n|---|---|\n{codes}",
            "",
        ]
    )


def _walk(group: click.Group, parent: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    for name, command in group.commands.items():
        ctx = click.Context(command, info_name=name, parent=parent)
        if isinstance(command, click.Group):
            yield from _walk(command, ctx)
        else:
            yield command, ctx


def _section(command: click.Command, ctx: click.Context) -> str:
    arguments = " ".join(_argument(param) for param in command.params if isinstance(param, click.Argument))
    own = [param for param in command.params if isinstance(param, click.Option) and param.name not in NAMES]
    words = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(command.help or ""))
    title = f"{ctx.command_path.removeprefix(f'{PROGRAM} ')} {arguments}".strip()
    return f"### `{title}`\n\n{words}\n" + (f"\n{_options(own, ctx)}" if own else "")


def _argument(param: click.Argument) -> str:
    name = (param.name or "").upper()
    if param.nargs == -1:
        return f"[{name.rstrip('S')}…]"
    return name if param.required else f"[{name}]"


def _options(params: Sequence[click.Parameter], ctx: click.Context) -> str:
    return "".join(f"{_option(param, ctx)}\n" for param in params if isinstance(param, click.Option))


def _option(param: click.Option, ctx: click.Context) -> str:
    names = "`, `".join([*param.opts, *param.secondary_opts])
    value = "" if param.is_flag else f" {param.make_metavar(ctx)}"
    default = f" Default: {str(param.default).lower()}." if param.show_default else ""
    variables = [param.envvar] if isinstance(param.envvar, str) else list(param.envvar or ())
    variable = f" Environment: {', '.join(f'`{name}`' for name in variables)}." if variables else ""
    return f"- `{names}{value}`: {param.help}{default}{variable}"


if __name__ == "__main__":
    from tests.cli.test_document import answers

    with answers() as run:
        DOCUMENT.write_text(with_reference(with_real_answers(DOCUMENT.read_text(), run)))
