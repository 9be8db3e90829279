"""``docker-compose.yaml``, checked as far as it can be without a Docker engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from airflow.configuration import retrieve_configuration_description
from airflow.sdk import Connection

from tests.servers import DYNAMODB_LOCAL, MINISTACK, WITH_ENDPOINT

if TYPE_CHECKING:
    from tests.servers import Aws, PlaceArguments

_ROOT = Path(__file__).resolve().parent.parent
_COMPOSE = yaml.safe_load((_ROOT / "docker-compose.yaml").read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_JOBS = {"migrate", "bootstrap", "bootstrap-light"}
_BOOTSTRAP_OF = {MINISTACK: "bootstrap-light", DYNAMODB_LOCAL: "bootstrap"}
# The celery provider is in the image, not in the environment of the tests.
_CELERY_OPTIONS = {"broker_url", "result_backend"}

every_service = pytest.mark.parametrize("name", _SERVICES)


def test_services_are_the_whole_of_an_airflow_cluster_and_its_stores() -> None:
    airflow = {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}
    stores = {"postgres", "redis", "dynamodb-local", "seaweedfs"}

    assert set(_SERVICES) == airflow | stores | _JOBS | {"ministack", "light"}
    assert {name for name, service in _SERVICES.items() if service.get("profiles") == ["light"]} == {
        "ministack",
        "bootstrap-light",
        "light",
    }


@every_service
def test_service_image_is_pinned_to_a_full_version(name: str) -> None:
    service = _SERVICES[name]
    image = service["image"]
    if "build" in service:
        image = re.findall(r"^FROM (\S+)$", service["build"]["dockerfile_inline"], re.MULTILINE)[0]

    assert re.search(r":[0-9]+\.[0-9]+(\.[0-9]+)?(-[a-z0-9.]+)?$", image)


@every_service
def test_service_that_runs_on_has_a_health_check(name: str) -> None:
    service = _SERVICES[name]

    assert ("healthcheck" in service) == (name not in _JOBS)
    assert service.get("restart", "no") == ("no" if name in _JOBS else "unless-stopped")


@every_service
def test_service_ports_are_published_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in _SERVICES[name].get("ports", []))


@every_service
def test_service_dependencies_exist_and_can_be_met(name: str) -> None:
    for other, condition in _SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in _JOBS else "service_healthy"
        assert condition == {"condition": wanted}
        assert other in _SERVICES
        assert _SERVICES[other].get("profiles", []) in ([], _SERVICES[name].get("profiles", []))


@every_service
def test_service_volumes_and_configs_are_declared(name: str) -> None:
    for volume in _SERVICES[name].get("volumes", []):
        source = volume.split(":")[0]
        assert (_ROOT / source).is_dir() if source.startswith(".") else source in _COMPOSE["volumes"]
    for config in _SERVICES[name].get("configs", []):
        assert config["source"] in _COMPOSE["configs"]


def test_volumes_declared_are_used() -> None:
    used = {volume.split(":")[0] for service in _SERVICES.values() for volume in service.get("volumes", [])}

    assert set(_COMPOSE["volumes"]) <= used


def test_image_is_built_from_files_that_the_ignore_file_lets_in() -> None:
    allowed = {line[1:] for line in (_ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    packaging = {"LICENSE", "NOTICE", "README.md", "airflow_provider_versioned", "dags", "pyproject.toml"}

    assert allowed == packaging
    assert all((_ROOT / path).exists() for path in allowed)


@every_service
def test_service_settings_are_options_of_airflow(name: str) -> None:
    options = retrieve_configuration_description(include_providers=False)
    for variable in _SERVICES[name].get("environment", {}):
        if variable.startswith("AIRFLOW__"):
            _, section, option = variable.lower().split("__")
            known = _CELERY_OPTIONS if section == "celery" else options[section]["options"]
            assert option in known


def test_airflow_services_share_secrets_and_executor() -> None:
    cluster = [service["environment"] for service in _SERVICES.values() if "AIRFLOW__CORE__EXECUTOR" in str(service)]

    assert len(cluster) == 7
    for name in ("AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__CORE__EXECUTOR", "AIRFLOW_CONN_AWS_DEFAULT"):
        assert len({environment[name] for environment in cluster}) == 1


@pytest.mark.parametrize("name", _BOOTSTRAP_OF.values())
def test_connection_leads_to_services_of_this_file(name: str) -> None:
    connection = Connection.from_json(_SERVICES[name]["environment"]["AIRFLOW_CONN_AWS_DEFAULT"])

    services = connection.extra_dejson["service_config"]
    assert connection.conn_type == "aws"
    assert set(services) == {"s3", "dynamodb", "versioned"}
    for service in ("s3", "dynamodb"):
        host, port = services[service]["endpoint_url"].removeprefix("http://").split(":")
        assert _SERVICES[host]["ports"][0].endswith(f":{port}")
        assert host in _SERVICES[name]["depends_on"]


def test_seaweedfs_knows_the_credentials_of_the_connection() -> None:
    identities = json.loads(_COMPOSE["configs"]["s3-identities"]["content"])["identities"]

    assert identities[0]["credentials"] == [{"accessKey": "test", "secretKey": "test"}]


@pytest.mark.backends(*WITH_ENDPOINT)
def test_bootstrap_job_makes_the_repository(aws: Aws, unique_place: PlaceArguments) -> None:
    service = _SERVICES[_BOOTSTRAP_OF[aws.name]]
    _, *arguments = service["command"]
    environment = os.environ | {"AIRFLOW_CONN_AWS_DEFAULT": aws.connection_json(unique_place)}

    subprocess.run([sys.executable, *arguments], env=environment, check=True)

    table = aws.dynamodb.describe_table(TableName=unique_place["dynamodb_table_name"])["Table"]
    assert table["TableStatus"] == "ACTIVE"
    assert aws.s3.head_bucket(Bucket=unique_place["s3_bucket"])
