"""Commands on artifacts and versions: get, list, delete, restore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from airflow_provider_versioned.cli import text
from airflow_provider_versioned.cli.arguments import (
    by_alias_option,
    name_argument,
    optional_name_argument,
    optional_version_argument,
    version_argument,
    yes_option,
)
from airflow_provider_versioned.cli.command import Command
from airflow_provider_versioned.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_versioned.repository import Alias, Artifact

_SHOWN_DIGITS = 12


def describe(artifact: Artifact) -> list[str]:
    """Return a version's record for people."""
    size = None if artifact.size is None else f"{text.size(artifact.size)} ({artifact.size} bytes)"
    return text.record(
        [
            ("name", artifact.name),
            ("version", artifact.version),
            ("written", artifact.update_at),
            ("size", size),
            ("sha256", artifact.sha256),
            ("published by", artifact.published_by),
            ("protected", artifact.protected),
            ("s3uri", artifact.s3uri),
        ]
    )


def resolve(run: Invocation, name: str, version: str | None, alias: str | None) -> Artifact:
    """Read the record that the arguments name; of an alias, its (primary) version.

    Raises:
        UsageError: Version and alias were given.
    """
    if version is not None and alias is not None:
        raise click.UsageError("Give a version or --alias, not both.")
    wanted = version if alias is None else run.repository.get_alias(name, alias).version
    return run.repository.get_artifact_version(name, wanted)


@click.command(cls=Command)
@name_argument
@optional_version_argument
@by_alias_option
@pass_invocation
def get(run: Invocation, name: str, version: str | None, alias: str | None) -> None:
    """Show the record of one version; LATEST unless said."""
    artifact = resolve(run, name, version, alias)
    run.answer(artifact.to_dict(), describe(artifact))


@click.command("list", cls=Command)
@optional_name_argument
@pass_invocation
def list_(run: Invocation, name: str | None) -> None:
    """List the artifacts, or the live versions of one of them."""
    if name is None:
        names = run.repository.list_artifact_names()
        if not names:
            run.say("Nothing there.")
        run.answer(names, map(text.printable, names))
        return
    pointing = _aliases_by_version(run.repository.list_aliases(name))
    versions = run.repository.list_artifact_versions(name)
    header = ("VERSION", "WRITTEN", "SIZE", "SHA256", "ALIASES", "PUBLISHED BY", "PROTECTED")
    values = [{**artifact.to_dict(), "aliases": pointing.get(artifact.version, [])} for artifact in versions]
    run.answer_table(values, header, (_row(artifact, pointing.get(artifact.version, [])) for artifact in versions))


def _row(artifact: Artifact, pointing: list[str]) -> tuple[object, ...]:
    return (
        artifact.version,
        artifact.update_at,
        text.size(artifact.size),
        (artifact.sha256 or "")[:_SHOWN_DIGITS],
        ", ".join(pointing),
        artifact.published_by,
        artifact.protected,
    )


def _aliases_by_version(aliases: Iterable[Alias]) -> dict[str, list[str]]:
    pointing: dict[str, list[str]] = {}
    for alias in aliases:
        for version in (alias.version, alias.secondary_version):
            if version is not None:
                pointing.setdefault(version, []).append(alias.alias)
    return pointing


@click.command(cls=Command)
@name_argument
@version_argument
@yes_option
@pass_invocation
def delete(run: Invocation, name: str, version: str, *, yes: bool) -> None:
    """Hide a version from everybody.

    Its bytes stay until `free` removes them; until then `restore` brings it back. Refused while an alias points at it.
    Deleting what is not there does nothing.
    """
    run.confirm(f"Delete version {version} of {name!r}? It can be restored until its bytes are freed.", yes=yes)
    run.repository.delete_artifact_version(name, version)
    _done(run, name, version, "deleted", f"Version {version} of {name!r} is deleted.")


@click.command(cls=Command)
@name_argument
@version_argument
@pass_invocation
def restore(run: Invocation, name: str, version: str) -> None:
    """Undo the deletion or the purge of a version, as long as its bytes are there."""
    artifact = run.repository.restore_artifact_version(name, version)
    run.answer(artifact.to_dict(), describe(artifact))


@click.command(cls=Command)
@name_argument
@version_argument
@click.option("--reason", default="by request", show_default=True, help="Why; said to whoever tries to delete it.")
@pass_invocation
def protect(run: Invocation, name: str, version: str, reason: str) -> None:
    """Keep a version from being deleted, purged or destroyed, until `unprotect`."""
    artifact = run.repository.protect(name, version, reason)
    run.answer(artifact.to_dict(), describe(artifact))


@click.command(cls=Command)
@name_argument
@version_argument
@pass_invocation
def unprotect(run: Invocation, name: str, version: str) -> None:
    """Undo `protect`."""
    run.repository.unprotect(name, version)
    _done(run, name, version, "unprotected", f"Nothing protects version {version} of {name!r}.")


def _done(run: Invocation, name: str, version: str, what: str, message: str) -> None:
    value: dict[str, Any] = {"name": name, "version": version, what: True}
    run.answer(value, ())
    run.say(message)
