"""Commands on rollouts: see how they stand, and steer them; they act at once, also when no Airflow is there."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import click

from airflow_provider_versioned.cli import text
from airflow_provider_versioned.cli.arguments import (
    alias_argument,
    author_option,
    duration,
    name_argument,
    reason_option,
    yes_option,
)
from airflow_provider_versioned.cli.arguments import author as author_of
from airflow_provider_versioned.cli.command import Group
from airflow_provider_versioned.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Rollout

rollout_option = click.option("--rollout", help="Only if it is this rollout, by its id; exits 4 otherwise.")


@click.group("rollout", cls=Group)
def rollout_group() -> None:
    """See how rollouts stand, and steer them: promote, abort, skip, freeze, roll back.

    What you say counts at once; a running Dag follows at its next look.
    """


def describe(rollout: Rollout) -> list[str]:
    """Return a rollout's record for people."""
    steps = ", ".join(f"{weight} %" for weight in rollout.weights)
    at = None if rollout.weight is None else f"{rollout.weight} %"
    judgement = rollout.judgement or {}
    said = [judgement.get("verdict"), judgement.get("reason")]
    return text.record(
        [
            ("rollout", rollout.id),
            ("alias", f"{rollout.alias} of {rollout.name}"),
            ("from version", rollout.stable),
            ("to version", rollout.canary),
            ("state", f"{rollout.state}, this step is skipped" if rollout.skipped else str(rollout.state)),
            ("canary has", at),
            ("since", rollout.stepped_at),
            ("steps", f"{steps}, 100 %"),
            ("begun", rollout.began_at),
            ("begun by", rollout.began_by),
            ("reason", rollout.reason),
            ("frozen", rollout.frozen_at),
            ("frozen by", rollout.frozen_by),
            ("frozen because", rollout.freeze_reason),
            ("last verdict", ": ".join(filter(None, said)) or None),
            ("judged", judgement.get("judged_at")),
            ("ended", rollout.ended_at),
            ("ended by", rollout.ended_by),
            ("ended because", rollout.end_reason),
            ("superseded by", rollout.superseded_by),
        ]
    )


@rollout_group.command()
@name_argument
@click.argument("alias", required=False)
@rollout_option
@pass_invocation
def status(run: Invocation, name: str, alias: str | None, rollout: str | None) -> None:
    """Show the last rollout of an alias, live or ended; without ALIAS that of every alias of the artifact."""
    if alias is not None:
        found = run.repository.get_rollout(name, alias, rollout_id=rollout)
        run.answer(found.to_dict(), describe(found))
        return
    rollouts = list(run.repository.list_rollouts(name))
    rows = (
        (r.alias, r.state, f"{r.stable} -> {r.canary}", "-" if r.weight is None else f"{r.weight} %", r.began_at, r.id)
        for r in rollouts
    )
    header = ("ALIAS", "STATE", "VERSIONS", "CANARY HAS", "BEGUN", "ROLLOUT")
    run.answer_table([r.to_dict() for r in rollouts], header, rows)


def _steered(name: str, method: str, summary: str, question: str | None = None) -> Callable[..., None]:
    """Make the command that calls a method of the repository.

    Args:
        question: Asked before, where it cannot be taken back.
    """

    def command(
        run: Invocation,
        name: str,
        alias: str,
        rollout: str | None,
        reason: str | None,
        author: str | None,
        *,
        yes: bool = True,
    ) -> None:
        if question is not None:
            run.confirm(question.format(name=name, alias=alias), yes=yes)
        steer = getattr(run.repository, method)
        moved = steer(name, alias, rollout_id=rollout, reason=reason, changed_by=author_of(author))
        run.answer(moved.to_dict(), describe(moved))

    command.__doc__ = inspect.cleandoc(summary)
    options = [name_argument, alias_argument, rollout_option, reason_option, author_option("--changed-by")]
    options += [yes_option] if question is not None else []
    for option in [pass_invocation, *reversed(options)]:
        command = option(command)
    made: Callable[..., None] = rollout_group.command(name)(command)
    return made


promote = _steered(
    "promote",
    "promote_rollout",
    "Give the canary all traffic now, whatever the step, and end the rollout.",
    "Give all traffic of alias {alias!r} of {name!r} to the canary now?",
)
abort = _steered("abort", "abort_rollout", "Put the alias back on the stable version now, and end the rollout.")
skip = _steered("skip", "skip_rollout_step", "Pass over the rest of this step: no more baking, no check.")
freeze = _steered("freeze", "freeze_rollout", "Keep the alias where it is until the rollout is unfrozen.")
unfreeze = _steered("unfreeze", "unfreeze_rollout", "Let a frozen rollout go on.")


@rollout_group.command("roll-back")
@name_argument
@alias_argument
@click.option(
    "--within", default="1d", show_default=True, type=duration, metavar="TIME", help="How long ago it may have ended."
)
@rollout_option
@reason_option
@author_option("--changed-by")
@pass_invocation
def roll_back(
    run: Invocation,
    name: str,
    alias: str,
    within: float,
    rollout: str | None,
    reason: str | None,
    author: str | None,
) -> None:
    """Undo the last promotion: put the alias back on the version from which that rollout started."""
    back = run.repository.roll_back_promotion(
        name, alias, within_secs=within, rollout_id=rollout, reason=reason, changed_by=author_of(author)
    )
    run.answer(back.to_dict(), describe(back))
