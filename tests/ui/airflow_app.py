"""Airflow's API server as a process of the tests' own, below a path, with one user for each role."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from demo.processes import Programs
from demo.workspace import SOURCE_ROOT, Workspace, airflow_environment, neutral_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = ("viewer", "user", "op", "admin")
BASE_PATH = "/air"
PATIENCE_SECS = 240.0
ACTION_HEADERS = {"X-Versioned-Artifacts": "test"}


class AirflowApp:
    """Where it is, and how each user is known there."""

    def __init__(self, url: str, connection_json: str) -> None:
        self.url = url
        self.connection_json = connection_json
        self._tokens: dict[str, str] = {}

    def token(self, role: str) -> str:
        """Sign in as the user of a role, who has its name."""
        if role not in self._tokens:
            known = {"username": role, "password": f"{role}-password"}
            answer = httpx.post(f"{self.url}/auth/token", json=known, timeout=PATIENCE_SECS)
            answer.raise_for_status()
            self._tokens[role] = answer.json()["access_token"]
        return self._tokens[role]

    def client(self, role: str | None) -> httpx.Client:
        """Return a client of the page's server with a role's cookie; None: the anonymous."""
        cookies = {"_token": self.token(role)} if role else {}
        return httpx.Client(base_url=f"{self.url}/versioned/", cookies=cookies, timeout=PATIENCE_SECS)

    def airflow(self, method: str, path: str, body: Any = None) -> Any:
        """Ask Airflow's own REST API as its administrator."""
        headers = {"Authorization": f"Bearer {self.token('admin')}"}
        answer = httpx.request(method, f"{self.url}/api/v2/{path}", json=body, headers=headers, timeout=PATIENCE_SECS)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@contextmanager
def airflow_app(connection_json: str, ui_connections: str, **connections: str) -> Iterator[AirflowApp]:
    """Start the API server and end it; its connections come from the environment."""
    workspace = Workspace.create()
    url = f"{workspace.ui_url}{BASE_PATH}"
    environment = neutral_environment(os.environ, workspace) | airflow_environment(workspace, connection_json)
    environment |= {
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{role}:{role}" for role in ROLES),
        "AIRFLOW__VERSIONED__UI_CONNECTIONS": ui_connections,
        "PYTHONPATH": str(SOURCE_ROOT),
        **{f"AIRFLOW_CONN_{name.upper()}": value for name, value in connections.items()},
    }
    passwords = workspace.airflow_home / "passwords.json"
    passwords.write_text(json.dumps({role: f"{role}-password" for role in ROLES}))
    programs = Programs(environment, workspace.logs, workspace.folder)
    try:
        server = programs._start("api-server", [sys.executable, "-m", "tests.ui.serve", str(workspace.api_port)])
        deadline = time.monotonic() + PATIENCE_SECS
        while not _answers(url):
            if server.exit_code is not None or time.monotonic() > deadline:
                raise AssertionError(server.log.read_text(errors="replace")[-5000:])
            time.sleep(0.2)
        yield AirflowApp(url, connection_json)
    finally:
        programs.kill_all()
        workspace.remove()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v2/version", timeout=10).is_success
    except httpx.TransportError:
        return False
