"""The options that every command takes: where the repository is, how to reach it, how to answer.

They may stand before the command or after it; what stands after it wins. The place and the region can also come from
the environment.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypedDict

import click

from airflow_provider_versioned.repository.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

# As those of Repository, which is not imported here: it loads boto3.
DEFAULT_PREFIX = "versioned-artifacts"
DEFAULT_TABLE = "versioned-artifacts"


class Place(TypedDict):
    """Where a repository is, by the names that Repository has for it."""

    s3_bucket: str
    s3_prefix: str
    dynamodb_table_name: str
    suffix: str


@dataclass
class Settings:
    """What the global options say; None: not said."""

    bucket: str | None = None
    prefix: str | None = None
    table: str | None = None
    suffix: str | None = None
    expected_bucket_owner: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None
    region: str | None = None
    as_json: bool | None = None
    quiet: bool | None = None
    debug: bool | None = None

    def override(self, given: Mapping[str, Any]) -> None:
        """Take over what is said elsewhere too."""
        for name, value in given.items():
            if value is not None:
                setattr(self, name, value)

    @property
    def place(self) -> Place:
        """Where the repository is.

        Raises:
            InvalidInputError: No bucket is named.
        """
        if not self.bucket:
            raise InvalidInputError("No bucket is named; give --bucket or set VERSIONED_BUCKET.")
        return {
            "s3_bucket": self.bucket,
            "s3_prefix": DEFAULT_PREFIX if self.prefix is None else self.prefix,
            "dynamodb_table_name": self.table or DEFAULT_TABLE,
            "suffix": self.suffix or "",
        }


NAMES = tuple(field.name for field in fields(Settings))


def global_options(*, from_environment: bool) -> list[click.Option]:
    """Return the options, anew for each command.

    Args:
        from_environment: Read the environment where an option is not given. Only done before the command, so that an
            option there is not overruled by the environment after it.
    """

    def option(*names: str, env: str | list[str] | None = None, **arguments: Any) -> click.Option:
        read = env if from_environment else None
        return click.Option(names, default=None, envvar=read, show_envvar=read is not None, **arguments)

    return [
        option("--bucket", env="VERSIONED_BUCKET", help="S3 bucket of the content."),
        option("--prefix", env="VERSIONED_PREFIX", help=f"Key prefix in it; {DEFAULT_PREFIX} if not given."),
        option("--table", env="VERSIONED_TABLE", help=f"DynamoDB table; {DEFAULT_TABLE} if not given."),
        option("--suffix", env="VERSIONED_SUFFIX", help="What every S3 key ends in, such as .tar.gz; often nothing."),
        option(
            "--expected-bucket-owner",
            env="VERSIONED_EXPECTED_BUCKET_OWNER",
            help="AWS account that must own the bucket; not checked if not given.",
        ),
        option("--endpoint-url", env="VERSIONED_ENDPOINT_URL", help="Another server than AWS, for S3 and DynamoDB."),
        option("--profile", help="Profile of your AWS configuration; AWS_PROFILE works too."),
        option("--region", env=["AWS_REGION", "AWS_DEFAULT_REGION"], help="AWS region; else that of the profile."),
        option("--json", "as_json", is_flag=True, help="Answer in JSON."),
        option("--quiet", "-q", is_flag=True, help="No messages and no progress, only results and errors."),
        option("--debug", is_flag=True, help="Show where in the code an error came from."),
    ]
