"""Commands of retention: plan, apply a plan, run a rule; destroy an artifact or all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airflow_provider_versioned.cli import plans, text
from airflow_provider_versioned.cli.arguments import (
    all_option,
    chosen_names,
    duration,
    name_argument,
    names_argument,
    yes_option,
)
from airflow_provider_versioned.cli.command import Group
from airflow_provider_versioned.cli.exits import CONFLICT
from airflow_provider_versioned.cli.invocation import Invocation, pass_invocation
from airflow_provider_versioned.cli.progress import each
from airflow_provider_versioned.repository.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_versioned.repository import PurgePlan, PurgeResult


@click.group("purge", cls=Group)
def purge_group() -> None:
    """Hide old versions by rule, or destroy an artifact for good."""


_RULE = {
    "keep_last_n": click.option(
        *("--keep-last", "keep_last_n"),
        type=int,
        default=10,
        show_default=True,
        help="Keep so many of the newest versions.",
    ),
    "purge_older_than_secs": click.option(
        *("--older-than", "purge_older_than_secs"),
        type=duration,
        metavar="DURATION",
        default="90d",
        show_default=True,
        help="Purge only what was written longer ago.",
    ),
    "keep_previous_secs": click.option(
        *("--keep-previous", "keep_previous_secs"),
        type=duration,
        metavar="DURATION",
        default="0s",
        show_default=True,
        help="Keep what an alias pointed at so short a time ago.",
    ),
    "keep_published_secs": click.option(
        *("--keep-published", "keep_published_secs"),
        type=duration,
        metavar="DURATION",
        default="0s",
        show_default=True,
        help="Keep what was written so short a time ago, whatever --older-than says.",
    ),
}


def _rule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_RULE.values()):
        command = option(command)
    return command


def _plan(run: Invocation, names: Sequence[str], rule: dict[str, Any]) -> list[PurgePlan]:
    repository = run.repository
    return [repository.plan_purge(name, **rule) for name in each(run, "Planning", names)]


@purge_group.command()
@names_argument
@all_option
@_rule_options
@click.option("--output", "-o", help="Write the plan to this file, for `purge apply`.")
@pass_invocation
def plan(run: Invocation, /, names: tuple[str, ...], output: str | None, *, everything: bool, **rule: Any) -> None:
    """Say which versions a rule would purge, and why each one goes or stays; changes nothing."""
    made = _plan(run, chosen_names(run, names, everything=everything), rule)
    stored = plans.to_json(run.settings.place, made)
    if output is not None:
        _write(output, stored)
    rows = [
        (plan.name, decision.version, "purge" if decision.purge else "keep", decision.rule, decision.reason)
        for plan in made
        for decision in plan.decisions
    ]
    run.answer(stored, text.table(("NAME", "VERSION", "DECISION", "RULE", "REASON"), rows) if rows else ())
    run.say(f"{_counted(made)} would be purged{f'; the plan is in {output}' if output else ''}.")


def _write(output: str, stored: dict[str, Any]) -> None:
    try:
        Path(output).write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"The plan cannot be written to {output!r}: {error}.") from error


@purge_group.command()
@click.argument("file")
@yes_option
@pass_invocation
def apply(run: Invocation, file: str, *, yes: bool) -> None:
    """Carry out the plan in FILE (- for stdin): nothing goes but what it names.

    What an alias points at by now stays all the same; the answer says so, and the exit code is 4.
    """
    read = plans.read(file, run.settings.place)
    results = _carry_out(run, read, yes=yes)
    if any(result.kept for result in results):
        click.get_current_context().exit(CONFLICT.code)


@purge_group.command("run")
@names_argument
@all_option
@_rule_options
@click.option("--dry-run", is_flag=True, help="Only say what would go; `purge plan` says why.")
@yes_option
@pass_invocation
def run_(
    run: Invocation, /, names: tuple[str, ...], *, everything: bool, dry_run: bool, yes: bool, **rule: Any
) -> None:
    """Plan and apply a rule in one go, as a nightly job does."""
    made = _plan(run, chosen_names(run, names, everything=everything), rule)
    if dry_run:
        values = [{"name": plan.name, "version": entry.version} for plan in made for entry in plan.to_purge]
        run.answer_table(values, ("NAME", "VERSION"), [tuple(value.values()) for value in values])
        return
    _carry_out(run, made, yes=yes)


def _carry_out(run: Invocation, made: Sequence[PurgePlan], *, yes: bool) -> list[PurgeResult]:
    busy = [plan for plan in made if plan.to_purge]
    if busy:
        run.confirm(f"Purge {_counted(made)}? `restore` undoes it until the bytes are freed.", yes=yes)
    results = [run.repository.apply_purge(plan) for plan in each(run, "Purging", busy)]
    rows = [
        *((result.name, artifact.version, "purged", None) for result in results for artifact in result.purged),
        *((result.name, decision.version, "kept", decision.reason) for result in results for decision in result.kept),
    ]
    run.answer_table([result.to_dict() for result in results], ("NAME", "VERSION", "WHAT", "REASON"), rows)
    return results


def _counted(made: Sequence[PurgePlan]) -> str:
    going = [len(plan.to_purge) for plan in made]
    return f"{text.count(sum(going), 'version')} of {text.count(sum(map(bool, going)), 'artifact')}"


@purge_group.command()
@name_argument
@yes_option
@pass_invocation
def artifact(run: Invocation, name: str, *, yes: bool) -> None:
    """Destroy an artifact for good: aliases, versions, bytes. Only the history of its aliases stays."""
    question = f"Destroy {name!r} of {run.settings.bucket!r}, with all its versions and aliases, for good?"
    run.confirm(question, yes=yes, typed=name)
    run.repository.purge_artifact(name)
    run.answer({"name": name, "destroyed": True}, ())
    run.say(f"{name!r} is destroyed.")


@purge_group.command("all")
@yes_option
@pass_invocation
def all_(run: Invocation, *, yes: bool) -> None:
    """Destroy every artifact of the repository for good; bucket and table stay."""
    place = run.settings.place
    where = f"{place['s3_bucket']}/{place['s3_prefix']}"
    run.confirm(f"Destroy every artifact of {where!r}, for good?", yes=yes, typed=place["s3_bucket"])
    run.repository.purge_all()
    run.answer({**place, "destroyed": True}, ())
    run.say(f"Every artifact of {where!r} is destroyed.")
