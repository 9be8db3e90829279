"""A whole Airflow on SQLite: database, API server, scheduler, triggerer and Dag processor."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from demo.rest import AirflowApi, UnreachableError
from demo.workspace import LOOPBACK, UI_USER, Workspace

if TYPE_CHECKING:
    from demo.processes import Program, Programs
    from demo.progress import Progress
    from demo.stop import StopFlag

COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
MIGRATE_TIMEOUT_SECS = 180.0
HEALTH_TIMEOUT_SECS = 180.0
DAGS_TIMEOUT_SECS = 120.0


class AirflowError(Exception):
    """Airflow, or a part of it, does not run; the message names the log."""


class AirflowServer:
    """Starts the parts of Airflow as processes of ours and waits until each says that it is healthy."""

    def __init__(self, programs: Programs, workspace: Workspace, stop: StopFlag, progress: Progress) -> None:
        self._programs = programs
        self._workspace = workspace
        self._stop = stop
        self._progress = progress
        self._parts: list[Program] = []

    def start(self) -> AirflowApi:
        """Create the database, start everything, and log in."""
        self._progress.doing(f"Airflow {version('apache-airflow')}: creating its database")
        self._migrate()
        self._parts = [
            self._programs.start_airflow(
                "api-server", "--host", LOOPBACK, "--port", str(self._workspace.api_port), "--workers", "1"
            ),
            self._programs.start_airflow("scheduler", "--skip-serve-logs"),
            self._programs.start_airflow("triggerer", "--skip-serve-logs"),
            self._programs.start_airflow("dag-processor"),
        ]
        api = AirflowApi(self._workspace.ui_url, self._stop)
        self._wait_healthy(api)
        api.log_in(UI_USER, self._workspace.ui_password)
        return api

    def wait_for_dags(self, api: AirflowApi, dag_ids: set[str]) -> None:
        """Wait until the Dag processor has read all of `dag_ids`; a Dag file that does not import ends the wait."""
        self._progress.doing("Airflow: reading the example Dags")

        def all_read() -> bool:
            if errors := api.import_errors():
                raise AirflowError("a Dag file does not import:\n" + "\n".join(errors))
            return dag_ids <= api.dag_ids()

        if not self._stop.wait_until(all_read, DAGS_TIMEOUT_SECS, poll_secs=1.0):
            missing = ", ".join(sorted(dag_ids - api.dag_ids()))
            raise AirflowError(
                f"the Dag processor did not read {missing} within {DAGS_TIMEOUT_SECS:.0f} s;"
                f" look into {self._workspace.logs / 'dag-processor.log'}"
            )

    def raise_if_ended(self) -> None:
        """Raise when a part of Airflow runs no longer.

        Raises:
            AirflowError: With the end of that part's log.
        """
        for program in self._parts:
            if program.exit_code is not None:
                raise AirflowError(
                    f"airflow {program.name} ended with {program.exit_code}; the end of {program.log}:\n"
                    + log_tail(program)
                )

    def _migrate(self) -> None:
        program = self._programs.start_airflow("db", "migrate")
        if not self._stop.wait_until(lambda: program.exit_code is not None, MIGRATE_TIMEOUT_SECS):
            raise AirflowError(f"airflow db migrate took too long; look into {program.log}")
        if program.exit_code:
            raise AirflowError(f"airflow db migrate ended with {program.exit_code}:\n{log_tail(program)}")

    def _wait_healthy(self, api: AirflowApi) -> None:
        def healthy() -> bool:
            self.raise_if_ended()
            waiting = unhealthy_components(api)
            if waiting:
                self._progress.doing("Airflow: waiting for " + ", ".join(waiting))
            return not waiting

        if not self._stop.wait_until(healthy, HEALTH_TIMEOUT_SECS, poll_secs=0.5):
            raise AirflowError(
                f"{', '.join(unhealthy_components(api))} not healthy after {HEALTH_TIMEOUT_SECS:.0f} s;"
                f" look into {self._workspace.logs}"
            )


def unhealthy_components(api: AirflowApi) -> list[str]:
    """The parts that do not say "healthy" yet; the API server itself when it does not answer."""
    try:
        health = api.health()
    except UnreachableError:
        return ["the API server"]
    return [name.replace("_", " ") for name in COMPONENTS if health.get(name) != "healthy"]


def log_tail(program: Program, lines: int = 20) -> str:
    """The last lines that a program wrote."""
    return "\n".join(program.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
