"""Commands on outcomes: what became of the uses of an alias's versions."""

from __future__ import annotations

import click

from airflow_provider_versioned.cli.arguments import alias_argument, name_argument
from airflow_provider_versioned.cli.command import Group
from airflow_provider_versioned.cli.invocation import Invocation, pass_invocation


@click.group("outcomes", cls=Group)
def outcomes_group() -> None:
    """Look at what was reported of the versions that an alias led to."""


@outcomes_group.command()
@name_argument
@alias_argument
@click.option("--rollout", help="Id of the rollout; else the one that the alias is in, or since it was moved.")
@pass_invocation
def show(run: Invocation, name: str, alias: str, rollout: str | None) -> None:
    """Show successes and failures of each version, by weight of the canary at that moment."""
    outcomes = run.repository.get_outcomes(name, alias, rollout=rollout)
    found = [
        (weight, version, reported)
        for weight, versions in outcomes.by_weight.items()
        for version, reported in versions.items()
    ]
    rows = (
        (
            version,
            None if weight is None else f"{weight} %",
            reported.counts.successes,
            reported.counts.failures,
            f"{reported.counts.failure_rate:.2%}",
            ", ".join(f"{metric} {facts.mean:g}" for metric, facts in sorted(reported.metrics.items())),
        )
        for weight, version, reported in found
    )
    values = [{"version": version, "weight": weight, **reported.to_dict()} for weight, version, reported in found]
    run.answer_table(values, ("VERSION", "WEIGHT", "SUCCESSES", "FAILURES", "FAILURE RATE", "METRICS (MEAN)"), rows)
