"""The program: all commands under one name."""

from __future__ import annotations

import click

from airflow_provider_versioned import __version__
from airflow_provider_versioned.cli import aliases, artifacts, content, outcomes, purging, rollouts, setup, upkeep
from airflow_provider_versioned.cli.command import Program


@click.group(
    setup.PROGRAM, cls=Program, context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name=setup.PROGRAM)
def main() -> None:
    """Versioned artifacts on S3 and DynamoDB: publish, promote, roll back, retain.

    Global options may stand before the command or after it.
    """


for _command in (
    setup.bootstrap,
    content.put,
    content.publish,
    artifacts.get,
    content.download,
    artifacts.list_,
    artifacts.delete,
    artifacts.restore,
    artifacts.protect,
    artifacts.unprotect,
    aliases.alias_group,
    rollouts.rollout_group,
    outcomes.outcomes_group,
    purging.purge_group,
    upkeep.free,
    upkeep.sweep,
    upkeep.verify,
    upkeep.repair,
    setup.iam_policy,
    setup.completion,
):
    main.add_command(_command)
