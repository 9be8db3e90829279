"""The tests themselves cannot reach the user's Airflow, AWS account or network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import HTTPClientError

from tests.isolation import OutsideNetworkError

_TEST_NET = "192.0.2.1"  # RFC 5737: documentation only, never routed


def test_connection_outside_loopback_is_refused() -> None:
    with socket.socket() as client, pytest.raises(OutsideNetworkError, match=_TEST_NET):
        client.connect((_TEST_NET, 80))


def test_name_lookup_outside_loopback_is_refused() -> None:
    with pytest.raises(OutsideNetworkError, match=r"example\.com"):
        socket.getaddrinfo("example.com", 443)


def test_boto3_without_endpoint_never_leaves_the_process() -> None:
    with pytest.raises(HTTPClientError, match=r"tried to reach dynamodb\.us-east-1\.amazonaws\.com"):
        boto3.client("dynamodb").list_tables()


def test_connection_on_loopback_is_let_through() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())

        assert client.getpeername() == server.getsockname()


def test_credentials_in_tests_are_dummies() -> None:
    credentials = boto3.Session().get_credentials()

    assert credentials is not None
    assert (credentials.access_key, credentials.secret_key) == ("test", "test")
    assert not Path(os.environ["AWS_CONFIG_FILE"]).exists()


def test_airflow_in_a_child_process_uses_the_temporary_home() -> None:
    code = "from airflow.configuration import AIRFLOW_HOME; print(AIRFLOW_HOME)"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.split()[-1] == os.environ["AIRFLOW_HOME"]
    assert "versioned-tests-" in printed
