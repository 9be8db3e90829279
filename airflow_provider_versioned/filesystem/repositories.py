"""From storage options to a repository: by an Airflow connection, by ready clients, or by boto3's own chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config

from airflow_provider_versioned.repository import Repository
from airflow_provider_versioned.repository.aws import translated
from airflow_provider_versioned.repository.errors import InvalidInputError

if TYPE_CHECKING:
    from airflow_provider_versioned.filesystem.options import StorageOptions


def open_repository(options: StorageOptions, bucket: str) -> Repository:
    """Return the repository in a bucket; sends no request.

    Raises:
        InvalidInputError: The bucket, or what the options name, cannot be.
        NotFoundError: There is no such connection.
    """
    place = {name: getattr(options, name) for name in ("s3_prefix", "dynamodb_table_name", "suffix")}
    if options.conn_id is not None:
        from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook  # noqa: PLC0415 -- needs Airflow

        return VersionedRepositoryHook(options.conn_id, bucket, **place, region_name=options.region_name).repository
    return Repository(
        bucket,
        **{name: value for name, value in place.items() if value is not None},
        session=cast("boto3.Session", _Endpoint(options)),
        s3_client=options.s3_client,
        dynamodb_client=options.dynamodb_client,
        expected_bucket_owner=options.expected_bucket_owner,
    )


class _Endpoint:
    """Stands in for a boto3 session: makes a client when the repository first needs it, as the options say."""

    def __init__(self, options: StorageOptions) -> None:
        self._options = options
        self._session = options.session

    def client(self, service: str) -> Any:
        options = self._options
        # Servers other than AWS seldom have a DNS name per bucket.
        config = Config(s3={"addressing_style": "path"}) if options.endpoint_url else None
        try:
            with translated(f"Connecting to {service}", f"service {service}"):
                if self._session is None:
                    self._session = boto3.Session(profile_name=options.profile_name, region_name=options.region_name)
                # One overload per service name exists in the stubs; the name is a variable here.
                return self._session.client(service, endpoint_url=options.endpoint_url, config=config)  # type: ignore[call-overload]
        except ValueError:
            # Without its cause, which repeats the URL: there may be a password in it.
            raise InvalidInputError(
                "Storage option endpoint_url is no URL; give one such as http://127.0.0.1:4566."
            ) from None
