"""Everything that the demo plays on: the embedded servers, the repository, a running Airflow."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo.airflow_server import AirflowServer
from demo.processes import Programs
from demo.repository_place import bootstrapped_repository, connection_json
from demo.verification import EXPECTED_RUN_STATES
from demo.workspace import UI_USER, airflow_environment, neutral_environment, write_ui_password
from scripts.embedded_servers import EmbeddedServers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_versioned.repository import Repository
    from demo.progress import Progress
    from demo.rest import AirflowApi
    from demo.stop import StopFlag
    from demo.workspace import Workspace


@dataclass(frozen=True)
class Stage:
    """What runs, ready to play on."""

    repository: Repository
    server: AirflowServer
    api: AirflowApi


@contextmanager
def stage(workspace: Workspace, progress: Progress, stop: StopFlag) -> Iterator[Stage]:
    """Start all of it, and end all of it when the block is left, for whatever reason."""
    stop.check()
    environment = neutral_environment(os.environ, workspace)
    _adopt(environment)
    with ExitStack() as stack:
        progress.doing("S3 and DynamoDB: starting MiniStack")
        endpoint_url = stack.enter_context(EmbeddedServers()).endpoint_url
        stop.check()
        repository = bootstrapped_repository(endpoint_url)
        progress.line(f"S3 and DynamoDB at {endpoint_url}, repository bootstrapped")
        write_ui_password(workspace)
        environment |= airflow_environment(workspace, connection_json(endpoint_url))
        programs = Programs(environment, workspace.logs, workspace.folder)
        stack.callback(programs.kill_all)
        server = AirflowServer(programs, workspace, stop, progress)
        api = server.start()
        stack.callback(api.close)
        server.wait_for_dags(api, set(EXPECTED_RUN_STATES))
        progress.line(f"Airflow at {workspace.ui_url} (user {UI_USER}, password {workspace.ui_password})")
        yield Stage(repository, server, api)


def _adopt(environment: dict[str, str]) -> None:
    """Let this process too forget the user's settings; the servers and boto3 look at its environment."""
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = environment["TMPDIR"]
