"""The few calls of Airflow's REST API that the demo makes.

Each call may be repeated without harm, and is, for a while: on a busy machine Airflow sometimes takes long to answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from demo.stop import StopFlag

TIMEOUT_SECS = 10.0  # of one attempt; Ctrl-C waits for its end
PATIENCE_SECS = 90.0
PAGE = 100
TASK_ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}
RUN_ENDED = {"success", "failed"}


class UnreachableError(Exception):
    """Nobody answers at the address."""


class ApiError(Exception):
    """Airflow answered with an error; the message says which call and what it said."""


@dataclass(frozen=True)
class TaskInstance:
    """One task of one run, as Airflow tells it now.

    Attributes:
        label: For people: without the task group, with what a mapped task calls itself.
    """

    task_id: str
    map_index: int
    label: str
    state: str
    try_number: int
    duration_secs: float | None

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> TaskInstance:
        """Read Airflow's answer."""
        map_index = int(answer["map_index"])
        rendered = answer.get("rendered_map_index") or map_index
        name = str(answer["task_id"]).rpartition(".")[2]
        return cls(
            task_id=str(answer["task_id"]),
            map_index=map_index,
            label=name if map_index < 0 else f"{name}[{rendered}]",
            state=str(answer["state"] or "waiting"),
            try_number=int(answer["try_number"]),
            duration_secs=answer["duration"],
        )

    @property
    def key(self) -> tuple[str, int]:
        """What names it within its run."""
        return (self.task_id, self.map_index)

    @property
    def ended(self) -> bool:
        """Whether its state will stay."""
        return self.state in TASK_ENDED


class AirflowApi:
    """Airflow's REST API as one user; log in first."""

    def __init__(self, base_url: str, stop: StopFlag) -> None:
        self._stop = stop
        self._client = httpx.Client(base_url=base_url, timeout=TIMEOUT_SECS, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def log_in(self, username: str, password: str) -> None:
        """Get a token and use it from now on."""
        answer = self._call("POST", "/auth/token", {"username": username, "password": password})
        self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def health(self) -> dict[str, str | None]:
        """Component -> status; asked once, so that waiting for the server can be told."""
        answer = _checked(self._attempt("GET", "/api/v2/monitor/health", None))
        return {name: status.get("status") for name, status in answer.items()}

    def dag_ids(self) -> set[str]:
        """Dags that the Dag processor has read."""
        return {dag["dag_id"] for dag in self._call("GET", f"/api/v2/dags?limit={PAGE}")["dags"]}

    def import_errors(self) -> list[str]:
        """What went wrong while Dag files were read."""
        answer = self._call("GET", f"/api/v2/importErrors?limit={PAGE}")
        return [f"{error['filename']}: {error['stack_trace']}" for error in answer["import_errors"]]

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> None:
        """Start a run now; nothing happens when it was started already."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        response = self._send("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)
        if response.status_code != httpx.codes.CONFLICT:
            _checked(response)

    def run_state(self, dag_id: str, run_id: str) -> str:
        """queued, running, success or failed."""
        return str(self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """All task instances of the run."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit={PAGE}"
        return [TaskInstance.from_json(answer) for answer in self._call("GET", path)["task_instances"]]

    def xcom(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1, key: str = "return_value") -> Any:
        """What a task returned; None when it returned nothing."""
        path = (
            f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
            f"?map_index={map_index}&deserialize=true"
        )
        response = self._send("GET", path)
        return None if response.status_code == httpx.codes.NOT_FOUND else _checked(response)["value"]

    def log_lines(self, dag_id: str, run_id: str, task: TaskInstance) -> list[str]:
        """What the task logged in its last try."""
        path = (
            f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}/logs/{max(task.try_number, 1)}"
            f"?map_index={task.map_index}&full_content=true"
        )
        lines = [_log_line(entry) for entry in self._call("GET", path)["content"]]
        return [line for line in lines if "::group::" not in line and "::endgroup::" not in line]

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        end = time.monotonic() + PATIENCE_SECS
        while True:
            try:
                return self._attempt(method, path, body)
            except UnreachableError:
                if time.monotonic() > end:
                    raise
                self._stop.sleep(1)

    def _attempt(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body, headers={"Accept": "application/json"})
        except httpx.TransportError as error:
            raise UnreachableError(f"Airflow does not answer to {method} {path}: {error}") from error

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return _checked(self._send(method, path, body))


def _checked(response: httpx.Response) -> Any:
    if response.is_error:
        request = response.request
        raise ApiError(f"{request.method} {request.url.path} was answered {response.status_code}: {response.text}")
    return response.json()


def _log_line(entry: str | Mapping[str, Any]) -> str:
    if isinstance(entry, str):
        return entry
    level = str(entry.get("level") or "").upper()
    detail = [f"{e.get('exc_type')}: {e.get('exc_value')}" for e in entry.get("error_detail") or []]
    return " ".join(part for part in (level, str(entry.get("event", "")), *detail) if part)
