"""Arguments that many commands share, and the kinds of values that only the command line has."""

from __future__ import annotations

import getpass
import os
import re
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from airflow_provider_versioned.cli.invocation import Invocation
from airflow_provider_versioned.cli.settings import NAMES, Settings
from airflow_provider_versioned.repository.errors import InvalidInputError, VersionedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])?")
_AUTHOR_VARIABLE = "VERSIONED_BY"


def duration(value: str | float) -> float:
    """Return seconds for a number with or without a unit: ``90d``, ``12h``, ``3600``."""
    found = _DURATION.fullmatch(str(value))
    if found is None:
        raise click.BadParameter(f"{value!r} is no duration; write a number and s, m, h, d or w, such as 90d.")
    return float(found[1]) * _SECONDS[found[2] or "s"]


def moment(value: str) -> datetime:
    """Return an aware time for ISO 8601, in UTC unless it says otherwise, or for how long ago it was: ``3d``."""
    ago = _DURATION.fullmatch(value)
    try:
        if ago is not None and ago[2]:
            return datetime.now(UTC) - timedelta(seconds=duration(value))
        said = datetime.fromisoformat(value)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{value!r} is no time; write 2026-01-31, 2026-01-31T14:30, or 3d for three days ago."
        ) from error
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def pair(value: str) -> tuple[str, str]:
    """Return key and value of ``KEY=VALUE``."""
    key, separator, rest = value.partition("=")
    if not separator:
        raise click.BadParameter(f"{value!r} has no '='; write KEY=VALUE.")
    return key, rest


def _completed(names: Callable[[Invocation, str], Iterable[str]]) -> Callable[..., list[str]]:
    """Return what the shell asks for names in the repository; it gets none when the repository cannot be read."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        run = Invocation(Settings())
        for level in (ctx.find_root().params, ctx.params):
            run.settings.override({name: level.get(name) for name in NAMES})
        # Click leaves the arguments unread when an option still lacks its value.
        artifact = ctx.params.get("name") or next(iter(ctx.args), "")
        try:
            return [name for name in names(run, artifact) if name.startswith(incomplete)]
        except VersionedError:
            return []

    return complete


complete_artifact = _completed(lambda run, _: run.repository.list_artifact_names())
complete_alias = _completed(lambda run, artifact: [entry.alias for entry in run.repository.list_aliases(artifact)])

name_argument = click.argument("name", shell_complete=complete_artifact)
names_argument = click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_artifact)
all_option = click.option("--all", "everything", is_flag=True, help="Do it for every artifact of the repository.")
optional_name_argument = click.argument("name", required=False, shell_complete=complete_artifact)
alias_argument = click.argument("alias", shell_complete=complete_alias)
version_argument = click.argument("version")
optional_version_argument = click.argument("version", required=False)
by_alias_option = click.option(
    "--alias", shell_complete=complete_alias, help="The version that this alias points at, not the second one."
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
reason_option = click.option("--reason", help="Why; kept in the record.")
if_revision_option = click.option("--if-revision", help="Only if the alias still has this revision; exits 4 otherwise.")
key_option = click.option(
    "--idempotency-key", help="Your name for this change: repeated with the same key, it is done once."
)


def author_option(flag: str) -> Callable[[Any], Any]:
    """Return the option that says who does it; the user of this machine unless said."""
    return click.option(
        flag,
        "author",
        envvar=_AUTHOR_VARIABLE,
        show_envvar=True,
        help="Who does it; else USER@HOST. Kept in the record.",
    )


def author(given: str | None) -> str:
    """Return who runs the command."""
    if given:
        return given
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def chosen_names(run: Invocation, names: tuple[str, ...], *, everything: bool) -> list[str]:
    """Return the artifacts that a command is for.

    Raises:
        InvalidInputError: Neither names nor ``--all`` were given, or both.
    """
    if bool(names) == everything:
        raise InvalidInputError("Give the names of artifacts, or --all for every one of them.")
    return run.repository.list_artifact_names() if everything else list(names)
