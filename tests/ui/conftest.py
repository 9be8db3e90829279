"""Fixtures: one Airflow for all tests of the page, with repositories on the embedded server behind its connections."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import Repository
from tests.servers import MINISTACK
from tests.ui.airflow_app import ROLES, airflow_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

    from tests.servers import Aws, Backends, PlaceArguments
    from tests.ui.airflow_app import AirflowApp

SECRET = "wJalrXUtnFEMI-very-secret"  # what no answer may hold


@dataclass(frozen=True)
class Page:
    """The page's server, and the repositories behind two of its connections."""

    app: AirflowApp
    aws: Aws
    models: Repository
    second: Repository


def _place() -> PlaceArguments:
    unique = f"page-{uuid.uuid4().hex[:12]}"
    return {"s3_bucket": unique, "s3_prefix": "artifacts", "dynamodb_table_name": unique, "suffix": ".bin"}


def _with_secret(connection_json: str) -> str:
    return json.dumps({**json.loads(connection_json), "password": SECRET})


@pytest.fixture(scope="session")
def page(_backends: Backends) -> Iterator[Page]:
    """Airflow with the page, and its repositories."""
    if refusal := _backends.refusal(MINISTACK):
        pytest.skip(refusal)
    aws = _backends.aws(MINISTACK)
    places = {"models": _place(), "second": _place(), "no_table": _place()}
    repositories = {
        name: Repository(**place, s3_client=aws.s3, dynamodb_client=aws.dynamodb) for name, place in places.items()
    }
    for name in ("models", "second"):
        repositories[name].bootstrap(**aws.bootstrap_arguments)
    connections = {name: _with_secret(aws.connection_json(place)) for name, place in places.items()}
    connections["no_place"] = _with_secret(aws.connection_json())
    connections["odd"] = json.dumps({"conn_type": "aws", "password": SECRET, "extra": {"service_config": [SECRET]}})
    named = "models, second,no_table,no_place,odd,unknown"
    with airflow_app(connections["models"], named, hidden=connections["models"], **connections) as app:
        yield Page(app, aws, repositories["models"], repositories["second"])


@pytest.fixture(scope="session")
def clients(page: Page) -> Iterator[Mapping[str, httpx.Client]]:
    """A client for each role, and one for nobody."""
    made = {role: page.app.client(role) for role in ROLES} | {"nobody": page.app.client(None)}
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def name(page: Page) -> str:
    """An artifact of the test's own, with three versions; ``prod`` went from 1 to 2."""
    name = f"model-{uuid.uuid4().hex[:8]}"
    for content in (b"one", b"two", b"three"):
        page.models.publish_artifact_version(name, content=content, published_by="airflow:build/run/1/publish[2]")
    page.models.put_alias(name, "prod", 1, reason="first", changed_by="ann")
    page.models.put_alias(name, "prod", 2, reason="better", changed_by="bob")
    return name
