"""A whole Airflow of the test's own: API server, scheduler, triggerer and Dag processor as processes."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from demo.airflow_server import AirflowServer
from demo.processes import Programs, processes_of_sessions
from demo.progress import Progress
from demo.rest import RUN_ENDED
from demo.stop import StopFlag
from demo.workspace import Workspace, airflow_environment, neutral_environment, write_ui_password

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from demo.rest import AirflowApi

PATIENCE_SECS = 240.0  # a machine that stalls for seconds shall not fail a test


class AirflowProcess:
    """What a test does with it."""

    def __init__(self, api: AirflowApi, programs: Programs, workspace: Workspace) -> None:
        self.api = api
        self.programs = programs
        self.workspace = workspace

    def get(self, path: str) -> Any:
        """Ask the REST API."""
        return self.api._call("GET", f"/api/v2/{path}")

    def unpause(self, dag_id: str) -> None:
        """Let a Dag be scheduled."""
        self.api._call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def pause(self, dag_id: str) -> None:
        """Let a Dag be scheduled no more."""
        self.api._call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": True})

    def events(self) -> list[dict[str, Any]]:
        """Return the extras of all asset events, oldest first."""
        found = self.get("assets/events?limit=100&order_by=timestamp")["asset_events"]
        return [event["extra"] for event in found]

    def runs(self, dag_id: str) -> list[str]:
        """Return the states of a Dag's runs, oldest first."""
        return [run["state"] for run in self.get(f"dags/{dag_id}/dagRuns?order_by=run_after")["dag_runs"]]

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something; the triggerer's log is shown when it does not come."""
        deadline = time.monotonic() + PATIENCE_SECS
        while not condition():
            if time.monotonic() > deadline:
                log = self._triggerer_log()[-6000:]
                raise AssertionError(f"{what} did not come; events: {self.events()}; the triggerer's log:\n{log}")
            time.sleep(0.5)

    def kill_triggerer(self) -> None:
        """Kill the triggerer and what it started, as a machine that goes does."""
        started = [program for program in self.programs._started if program.name == "triggerer"]
        for process in processes_of_sessions({program.popen.pid for program in started}):
            process.kill()
        for program in started:
            program.popen.wait()

    def start_triggerer(self) -> None:
        """Start another triggerer."""
        self.programs.start_airflow("triggerer", "--skip-serve-logs")

    def log_says(self, text: str) -> bool:
        """Tell whether the triggerers have logged something."""
        return text in self._triggerer_log()

    def question(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Wait for the question of a run that one of its tasks waits to have answered."""
        asked: list[dict[str, Any]] = []

        def is_put() -> bool:
            found = self.get(f"dags/{dag_id}/dagRuns/{run_id}/hitlDetails?response_received=false")["hitl_details"]
            asked[:] = [one for one in found if one["task_instance"]["state"] in {"awaiting_input", "deferred"}]
            return bool(asked)

        self.wait_until(is_put, f"a question of {dag_id}")
        return asked[0]

    def wait_for_end(self, dag_id: str, run_id: str) -> None:
        """Wait until a run has ended."""
        self.wait_until(lambda: self.api.run_state(dag_id, run_id) in RUN_ENDED, f"the end of {dag_id}")

    def answer(self, question: dict[str, Any], option: str, comment: str | None = None) -> None:
        """Answer a question, as a person would in the UI."""
        # Up to Airflow 3.3.2 an answer in the very second in which the task begins to wait makes it fail.
        time.sleep(3)
        task = question["task_instance"]
        path = f"dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/-1/hitlDetails"
        body = {"chosen_options": [option], "params_input": {"comment": comment}}
        self.api._call("PATCH", f"/api/v2/{path}", body)

    def tasks(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Return the states of a run's tasks."""
        return {task.task_id: task.state for task in self.api.task_instances(dag_id, run_id)}

    def xcom(self, dag_id: str, task_id: str) -> Any:
        """Return what a task of a Dag's first run returned."""
        run = self.get(f"dags/{dag_id}/dagRuns?order_by=run_after")["dag_runs"][0]
        return self.api.xcom(dag_id, run["dag_run_id"], task_id)

    def _triggerer_log(self) -> str:
        return (self.workspace.logs / "triggerer.log").read_text(errors="replace")


@contextmanager
def airflow_process(connection_json: str, dag_ids: set[str], **settings: str) -> Iterator[AirflowProcess]:
    """Start Airflow with the example Dags, and end it."""
    workspace = Workspace.create()
    environment = neutral_environment(os.environ, workspace) | airflow_environment(workspace, connection_json)
    environment |= {
        # Another triggerer takes over what a dead one held only when that one's heartbeat is old.
        "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
        # An unpaused Dag is watched for from the next time that its file is read.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
        **settings,
    }
    programs = Programs(environment, workspace.logs, workspace.folder)
    write_ui_password(workspace)
    stop = StopFlag()
    try:
        server = AirflowServer(programs, workspace, stop, Progress())
        api = server.start()
        server.wait_for_dags(api, dag_ids)
        yield AirflowProcess(api, programs, workspace)
    finally:
        programs.kill_all()
        workspace.remove()
