"""What the programs of the demo may see."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from demo.workspace import Workspace, airflow_environment, free_port, neutral_environment, write_ui_password


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Workspace.create()


def test_neutral_environment_drops_what_belongs_to_the_user(workspace: Workspace) -> None:
    theirs = {
        "AIRFLOW_HOME": "/home/user/airflow",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "theirs",
        "BOTO_CONFIG": "/etc/boto.cfg",
        "https_proxy": "http://proxy:3128",
        "HTTP_PROXY": "http://proxy:3128",
        "PYTHONPATH": "/home/user/lib",
    }

    environment = neutral_environment({**theirs, "PATH": "/usr/bin", "LANG": "de_DE.UTF-8"}, workspace)

    assert not set(theirs) & set(environment)
    assert (environment["PATH"], environment["LANG"]) == ("/usr/bin", "de_DE.UTF-8")


def test_neutral_environment_keeps_every_path_in_the_workspace(workspace: Workspace) -> None:
    environment = neutral_environment({"HOME": "/home/user", "TMPDIR": "/home/user/tmp"}, workspace)

    for name in ("HOME", "TMPDIR", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        assert Path(environment[name]).is_relative_to(workspace.folder), name
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"


def test_airflow_environment_stays_in_the_workspace_and_on_loopback(workspace: Workspace) -> None:
    environment = airflow_environment(workspace, "{}")

    assert Path(environment["AIRFLOW_HOME"]).is_relative_to(workspace.folder)
    assert str(workspace.folder) in environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert Path(environment["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]).is_relative_to(workspace.folder)
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].startswith("http://127.0.0.1:")


def test_ui_password_is_readable_by_nobody_else(workspace: Workspace) -> None:
    write_ui_password(workspace)

    (file,) = workspace.airflow_home.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert workspace.ui_password in file.read_text()


def test_free_port_can_be_bound() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))


def test_remove_leaves_nothing(workspace: Workspace) -> None:
    (workspace.logs / "scheduler.log").write_text("x")

    workspace.remove()

    assert not workspace.folder.exists()


def test_remove_with_logs_kept_leaves_the_logs_alone(workspace: Workspace) -> None:
    (workspace.logs / "scheduler.log").write_text("x")
    (workspace.airflow_home / "airflow.db").write_text("x")

    workspace.remove(keep_logs=True)

    assert [entry.name for entry in workspace.folder.iterdir()] == ["logs"]
    assert (workspace.logs / "scheduler.log").exists()
