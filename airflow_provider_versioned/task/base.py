"""What all our operators share: the repository's place, the AWS parameters, and a hook made when a task executes.

Importing this module (as every Dag file that uses us does) loads no AWS library. Our errors reach the task log as they
are; only those that no retry can cure become ``AirflowFailException``.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import BaseOperator

from airflow_provider_versioned.repository.errors import IntegrityError, InvalidInputError, VersionedError
from airflow_provider_versioned.task.fields import parse_verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook


class RepositoryOperator(BaseOperator):
    """Base of the operators; all its arguments are templated.

    Args:
        aws_conn_id: Connection of type ``aws``. None: boto3's own chain of credentials, on purpose.
        region_name: AWS region; None: the connection's.
        verify: Whether TLS certificates are checked, or the path of a CA bundle; None: as the connection says.
        botocore_config: Arguments of ``botocore.config.Config``.
        s3_bucket: Bucket of the repository. This and the next three are taken from the connection's extra
            ``service_config["versioned"]`` when they are None.
        s3_prefix: Prefix of the repository within the bucket.
        dynamodb_table_name: Table of the repository.
        suffix: What the S3 keys of the repository end with.
    """

    template_fields: Sequence[str] = (
        "aws_conn_id",
        "region_name",
        "verify",
        "botocore_config",
        "s3_bucket",
        "s3_prefix",
        "dynamodb_table_name",
        "suffix",
    )
    ui_color = "#e3eefa"
    console_urls: Mapping[str, str] = MappingProxyType({})  # by name of the link; kept by the task when it executes

    def __init__(
        self,
        *,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
        s3_bucket: str | None = None,
        s3_prefix: str | None = None,
        dynamodb_table_name: str | None = None,
        suffix: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config
        self.s3_bucket = s3_bucket
        self.s3_prefix = s3_prefix
        self.dynamodb_table_name = dynamodb_table_name
        self.suffix = suffix

    @cached_property
    def hook(self) -> VersionedRepositoryHook:
        """The hook for this task's repository."""
        from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook  # noqa: PLC0415 -- loads AWS libraries

        return VersionedRepositoryHook(**self.hook_arguments())

    def keep_version(self, context: Context, result: dict[str, Any]) -> dict[str, Any]:
        """Return a result, and keep its version as an XCom of its own, so that ``task.output["version"]`` is that."""
        if self.do_xcom_push:
            context["ti"].xcom_push(key="version", value=result["version"])
        return result

    def hook_arguments(self) -> dict[str, Any]:
        """Return the rendered arguments from which the hook is made, here or in a trigger."""
        return {
            "aws_conn_id": self.aws_conn_id,
            "s3_bucket": self.s3_bucket,
            "s3_prefix": self.s3_prefix,
            "dynamodb_table_name": self.dynamodb_table_name,
            "suffix": self.suffix,
            "region_name": self.region_name,
            "verify": parse_verify(self.verify),
            "botocore_config": self.botocore_config,
        }


@contextmanager
def no_vain_retry(*also: type[VersionedError]) -> Iterator[None]:
    """Fail the task for good where another try would meet the same: a wrong call, or damaged bytes.

    Args:
        also: More errors for which that holds.
    """
    vain: tuple[type[VersionedError], ...] = (InvalidInputError, IntegrityError, *also)
    try:
        yield
    except vain as error:
        raise AirflowFailException(str(error)) from error
