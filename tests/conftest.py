"""Fixtures for all tests: a backend that stands in for AWS, a fresh place on it, a bootstrapped repository there.

Before the first test module, and with it Airflow, is imported, the process is cut off from the user's Airflow, AWS
configuration and network (except under ``pytest -m aws``, which is for the user's own AWS account).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import uuid
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import botocore.endpoint
import pytest
from moto import mock_aws
from moto.dynamodb.responses import DynamoHandler

from airflow_provider_versioned.repository import Repository
from tests import isolation
from tests.servers import LOCAL, MOTO, REAL_AWS, Backends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Aws, PlaceArguments

_HOME = pytest.StashKey[Path]()


def _on_real_aws(config: pytest.Config) -> bool:
    return bool(config.getoption("markexpr") == "aws")


def pytest_configure(config: pytest.Config) -> None:
    """Cut this process off before pytest imports the test modules."""
    home = config.stash[_HOME] = Path(tempfile.mkdtemp(prefix="versioned-tests-"))
    if not _on_real_aws(config):
        isolation.isolate_environment(home)
        isolation.guard_network()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the tests left in their own home folder."""
    shutil.rmtree(config.stash[_HOME], ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line per reason what was skipped; pytest itself says it once per test."""
    for reason, count in Counter(_skips(terminalreporter)).items():
        terminalreporter.write_line(f"skipped {count}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when something was skipped although ``VERSIONED_REQUIRE_ALL_BACKENDS=1`` asks for everything."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("VERSIONED_REQUIRE_ALL_BACKENDS") == "1" and reporter and list(_skips(reporter)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skips(reporter: pytest.TerminalReporter) -> Iterator[str]:
    for report in reporter.stats.get("skipped", ()):
        yield report.longrepr[2].removeprefix("Skipped: ")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a backend on each of them, or on those named by ``@pytest.mark.backends(...)``."""
    if "backend" not in metafunc.fixturenames:
        return
    if _on_real_aws(metafunc.config):
        metafunc.parametrize("backend", [pytest.param(REAL_AWS, marks=pytest.mark.aws)])
        return
    marker = metafunc.definition.get_closest_marker("backends")
    metafunc.parametrize("backend", marker.args if marker else LOCAL)


@pytest.fixture(autouse=True, scope="session")
def _retries_at_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let botocore retry without its pauses of seconds: no local server needs the rest, and tests do not sleep."""
    with pytest.MonkeyPatch.context() as patch:
        if not _on_real_aws(request.config):
            patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
        yield


@pytest.fixture(scope="session")
def _backends() -> Iterator[Backends]:
    backends = Backends()
    yield backends
    backends.stop()


@pytest.fixture
def aws(backend: str, _backends: Backends) -> Iterator[Aws]:
    """S3 and DynamoDB of the backend that the test is run on."""
    refusal = _backends.refusal(backend)
    if refusal:
        pytest.skip(refusal)
    if backend != MOTO:
        yield _backends.aws(backend)
        return
    with mock_aws(), pytest.MonkeyPatch.context() as patched:
        # moto copies the table to make a transaction, and fails if another thread writes to it meanwhile.
        lock, call = threading.Lock(), DynamoHandler.call_action

        def one_at_a_time(handler: DynamoHandler) -> Any:
            with lock:
                return call(handler)

        patched.setattr(DynamoHandler, "call_action", one_at_a_time)
        yield _backends.aws(backend)


@pytest.fixture
def unique_place(aws: Aws) -> Iterator[PlaceArguments]:
    """Bucket, prefix, table and suffix that no other test uses; nothing exists there yet."""
    unique = f"{os.environ.get('VERSIONED_TEST_AWS_PREFIX', 'versioned-test')}-{uuid.uuid4().hex[:12]}"
    yield {"s3_bucket": unique, "s3_prefix": "artifacts", "dynamodb_table_name": unique, "suffix": ".bin"}
    if aws.name == REAL_AWS:
        _remove(aws, unique)


def _remove(aws: Aws, unique: str) -> None:
    with contextlib.suppress(aws.dynamodb.exceptions.ResourceNotFoundException):
        aws.dynamodb.delete_table(TableName=unique)
    with contextlib.suppress(aws.s3.exceptions.NoSuchBucket):
        for page in aws.s3.get_paginator("list_object_versions").paginate(Bucket=unique):
            for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                aws.s3.delete_object(Bucket=unique, Key=item["Key"], VersionId=item["VersionId"])
        aws.s3.delete_bucket(Bucket=unique)


@pytest.fixture
def repository(aws: Aws, unique_place: PlaceArguments) -> Repository:
    """A bootstrapped, empty repository on the backend."""
    made = Repository(**unique_place, s3_client=aws.s3, dynamodb_client=aws.dynamodb)
    made.bootstrap(**aws.bootstrap_arguments)
    return made
