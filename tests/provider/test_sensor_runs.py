"""The sensor in Dag runs of a real Airflow, against a server: poking, rescheduled and deferred."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tests.servers import MINISTACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import Ran

pytestmark = pytest.mark.backends(MINISTACK)


@pytest.fixture
def versions(connection: Repository) -> Repository:
    """A repository with versions 1 and 2, and alias ``prod`` at version 1."""
    for content in (b"one", b"two"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1)
    return connection


@pytest.mark.parametrize("dag_id", ["wait_poking", "wait_rescheduled", "wait_deferred"])
@pytest.mark.parametrize("conf", [{"version": 2}, {}])
def test_sensor_ends_when_the_alias_is_moved_during_the_run(
    versions: Repository, run_dag: Callable[..., Ran], dag_id: str, conf: dict[str, int]
) -> None:
    def move_when_the_run_waits() -> None:
        versions.put_alias("model", "prod", 2)

    mover = threading.Timer(4, move_when_the_run_waits)
    mover.start()
    ran = run_dag(dag_id, name="model", **conf)
    mover.join()

    assert ran.state == "success"
    assert ran.xcom("use") == ran.xcom("wait") == versions.get_alias("model", "prod").to_dict()
    assert ran.xcom("wait", "version") == "2"


@pytest.mark.parametrize(
    ("dag_id", "states"),
    [("wait_in_vain", ("failed", "failed")), ("wait_in_vain_softly", ("success", "skipped"))],
)
@pytest.mark.usefixtures("versions")
def test_deferred_sensor_keeps_its_deadline_and_soft_fail(
    run_dag: Callable[..., Ran], dag_id: str, states: tuple[str, str]
) -> None:
    ran = run_dag(dag_id, name="model", version=2)

    assert (ran.state, ran.tasks["wait"]) == states
