"""Commands on aliases: move them, go back, look at them now and at any time before."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import click

from airflow_provider_versioned.cli import text
from airflow_provider_versioned.cli.arguments import (
    alias_argument,
    author_option,
    if_revision_option,
    key_option,
    moment,
    name_argument,
    reason_option,
    version_argument,
    yes_option,
)
from airflow_provider_versioned.cli.arguments import author as author_of
from airflow_provider_versioned.cli.command import Group
from airflow_provider_versioned.cli.invocation import Invocation, pass_invocation
from airflow_provider_versioned.repository.routing import SIDES, bucket_of

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_versioned.repository import Alias, AliasChange
    from airflow_provider_versioned.repository.routing import Side


@click.group("alias", cls=Group)
def alias_group() -> None:
    """Point names such as prod at versions, go back, look into their history."""


def _targets(state: Alias | AliasChange) -> str:
    return text.targets(state.version, state.secondary_version, state.secondary_version_weight)


def _approval(change: AliasChange) -> str | None:
    if change.approval is None:
        return None
    comment = change.approval["comment"]
    return f"{change.approval['approved_by']}: {comment}" if comment else str(change.approval["approved_by"])


def describe(alias: Alias) -> list[str]:
    """Return an alias's record for people."""
    return text.record(
        [
            ("name", alias.name),
            ("alias", alias.alias),
            ("points at", _targets(alias)),
            ("since", alias.update_at),
            ("moved by", alias.changed_by),
            ("reason", alias.reason),
            ("rollout", alias.rollout),
            ("revision", alias.revision),
            ("s3uri", alias.version_s3uri),
            ("secondary s3uri", alias.secondary_version_s3uri),
        ]
    )


@alias_group.command()
@name_argument
@alias_argument
@version_argument
@click.option("--secondary", help="A second version that shares the traffic.")
@click.option("--weight", type=int, help="Share of the second version in percent, 0 to 99.")
@if_revision_option
@reason_option
@author_option("--changed-by")
@key_option
@pass_invocation
def put(
    run: Invocation,
    name: str,
    alias: str,
    version: str,
    secondary: str | None,
    weight: int | None,
    if_revision: str | None,
    reason: str | None,
    author: str | None,
    idempotency_key: str | None,
) -> None:
    """Point an alias at a version (a number or LATEST), or at two that share the traffic."""
    moved = run.repository.put_alias(
        name,
        alias,
        version,
        secondary,
        weight,
        if_revision=if_revision,
        reason=reason,
        changed_by=author_of(author),
        idempotency_key=idempotency_key,
    )
    run.answer(moved.to_dict(), describe(moved))


@alias_group.command()
@name_argument
@alias_argument
@pass_invocation
def get(run: Invocation, name: str, alias: str) -> None:
    """Show what an alias points at, since when, by whom and why."""
    found = run.repository.get_alias(name, alias)
    run.answer(found.to_dict(), describe(found))


@alias_group.command("list")
@name_argument
@pass_invocation
def list_(run: Invocation, name: str) -> None:
    """List the aliases of an artifact."""
    found = run.repository.list_aliases(name)
    header = ("ALIAS", "POINTS AT", "SINCE", "MOVED BY", "REASON", "ROLLOUT")
    run.answer_table(
        [alias.to_dict() for alias in found],
        header,
        ((a.alias, _targets(a), a.update_at, a.changed_by, a.reason, a.rollout) for a in found),
    )


@alias_group.command()
@name_argument
@alias_argument
@if_revision_option
@reason_option
@author_option("--changed-by")
@yes_option
@pass_invocation
def delete(
    run: Invocation,
    name: str,
    alias: str,
    if_revision: str | None,
    reason: str | None,
    author: str | None,
    *,
    yes: bool,
) -> None:
    """Delete an alias; its history stays. Deleting what is not there does nothing."""
    run.confirm(f"Delete alias {alias!r} of {name!r}? Whoever reads by it will fail.", yes=yes)
    run.repository.delete_alias(name, alias, if_revision=if_revision, reason=reason, changed_by=author_of(author))
    run.answer({"name": name, "alias": alias, "deleted": True}, ())
    run.say(f"Alias {alias!r} of {name!r} is deleted.")


@alias_group.command()
@name_argument
@alias_argument
@click.option("--to", "to_version", metavar="VERSION", help="Go to this version instead of the one before.")
@if_revision_option
@reason_option
@author_option("--changed-by")
@key_option
@pass_invocation
def rollback(
    run: Invocation,
    name: str,
    alias: str,
    to_version: str | None,
    if_revision: str | None,
    reason: str | None,
    author: str | None,
    idempotency_key: str | None,
) -> None:
    """Go back to where an alias pointed before.

    With a canary on, that drops the canary. Without, it is the version before; again, and it is one further back.
    """
    moved = run.repository.rollback_alias(
        name,
        alias,
        to_version=to_version,
        if_revision=if_revision,
        reason=reason,
        changed_by=author_of(author),
        idempotency_key=idempotency_key,
    )
    run.answer(moved.to_dict(), describe(moved))


@alias_group.command()
@name_argument
@alias_argument
@click.option("--limit", "-n", type=click.IntRange(min=1), metavar="N", help="Show this many changes, the newest.")
@pass_invocation
def history(run: Invocation, name: str, alias: str, limit: int | None) -> None:
    """List every change of an alias, the newest first; also of an alias that was deleted."""
    changes = list(islice(run.repository.list_alias_history(name, alias), limit))
    header = ("#", "WHEN", "ACTION", "POINTS AT", "MOVED BY", "REASON", "ROLLOUT", "APPROVED BY")
    run.answer_table(
        [change.to_dict() for change in changes],
        header,
        (
            (c.sequence, c.changed_at, c.action, _targets(c), c.changed_by, c.reason, c.rollout, _approval(c))
            for c in changes
        ),
    )


@alias_group.command()
@name_argument
@alias_argument
@click.argument("time", type=moment)
@pass_invocation
def at(run: Invocation, name: str, alias: str, time: datetime) -> None:
    """Show what an alias pointed at when it was TIME: 2026-01-31, 2026-01-31T14:30+01:00, or 3d for three days ago.

    A time without a zone is UTC.
    """
    change = run.repository.get_alias_at(name, alias, time)
    lines = text.record(
        [
            ("name", change.name),
            ("alias", change.alias),
            ("pointed at", _targets(change)),
            ("since", change.changed_at),
            ("action", change.action),
            ("moved by", change.changed_by),
            ("reason", change.reason),
            ("rollout", change.rollout),
            ("approved by", _approval(change)),
        ]
    )
    run.answer(change.to_dict(), lines)


@alias_group.command()
@name_argument
@alias_argument
@click.argument("key")
@click.option("--side", type=click.Choice(SIDES), help="Take this side, whatever the key and the weight say.")
@pass_invocation
def route(run: Invocation, name: str, alias: str, key: str, side: Side | None) -> None:
    """Show which version a routing key (a customer's id, say) belongs to: the same each time."""
    found = run.repository.get_alias(name, alias)
    version, bucket = found.route(key, side=side), bucket_of(name, alias, key)
    fields = {"name": name, "alias": alias, "key": key, "version": version, "bucket": bucket}
    run.answer({**fields, "s3uri": found.route_s3uri(key, side=side)}, text.record(fields.items()))
