"""The backends that stand in for AWS in tests, and what each of them can do.

============================  ======================================  ==================================================
backend                       what it is                              when it runs
============================  ======================================  ==================================================
``moto``                      in process, new and empty in each test  always
``ministack``                 one small server, S3 and DynamoDB       when ``.venv-servers`` is there (``make test``)
``dynamodb_local+seaweedfs``  Amazon's own DynamoDB engine, and S3    ``VERSIONED_TEST_BACKENDS=all``, with java and npm
``aws``                       Amazon itself                           ``pytest -m aws``
============================  ======================================  ==================================================

moto has no true transactions and loses updates in races, so tests with threads ask for ``TRANSACTIONAL``.
"""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader

from scripts.dynamodb_local import DynamoDBLocal
from scripts.embedded_servers import ACCESS_KEY, REGION, SECRET_KEY, EmbeddedServers
from scripts.seaweedfs import SeaweedFS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from scripts.server_process import ServerProcess

MOTO = "moto"
MINISTACK = "ministack"
DYNAMODB_LOCAL = "dynamodb_local+seaweedfs"
REAL_AWS = "aws"
LOCAL = (MOTO, MINISTACK, DYNAMODB_LOCAL)
TRANSACTIONAL = (MINISTACK, DYNAMODB_LOCAL)
WITH_ENDPOINT = (MINISTACK, DYNAMODB_LOCAL)

_LOADER = create_loader()  # parsing the services' descriptions anew takes four fifths of the time to make a client

_SERVERS: Mapping[str, tuple[type[ServerProcess], ...]] = {
    MINISTACK: (EmbeddedServers,),
    DYNAMODB_LOCAL: (DynamoDBLocal, SeaweedFS),
}


class PlaceArguments(TypedDict):
    """Where a repository stands: arguments of ``Repository`` and the connection's ``service_config["versioned"]``."""

    s3_bucket: str
    s3_prefix: str
    dynamodb_table_name: str
    suffix: str


class BootstrapArguments(TypedDict, total=False):
    """What must be turned off in ``Repository.bootstrap`` because a server lacks it."""

    block_public_access: bool
    default_encryption: bool
    point_in_time_recovery: bool
    deletion_protection: bool


_BOOTSTRAP: Mapping[str, BootstrapArguments] = {
    MOTO: {},
    MINISTACK: {},
    DYNAMODB_LOCAL: {"block_public_access": False, "default_encryption": False, "point_in_time_recovery": False},
    REAL_AWS: {"point_in_time_recovery": False, "deletion_protection": False},
}


@dataclass(frozen=True)
class Aws:
    """S3 and DynamoDB of one backend. Endpoints and credentials are None where botocore's own defaults apply."""

    name: str
    s3: S3Client
    dynamodb: DynamoDBClient
    s3_endpoint: str | None
    dynamodb_endpoint: str | None
    access_key: str | None
    secret_key: str | None
    region: str

    @property
    def bootstrap_arguments(self) -> BootstrapArguments:
        """What to pass to ``Repository.bootstrap`` here."""
        return _BOOTSTRAP[self.name]

    def session(self) -> boto3.Session:
        """Return a new session with this backend's credentials."""
        core = botocore.session.get_session()
        core.register_component("data_loader", _LOADER)
        return boto3.Session(self.access_key, self.secret_key, region_name=self.region, botocore_session=core)

    def new_s3(self, config: Config | None = None) -> S3Client:
        """Return a further S3 client, for example with other retries."""
        return self.session().client("s3", endpoint_url=self.s3_endpoint, config=_merged(config))

    def new_dynamodb(self, config: Config | None = None) -> DynamoDBClient:
        """Return a further DynamoDB client."""
        return self.session().client("dynamodb", endpoint_url=self.dynamodb_endpoint, config=_merged(config))

    def connection_json(self, place: PlaceArguments | None = None) -> str:
        """Return an Airflow AWS connection to this backend, as the value of an ``AIRFLOW_CONN_…`` variable."""
        service_config: dict[str, object] = {
            service: {"endpoint_url": endpoint}
            for service, endpoint in (("s3", self.s3_endpoint), ("dynamodb", self.dynamodb_endpoint))
            if endpoint
        }
        if place is not None:
            service_config["versioned"] = dict(place)
        extra = {"region_name": self.region, "service_config": service_config}
        return json.dumps({"conn_type": "aws", "login": self.access_key, "password": self.secret_key, "extra": extra})


def _merged(config: Config | None) -> Config:
    # Path style: the servers here have no DNS name per bucket.
    ours = Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "total_max_attempts": 3})
    return ours.merge(config) if config else ours


def connect(name: str, endpoints: tuple[str, ...]) -> Aws:
    """Return the clients of a backend; one endpoint serves both services, two are DynamoDB's and S3's."""
    dynamodb_endpoint, s3_endpoint = (endpoints[0], endpoints[-1]) if endpoints else (None, None)
    key, secret = (None, None) if name == REAL_AWS else (ACCESS_KEY, SECRET_KEY)
    region = os.environ.get("AWS_DEFAULT_REGION", REGION)
    session = boto3.Session(key, secret, region_name=region)
    return Aws(
        name=name,
        s3=session.client("s3", endpoint_url=s3_endpoint, config=_merged(None)),
        dynamodb=session.client("dynamodb", endpoint_url=dynamodb_endpoint, config=_merged(None)),
        s3_endpoint=s3_endpoint,
        dynamodb_endpoint=dynamodb_endpoint,
        access_key=key,
        secret_key=secret,
        region=region,
    )


class Backends:
    """The backends of one test process; a server starts at its first use and is shared by all tests of the process."""

    def __init__(self) -> None:
        self._running: list[ServerProcess] = []

    @staticmethod
    def refusal(name: str) -> str | None:
        """Return in one line why tests on this backend do not run here, or None when they do."""
        wanted = os.environ.get("VERSIONED_TEST_BACKENDS", f"{MOTO},{MINISTACK}")
        if name != REAL_AWS and wanted != "all" and name not in wanted.split(","):
            return f"backend {name} is left out: run with VERSIONED_TEST_BACKENDS=all (see CONTRIBUTING.md)"
        reasons = (server.unavailable() for server in _SERVERS.get(name, ()))
        missing = " ".join(reason for reason in reasons if reason)
        return f"backend {name} is left out: {missing}" if missing else None

    @functools.cache  # noqa: B019 -- one object per test process, which lives as long as the process
    def aws(self, name: str) -> Aws:
        """Return the clients of a backend, starting its servers if they do not run yet."""
        started = [server().start() for server in _SERVERS.get(name, ())]
        self._running += started
        return connect(name, tuple(server.endpoint_url for server in started))

    def stop(self) -> None:
        """Stop the servers that were started."""
        for server in self._running:
            server.stop()
