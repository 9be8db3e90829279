"""Asset events, links and notifications of our tasks, as a real Airflow records and uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import Ran

pytestmark = pytest.mark.backends(MOTO)


def recorded(repository: Repository) -> list[Any]:
    """Return the events of one repository that are in Airflow's database, oldest first."""
    from airflow.models.asset import AssetEvent  # noqa: PLC0415 -- after pytest_configure has set the environment
    from airflow.utils.session import create_session  # noqa: PLC0415 -- as above

    with create_session() as session:
        events = session.query(AssetEvent).order_by(AssetEvent.id).all()
        found = [event for event in events if f"//{repository.s3_bucket}/" in event.asset.uri]
        session.expunge_all()
    return found


def due() -> set[str]:
    """Return the Dags that the scheduler would run now because of asset events, and forget these."""
    from airflow.models.asset import AssetDagRunQueue  # noqa: PLC0415 -- as above
    from airflow.models.dag import DagModel  # noqa: PLC0415 -- as above
    from airflow.utils.session import create_session  # noqa: PLC0415 -- as above

    with create_session() as session:
        dags = {dag.dag_id for dag in DagModel.dags_needing_dagruns(session)[0]}
        session.query(AssetDagRunQueue).delete()
    return {dag_id for dag_id in dags if dag_id.startswith("hear_of")}


def clear_and_run_again(dag: Any, run_id: str, *task_ids: str) -> None:
    """Clear tasks of a run, as a person does, and run them."""
    from airflow.models.taskinstance import TaskInstance, clear_task_instances  # noqa: PLC0415 -- as above
    from airflow.sdk.definitions.dag import _run_task  # noqa: PLC0415 -- as above
    from airflow.utils.session import create_session  # noqa: PLC0415 -- as above

    for task_id in task_ids:
        with create_session() as session:
            ti = session.query(TaskInstance).filter_by(run_id=run_id, task_id=task_id).one()
            clear_task_instances([ti], session)
            session.flush()
            ti.try_number += 1
        with create_session() as session:
            again = session.query(TaskInstance).filter_by(run_id=run_id, task_id=task_id).one()
            assert again.dag_run.clear_number
            _run_task(ti=again, task=dag.get_task(task_id))
            assert again.state == "success"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where people are told of moves."""
    monkeypatch.setenv("VERSIONED_TEST_TOLD", str(tmp_path / "told"))
    return tmp_path / "told"


def test_events_of_templated_tasks_are_recorded_with_their_facts_and_start_their_dags(
    connection: Repository, run_dag: Callable[..., Ran], told: Path
) -> None:
    connection.publish_artifact_version("heard", content=b"one")
    connection.put_alias("heard", "prod", 1)
    due()

    ran = run_dag("produce_events", name="heard", content="two")

    assert ran.state == "success"
    publish, promote, rollback = recorded(connection)
    assert publish.extra["sha256"] == connection.get_artifact_version("heard", 2).sha256
    assert (publish.extra["action"], publish.extra["version"]) == ("publish", "2")
    assert (promote.extra["weights"], promote.extra["previous_weights"]) == ({"2": 100}, {"1": 100})
    assert (promote.extra["reason"], promote.extra["sha256"]) == ("new", publish.extra["sha256"])
    assert (rollback.extra["action"], rollback.extra["weights"]) == ("rollback", {"1": 100})
    assert [event.source_task_id for event in (publish, promote, rollback)] == ["publish", "promote", "rollback"]
    assert due() == {"hear_of_moves", "hear_of_versions"}
    sentences = told.read_text().splitlines()
    assert [sentence.partition(" by airflow:")[0] for sentence in sentences] == [
        "prod of heard: 1 -> 2",
        "prod of heard: 2 -> 1 (rollback)",
    ]
    assert sentences[0].endswith("/promote because: new")


@pytest.mark.usefixtures("told")
def test_task_that_a_person_clears_is_recorded_again_only_if_it_changed_something(
    connection: Repository, run_dag: Callable[..., Ran], test_dags: dict[str, Any]
) -> None:
    connection.publish_artifact_version("cleared", content=b"one")
    connection.put_alias("cleared", "prod", 1)
    ran = run_dag("produce_events", name="cleared", content="two")
    assert len(recorded(connection)) == 3

    clear_and_run_again(test_dags["produce_events"], ran.run_id, "publish")
    assert len(recorded(connection)) == 3

    clear_and_run_again(test_dags["produce_events"], ran.run_id, "promote", "promote")
    assert [event.extra["action"] for event in recorded(connection)] == ["publish", "put", "rollback", "put"]


def test_mapped_tasks_record_one_event_each(connection: Repository, run_dag: Callable[..., Ran]) -> None:
    assert run_dag("produce_mapped_events").state == "success"

    events = recorded(connection)
    assert sorted((event.extra["name"], event.source_map_index) for event in events) == [
        ("mapped-a", 0),
        ("mapped-b", 1),
    ]


def test_staged_promotion_records_its_moves_and_tells_people(
    connection: Repository, run_dag: Callable[..., Ran], told: Path
) -> None:
    for content in (b"one", b"two"):
        connection.publish_artifact_version("staged", content=content)
    connection.put_alias("staged", "prod", 1)

    assert run_dag("produce_staged_events", name="staged").state == "success"

    assert [event.extra["weights"] for event in recorded(connection)] == [{"1": 75, "2": 25}, {"2": 100}]
    sentences = [sentence.partition(" by airflow:")[0] for sentence in told.read_text().splitlines()]
    assert sentences == ["prod of staged: 1 -> 1 (75 %) + 2 (25 %)", "prod of staged: 1 (75 %) + 2 (25 %) -> 2"]


@pytest.mark.usefixtures("told")
def test_links_of_tasks_are_kept_by_airflow(connection: Repository, run_dag: Callable[..., Ran]) -> None:
    connection.publish_artifact_version("linked", content=b"one")
    connection.put_alias("linked", "prod", 1)

    ran = run_dag("produce_events", name="linked", content="two")

    bucket, table = connection.s3_bucket, connection.dynamodb_table_name
    assert ran.xcom("publish", "_link_S3ObjectLink") == (
        f"https://console.aws.amazon.com/s3/object/{bucket}?region=us-east-1&prefix=artifacts%2Flinked%2F000002.bin"
    )
    assert ran.xcom("promote", "_link_DynamoDBItemLink") == (
        "https://console.aws.amazon.com/dynamodbv2/home?region=us-east-1#edit-item?itemMode=2"
        f"&pk=__linked-alias&sk=prod&table={table}&route=ROUTE_ITEM_EXPLORER"
    )
