"""From the global options to a repository over boto3 clients of its own.

boto3 finds credentials as the AWS command line does; nothing here reads, keeps or shows them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ProfileNotFound

from airflow_provider_versioned import __version__
from airflow_provider_versioned.repository import Repository
from airflow_provider_versioned.repository.aws import translated
from airflow_provider_versioned.repository.errors import InvalidInputError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from airflow_provider_versioned.cli.settings import Settings


@dataclass(frozen=True)
class Connection:
    """A repository and the client by which its content goes, for whoever counts bytes."""

    repository: Repository
    s3: S3Client


def connect(settings: Settings) -> Connection:
    """Make the repository that the settings name; sends no request.

    Raises:
        InvalidInputError: Place, profile, region or endpoint are missing or wrong.
    """
    place = settings.place
    session = _session(settings)
    s3, dynamodb = (_client(session, service, settings) for service in ("s3", "dynamodb"))
    owner = settings.expected_bucket_owner
    return Connection(Repository(**place, s3_client=s3, dynamodb_client=dynamodb, expected_bucket_owner=owner), s3)


def _session(settings: Settings) -> boto3.Session:
    try:
        session = boto3.Session(profile_name=settings.profile, region_name=settings.region)
    except ProfileNotFound as error:
        raise _no_profile(settings) from error
    if settings.profile is not None and settings.profile not in session.available_profiles:
        raise _no_profile(settings)
    if session.region_name is None:
        raise InvalidInputError("No AWS region is known; give --region, set AWS_REGION, or set one in your profile.")
    return session


def _no_profile(settings: Settings) -> InvalidInputError:
    asked = settings.profile or os.environ.get("AWS_PROFILE")
    return InvalidInputError(f"AWS profile {asked!r} is not configured; name one of `aws configure list-profiles`.")


def _client(session: boto3.Session, service: str, settings: Settings) -> Any:
    elsewhere = settings.endpoint_url or any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)
    # Servers other than AWS seldom have a DNS name per bucket.
    style: Any = {"addressing_style": "path"} if elsewhere else None
    config = Config(user_agent_extra=f"versioned-artifacts/{__version__}", s3=style)
    try:
        with translated(f"Connecting to {service}", f"service {service}"):
            # One overload per service name exists in the stubs; the name is a variable here.
            return session.client(service, endpoint_url=settings.endpoint_url, config=config)  # type: ignore[call-overload]
    except ValueError as error:
        raise InvalidInputError(
            f"Endpoint {settings.endpoint_url!r} is no URL; give one such as http://127.0.0.1:4566."
        ) from error
