"""Asset events of our operators, task by task: told when something changed, and then once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.assets.announce import MOVE_KEY
from airflow_provider_versioned.operators import PromoteAliasOperator, PublishArtifactOperator, RollbackAliasOperator
from airflow_provider_versioned.repository.errors import AccessDeniedError
from tests.provider.conftest import FakeRun
from tests.provider.rollout_group import Group
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def versions(connection: Repository) -> Repository:
    """A repository with versions 1 and 2, and alias ``prod`` at version 1."""
    for content in (b"one", b"two"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1)
    return connection


def publish(content: str = "three", **arguments: Any) -> PublishArtifactOperator:
    """Make the operator."""
    return PublishArtifactOperator(task_id="publish", name="model", content=content, **arguments)


def promote(**arguments: Any) -> PromoteAliasOperator:
    """Make the operator."""
    return PromoteAliasOperator(task_id="promote", name="model", alias="prod", **arguments)


def told(run: FakeRun) -> list[str]:
    """Return what was told, in short."""
    return [f"{event.alias} {event.extra['action']} {event.extra['version']}" for event in run.events]


def try_and_die(run: FakeRun, operator: Any, **tries: Any) -> None:
    """Execute an operator whose worker dies before Airflow hears of the success."""
    operator.execute(run.context(operator.task_id, **tries))


def test_publication_is_told_with_what_identifies_it(versions: Repository, run: FakeRun) -> None:
    run.execute(publish())

    [event] = run.events
    artifact = versions.get_artifact_version("model", 3)
    assert event.uri == f"versioned://{versions.s3_bucket}/artifacts/model"
    assert event.alias == "versioned:model"
    assert event.extra == {
        "action": "publish",
        "name": "model",
        "version": "3",
        "sha256": artifact.sha256,
        "size": 5,
        "s3uri": artifact.s3uri,
        "revision": artifact.revision,
        "published_by": "airflow:dag/run-1/publish",
    }


def test_publication_that_found_the_bytes_published_by_others_is_not_told(versions: Repository, run: FakeRun) -> None:
    assert run.execute(publish("two"))["version"] == "2"

    assert run.events == []
    assert len(versions.list_artifact_versions("model")) == 3


@pytest.mark.usefixtures("versions")
def test_retry_tells_of_what_the_try_before_published_and_could_not_tell(run: FakeRun) -> None:
    try_and_die(run, publish())
    assert run.events == []

    run.execute(publish(), try_number=2)

    assert told(run) == ["versioned:model publish 3"]


@pytest.mark.usefixtures("versions")
def test_task_that_is_cleared_tells_nothing_again_but_what_is_new(run: FakeRun) -> None:
    run.execute(publish())
    run.clear_number = 1
    run.execute(publish(), try_number=2)
    assert told(run) == ["versioned:model publish 3"]

    run.execute(publish("four"), try_number=3)
    assert told(run) == ["versioned:model publish 3", "versioned:model publish 4"]


@pytest.mark.usefixtures("versions")
def test_task_that_is_cleared_after_it_failed_tells_what_it_never_told(run: FakeRun) -> None:
    try_and_die(run, publish())
    run.clear_number = 1

    run.execute(publish(), try_number=2)

    assert told(run) == ["versioned:model publish 3"]


def test_move_is_told_with_what_it_changed(versions: Repository, run: FakeRun) -> None:
    run.execute(promote(version=1, secondary_version=2, secondary_version_weight=25, reason="try"))

    [event] = run.events
    alias = versions.get_alias("model", "prod")
    assert event.uri == f"versioned://{versions.s3_bucket}/artifacts/model@prod"
    assert event.alias == "versioned:model@prod"
    assert event.extra == {
        "name": "model",
        "alias": "prod",
        "action": "put",
        "version": "1",
        "secondary_version": "2",
        "secondary_version_weight": 25,
        "weights": {"1": 75, "2": 25},
        "previous_weights": {"1": 100},
        "sha256": versions.get_artifact_version("model", 1).sha256,
        "secondary_sha256": versions.get_artifact_version("model", 2).sha256,
        "revision": alias.revision,
        "sequence": 2,
        "changed_at": alias.update_at.isoformat(),
        "changed_by": "airflow:dag/run-1/promote",
        "reason": "try",
        "rollout": None,
        "approval": None,
    }
    assert run.xcoms["promote", MOVE_KEY] == event.extra


def test_alias_that_is_there_already_is_not_told(versions: Repository, run: FakeRun) -> None:
    run.execute(promote(version=1))

    assert run.events == []
    assert ("promote", MOVE_KEY) not in run.xcoms
    assert versions.get_alias("model", "prod").sequence == 1


def test_first_move_of_an_alias_comes_from_nothing(versions: Repository, run: FakeRun) -> None:
    run.execute(PromoteAliasOperator(task_id="promote", name="model", alias="test", version=2))

    assert run.events[0].extra["previous_weights"] == {}
    assert versions.get_alias("model", "test").version == "2"


def test_retry_tells_of_its_move_unless_somebody_moved_on(versions: Repository, run: FakeRun) -> None:
    try_and_die(run, promote(version=2))
    run.execute(promote(version=2), try_number=2)
    assert told(run) == ["versioned:model@prod put 2"]

    other = FakeRun("run-2")
    try_and_die(other, promote(version=1))
    versions.put_alias("model", "prod", 2, changed_by="somebody")
    other.execute(promote(version=1), try_number=2)
    assert told(other) == []


def test_cleared_promotion_is_told_again_only_if_it_moved_again(versions: Repository, run: FakeRun) -> None:
    run.execute(promote(version=2))
    run.clear_number = 1
    run.execute(promote(version=2))
    assert told(run) == ["versioned:model@prod put 2"]

    versions.put_alias("model", "prod", 1)
    run.clear_number = 2
    run.execute(promote(version=2))
    assert told(run) == ["versioned:model@prod put 2"] * 2


@pytest.mark.usefixtures("versions")
def test_rollback_is_told_as_one(run: FakeRun) -> None:
    run.execute(promote(version=2))
    run.execute(RollbackAliasOperator(task_id="rollback", name="model", alias="prod", reason="bad"))

    assert told(run) == ["versioned:model@prod put 2", "versioned:model@prod rollback 1"]
    assert run.events[1].extra["previous_weights"] == {"2": 100}


@pytest.mark.usefixtures("versions")
def test_move_is_told_where_its_history_may_not_be_read(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: Any) -> None:
        raise AccessDeniedError("Reading the history was denied.")

    operator = promote(version=2)
    monkeypatch.setattr(operator.hook.repository, "list_alias_history", deny)
    run.execute(operator)

    assert told(run) == ["versioned:model@prod observed 2"]


@pytest.mark.usefixtures("versions")
def test_staged_promotion_tells_each_move_once_however_often_it_is_cleared(run: FakeRun) -> None:
    group = Group(run)
    group("start", "shift_5")
    run.clear_number = 1
    group("start", "shift_5", "bake_5", "shift_25", "bake_25")
    run.clear_number = 2
    group("start", "shift_5", "bake_5", "shift_25", "bake_25", "promote", "roll_back_unless_promoted")
    run.clear_number = 3
    group("start", "shift_5", "roll_back_unless_promoted")

    shares = [event.extra["weights"] for event in run.events]
    assert shares == [{"1": 95, "2": 5}, {"1": 75, "2": 25}, {"2": 100}]


@pytest.mark.usefixtures("versions")
def test_staged_promotion_tells_a_move_whose_try_died(run: FakeRun) -> None:
    group = Group(run)
    group("start")
    try_and_die(run, group.dag.get_task("group.shift_5"))
    assert run.events == []

    group("shift_5")

    assert [event.extra["weights"] for event in run.events] == [{"1": 95, "2": 5}]


@pytest.mark.usefixtures("versions")
def test_rollback_of_a_staged_promotion_is_told_also_when_its_first_try_died(run: FakeRun) -> None:
    group = Group(run)
    group("start", "shift_5")
    try_and_die(run, group.dag.get_task("group.roll_back_unless_promoted"))
    group("roll_back_unless_promoted")

    assert [event.extra["action"] for event in run.events] == ["put", "rollback"]
    assert run.events[1].extra["weights"] == {"1": 100}
    assert run.events[1].extra["rollout"] is None
