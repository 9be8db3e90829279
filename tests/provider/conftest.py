"""Fixtures for what runs inside Airflow: a metadata database of our own, Dag runs in this process, a task's context."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

DAGS = Path(__file__).parent / "dags"


@pytest.fixture
def connection(
    aws: Aws, unique_place: PlaceArguments, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> Repository:
    """The repository, reachable through connection ``aws_default``, which also names its place."""
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws.connection_json(unique_place))
    return repository


@dataclass
class FakeTaskInstance:
    """What our tasks use of a task instance; XComs are shared by the instances of one :class:`FakeRun`."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int | None
    try_number: int
    xcoms: dict[tuple[str, str], Any]
    max_tries: int = 0

    def get_first_reschedule_date(self, context: Context) -> None:
        """Say that this is the first look of a sensor."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value, as Airflow would: through JSON."""
        self.xcoms[self.task_id, key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int | None = None) -> Any:
        """Return a value that a task of the run left."""
        return self.xcoms.get((task_ids, key))


@dataclass
class FakeRun:
    """A Dag run in which operators are executed one by one, as often and in the order that a test likes."""

    run_id: str = "run-1"
    clear_number: int = 0
    start_date: datetime = field(default_factory=lambda: datetime.now(UTC))
    xcoms: dict[tuple[str, str], Any] = field(default_factory=dict)
    events: list[SimpleNamespace] = field(default_factory=list)

    def context(self, task_id: str, map_index: int | None = None, try_number: int = 1) -> Context:
        """Return the context of one try of a task."""
        ti = FakeTaskInstance("dag", self.run_id, task_id, map_index, try_number, self.xcoms)
        dag_run = SimpleNamespace(clear_number=self.clear_number, start_date=self.start_date)
        from airflow.sdk.execution_time.context import OutletEventAccessors  # noqa: PLC0415 -- after pytest_configure has set the environment

        told = OutletEventAccessors()
        return cast("Context", {"ti": ti, "dag_run": dag_run, "params": {}, "outlet_events": told})

    def execute(self, operator: Any, **tries: Any) -> Any:
        """Execute an operator as Airflow would, keeping what it returns and, after a success, its asset events."""
        context = self.context(operator.task_id, **tries)
        result = operator.execute(context)
        context["ti"].xcom_push(key="return_value", value=result)
        self.events += self.told(operator, context)
        return result

    @staticmethod
    def told(operator: Any, context: Context) -> list[SimpleNamespace]:
        """Return the events that Airflow would record: those of outlets."""
        accessors: Any = context["outlet_events"]
        told = [(alias, event) for alias in accessors for event in accessors[alias].asset_alias_events]
        return [
            SimpleNamespace(uri=event.dest_asset_key.uri, alias=alias.name, extra=json.loads(json.dumps(event.extra)))
            for alias, event in told
            if alias in operator.outlets
        ]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    """A Dag run."""
    from airflow.sdk.bases.operator import ExecutorSafeguard  # noqa: PLC0415 -- after pytest_configure has set the environment

    monkeypatch.setattr(ExecutorSafeguard, "test_mode", True)
    run = FakeRun()

    def recorded(asset: Any) -> list[SimpleNamespace]:
        return [event for event in run.events if event.uri == asset.uri]

    monkeypatch.setattr("airflow_provider_versioned.assets.announce.recorded_events", recorded)
    return run


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What operators log."""
    from airflow.sdk import BaseOperator  # noqa: PLC0415 -- after pytest_configure has set the environment

    lines: list[str] = []

    def keep(text: str, *facts: object) -> None:
        lines.append(text % facts if facts else text)

    monkeypatch.setattr(BaseOperator, "log", SimpleNamespace(info=keep, warning=keep), raising=False)
    return lines


@dataclass(frozen=True)
class Ran:
    """What became of a Dag run in a real Airflow."""

    state: str
    tasks: dict[str, str]
    xcoms: dict[tuple[str, str, int], Any]
    run_id: str = ""

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task left."""
        return self.xcoms[task_id, key, map_index]


@pytest.fixture(scope="session")
def _airflow() -> Iterator[dict[str, Any]]:
    """Our test Dags, in an Airflow with a new database."""
    bundle = {"name": "tests", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__HOSTNAME_CALLABLE", "socket.gethostname")  # the default asks a name server
        patch.setenv(
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([{**bundle, "kwargs": {"path": str(DAGS)}}])
        )
        from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415 -- after pytest_configure has set the environment
        from airflow.sdk.execution_time import supervisor  # noqa: PLC0415 -- after pytest_configure has set the environment
        from airflow.utils.db import initdb  # noqa: PLC0415 -- after pytest_configure has set the environment

        # Airflow 3.2 makes a new API server for each task, which takes seconds; 3.3 keeps it, as this does.
        patch.setattr(supervisor, "in_process_api_server", functools.cache(supervisor.in_process_api_server))
        initdb()
        bag = DagBag(str(DAGS))
        assert not bag.import_errors
        yield bag.dags


@pytest.fixture
def test_dags(_airflow: dict[str, Any]) -> dict[str, Any]:  # noqa: PT019 -- handed on
    """The test Dags by id."""
    return _airflow


@pytest.fixture
def run_dag(_airflow: dict[str, Any]) -> Callable[..., Ran]:
    """Run one of the test Dags to its end, in this process."""

    def run_to_the_end(dag_id: str, **conf: Any) -> Ran:
        from airflow.models.xcom import XComModel  # noqa: PLC0415 -- after pytest_configure has set the environment
        from airflow.utils.session import create_session  # noqa: PLC0415 -- after pytest_configure has set the environment

        dag_run = _airflow[dag_id].test(run_conf=conf)
        with create_session() as session:
            tasks = {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances(session=session)}
            stored = session.query(XComModel).filter(XComModel.run_id == dag_run.run_id).all()
            xcoms = {(x.task_id, x.key, x.map_index): x.value for x in stored}
        return Ran(str(dag_run.state), tasks, xcoms, dag_run.run_id)

    return run_to_the_end
