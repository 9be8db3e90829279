"""Commands for those who set a repository up: bootstrap, iam-policy, completion."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import get_completion_class

from airflow_provider_versioned.cli.command import Command
from airflow_provider_versioned.cli.invocation import Invocation, pass_invocation
from airflow_provider_versioned.repository import permissions

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = "versioned-artifacts"
_SETTINGS = {
    "block-public-access": (True, "Block all public access to the bucket."),
    "default-encryption": (True, "Encrypt the bucket's objects, with keys of S3 or --kms-key-id."),
    "bucket-versioning": (False, "Keep what is overwritten or deleted in the bucket; bytes are then never freed."),
    "point-in-time-recovery": (True, "Back the table up continuously."),
    "deletion-protection": (True, "Refuse to delete the table."),
}


def _setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, (default, words) in reversed(_SETTINGS.items()):
        command = click.option(f"--{name}/--no-{name}", default=default, show_default=True, help=words)(command)
    return command


@click.command(cls=Command)
@click.option("--write-capacity", type=int, help="Provisioned write capacity units of a new table; else on demand.")
@click.option("--read-capacity", type=int, help="Provisioned read capacity units; goes with the other.")
@click.option("--kms-key-id", help="KMS key of your own for bucket and table: its ARN, its id, or alias/NAME.")
@_setting_options
@pass_invocation
def bootstrap(
    run: Invocation,
    /,
    write_capacity: int | None,
    read_capacity: int | None,
    kms_key_id: str | None,
    **settings: bool,
) -> None:
    """Make the bucket and the table where they are missing, and protect them.

    Repeatable: a setting is applied where nothing is set yet. Turn one off for a server that lacks it.
    """
    run.repository.bootstrap(write_capacity, read_capacity, kms_key_id=kms_key_id, **settings)
    place = run.settings.place
    run.answer(place, ())
    where = f"s3://{place['s3_bucket']}/{place['s3_prefix']}"
    run.say(f"The repository at {where}, table {place['dynamodb_table_name']!r}, is ready.")


@click.command("iam-policy", cls=Command)
@click.argument("role", type=click.Choice(list(permissions.ROLES)))
@click.option("--account", default="*", show_default=True, help="AWS account of the table; * for any.")
@click.option("--partition", default="aws", show_default=True, help="AWS partition, such as aws-cn.")
@click.option("--kms-key-arn", help="KMS key of bucket and table, if they have one of your own.")
@pass_invocation
def iam_policy(run: Invocation, role: str, account: str, partition: str, kms_key_arn: str | None) -> None:
    """Print the IAM policy that a role needs, and nothing more, as JSON.

    reader: reads records, aliases, history and content. consumer: reports outcomes too. publisher: puts and
    publishes. promoter: moves aliases and judges rollouts, writes no content. retention: protects, deletes, restores,
    purges, frees. operator: does everything, also bootstrap, repair and destroy.

    The table's region is that of --region, any if not given.
    """
    place = permissions.Where(
        **run.settings.place,
        partition=partition,
        region=run.settings.region or "*",
        account=account,
        kms_key_arn=kms_key_arn,
    )
    click.echo(json.dumps(permissions.policy(role, place), indent=2))


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script by which a shell completes commands, options, artifacts and aliases.

    bash: eval "$(versioned-artifacts completion bash)"
    """
    made = get_completion_class(shell)
    if made is None:  # pragma: no cover
        raise click.UsageError(f"There is no completion for {shell}.")
    variable = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
    click.echo(made(ctx.find_root().command, {}, PROGRAM, variable).source())
