"""The one folder that the demo lives in, its free ports, and the environment of what it starts.

Nothing outside the folder is read or written: no ``~/airflow``, no AWS configuration, no proxy, no setting of an
Airflow that the user may already have. Everything listens on and talks to the loopback interface only.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK = "127.0.0.1"
UI_USER = "admin"
SOURCE_ROOT = Path(__file__).resolve().parent.parent
DAGS_FOLDER = SOURCE_ROOT / "dags"

_DROPPED_PREFIXES = ("AIRFLOW", "_AIRFLOW", "AWS_", "BOTO", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")
_DROPPED_SUFFIXES = ("_proxy", "_PROXY")


@dataclass(frozen=True)
class Workspace:
    """Where the demo keeps its files, and how its Airflow is reached."""

    folder: Path
    api_port: int
    ui_password: str

    @classmethod
    def create(cls) -> Workspace:
        """Make the folder and choose a free port."""
        folder = Path(tempfile.mkdtemp(prefix="versioned-demo-"))
        for name in ("airflow", "aws", "home", "logs", "tmp"):
            (folder / name).mkdir()
        return cls(folder, free_port(), secrets.token_hex(4))

    @property
    def airflow_home(self) -> Path:
        """Airflow's database and configuration."""
        return self.folder / "airflow"

    @property
    def logs(self) -> Path:
        """Output of the programs, and the logs of tasks."""
        return self.folder / "logs"

    @property
    def has_logs(self) -> bool:
        """Whether anything wrote a log."""
        return any(self.logs.iterdir())

    @property
    def ui_url(self) -> str:
        """Where Airflow's API server listens."""
        return f"http://{LOOPBACK}:{self.api_port}"

    def remove(self, *, keep_logs: bool = False) -> None:
        """Delete the folder; with `keep_logs` the logs stay where they are."""
        if not keep_logs:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        for entry in self.folder.iterdir():
            if entry != self.logs:
                shutil.rmtree(entry, ignore_errors=True)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def neutral_environment(inherited: Mapping[str, str], workspace: Workspace) -> dict[str, str]:
    """Drop the user's Airflow, AWS and proxy settings; put home and temporary files into the workspace."""
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith(_DROPPED_PREFIXES) and not name.endswith(_DROPPED_SUFFIXES)
    }
    return kept | {
        "HOME": str(workspace.folder / "home"),
        "TMPDIR": str(workspace.folder / "tmp"),
        "AWS_CONFIG_FILE": str(workspace.folder / "aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(workspace.folder / "aws" / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
        "SCARF_ANALYTICS": "false",
    }


def airflow_environment(workspace: Workspace, connection_json: str) -> dict[str, str]:
    """What makes Airflow run inside the workspace, small and on loopback; `connection_json` becomes ``aws_default``."""
    home = workspace.airflow_home
    settings = {
        ("CORE", "DAGS_FOLDER"): str(DAGS_FOLDER),
        ("CORE", "LOAD_EXAMPLES"): "False",
        ("CORE", "EXECUTOR"): "LocalExecutor",
        ("CORE", "PARALLELISM"): "3",
        ("CORE", "DAGS_ARE_PAUSED_AT_CREATION"): "False",
        ("CORE", "DEFAULT_TASK_RETRIES"): "2",
        ("CORE", "DEFAULT_TASK_RETRY_DELAY"): "5",
        ("CORE", "EXECUTION_API_SERVER_URL"): f"{workspace.ui_url}/execution/",
        ("CORE", "SIMPLE_AUTH_MANAGER_USERS"): f"{UI_USER}:admin",
        ("CORE", "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"): str(home / "passwords.json"),
        ("DATABASE", "SQL_ALCHEMY_CONN"): f"sqlite:///{home / 'airflow.db'}",
        ("API", "HOST"): LOOPBACK,
        ("API", "PORT"): str(workspace.api_port),
        ("API", "BASE_URL"): workspace.ui_url,
        ("API", "WORKERS"): "1",
        ("API", "SECRET_KEY"): secrets.token_hex(16),
        ("API_AUTH", "JWT_SECRET"): secrets.token_hex(32),
        ("LOGGING", "BASE_LOG_FOLDER"): str(workspace.logs / "tasks"),
        ("LOGGING", "COLORED_CONSOLE_LOG"): "False",
        ("DAG_PROCESSOR", "MIN_FILE_PROCESS_INTERVAL"): "300",
        ("DAG_PROCESSOR", "PARSING_PROCESSES"): "2",
        ("USAGE_DATA_COLLECTION", "ENABLED"): "False",
    }
    environment = {f"AIRFLOW__{section}__{option}": value for (section, option), value in settings.items()}
    return environment | {"AIRFLOW_HOME": str(home), "AIRFLOW_CONN_AWS_DEFAULT": connection_json}


def write_ui_password(workspace: Workspace) -> None:
    """Choose the user's password before Airflow does, so that it need not be searched in a log."""
    path = workspace.airflow_home / "passwords.json"
    path.write_text(json.dumps({UI_USER: workspace.ui_password}), encoding="utf-8")
    path.chmod(0o600)
