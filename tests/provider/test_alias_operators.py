"""PromoteAliasOperator and RollbackAliasOperator: one change per task, however often it is tried."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_versioned.operators import PromoteAliasOperator, RollbackAliasOperator
from airflow_provider_versioned.repository.errors import ArtifactNotFoundError, ConflictError
from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def versions(connection: Repository) -> Repository:
    """A repository with versions 1, 2 and 3."""
    for content in (b"one", b"two", b"three"):
        connection.publish_artifact_version("model", content=content)
    return connection


def promote(**arguments: Any) -> PromoteAliasOperator:
    """Make the operator."""
    return PromoteAliasOperator(task_id="promote", name="model", alias="prod", **arguments)


def rollback(**arguments: Any) -> RollbackAliasOperator:
    """Make the operator."""
    return RollbackAliasOperator(task_id="rollback", name="model", alias="prod", **arguments)


def test_promotion_with_rendered_arguments_moves_the_alias(versions: Repository, run: FakeRun) -> None:
    result = run.execute(promote(version="1", secondary_version="2", secondary_version_weight="20", reason="try"))

    alias = versions.get_alias("model", "prod")
    assert result == alias.to_dict()
    assert (alias.version, alias.secondary_version, alias.secondary_version_weight) == ("1", "2", 20)
    assert (alias.reason, alias.changed_by) == ("try", "airflow:dag/run-1/promote")


def test_promotion_with_arguments_rendered_to_nothing_takes_them_as_absent(versions: Repository, run: FakeRun) -> None:
    absent = {"secondary_version": "None", "secondary_version_weight": "", "if_revision": "None", "reason": ""}
    run.execute(promote(version=1, **absent))

    alias = versions.get_alias("model", "prod")
    assert (alias.secondary_version, alias.secondary_version_weight, alias.reason) == (None, None, None)


@pytest.mark.parametrize("version", ["", "None", None, "0", "1.5", True])
def test_promotion_to_no_version_fails_for_good_and_moves_nothing(
    versions: Repository, run: FakeRun, version: object
) -> None:
    with pytest.raises(AirflowFailException):
        run.execute(promote(version=version))

    assert versions.list_aliases("model") == []


def test_promotion_to_a_missing_version_may_be_retried(versions: Repository, run: FakeRun) -> None:
    with pytest.raises(ArtifactNotFoundError, match="version 9 of 'model' does not exist"):
        run.execute(promote(version=9))

    assert versions.list_aliases("model") == []


def test_retry_never_applies_a_change_that_landed_before(versions: Repository, run: FakeRun) -> None:
    run.execute(promote(version=2))
    versions.put_alias("model", "prod", 1, changed_by="somebody")

    result = run.execute(promote(version=2), try_number=2)

    assert result["version"] == "1"
    assert versions.get_alias("model", "prod").changed_by == "somebody"


def test_promotion_cleared_by_a_person_is_applied_again(versions: Repository, run: FakeRun) -> None:
    run.execute(promote(version=2))
    versions.put_alias("model", "prod", 1)
    run.clear_number = 1

    assert run.execute(promote(version=2), try_number=2)["version"] == "2"


def test_mapped_promotions_do_not_take_each_other_for_a_retry(versions: Repository, run: FakeRun) -> None:
    run.execute(promote(version=2), map_index=0)
    run.execute(promote(version=3), map_index=1)

    alias = versions.get_alias("model", "prod")
    assert (alias.version, alias.changed_by) == ("3", "airflow:dag/run-1/promote[1]")


def test_promotion_on_a_stale_revision_conflicts_and_names_who_moved_it(versions: Repository, run: FakeRun) -> None:
    stale = versions.put_alias("model", "prod", 1)
    versions.put_alias("model", "prod", 2, changed_by="somebody")

    with pytest.raises(ConflictError, match="somebody moved it at"):
        run.execute(promote(version=3, if_revision=stale.revision))

    assert versions.get_alias("model", "prod").version == "2"


def test_rollback_goes_back_once_however_often_it_is_tried(versions: Repository, run: FakeRun) -> None:
    for version in (1, 2, 3):
        versions.put_alias("model", "prod", version)

    results = [run.execute(rollback(reason="bad"), try_number=number)["version"] for number in (1, 2, 3)]
    run.clear_number = 1
    results.append(run.execute(rollback())["version"])

    assert results == ["2", "2", "2", "1"]


def test_rollback_drops_a_canary_or_goes_to_the_version_named(versions: Repository, run: FakeRun) -> None:
    versions.put_alias("model", "prod", 2)
    versions.put_alias("model", "prod", 2, 3, 50)

    assert run.execute(rollback())["secondary_version"] is None
    run.clear_number = 1
    assert run.execute(rollback(to_version="1"))["version"] == "1"


def approval(repository: Repository, **changes: Any) -> dict[str, Any]:
    """Return what the gate answers after a person approved version 2."""
    revision = repository.get_alias("model", "prod").revision
    asked = {"name": "model", "alias": "prod", "version": "2", "revision": revision}
    return {"approved_by": "ann", "approved_at": "2026-11-23T10:00:00+00:00", "comment": None, **asked, **changes}


@pytest.mark.parametrize("written", [dict, json.dumps, str], ids=["value", "JSON", "rendered"])
def test_promotion_with_an_approval_keeps_it_in_the_history(
    versions: Repository, run: FakeRun, written: Callable[[Any], Any]
) -> None:
    versions.put_alias("model", "prod", 1)

    run.execute(promote(version=2, approval=written(approval(versions))))

    kept = next(iter(versions.list_alias_history("model", "prod"))).approval
    assert kept == {"approved_by": "ann", "approved_at": "2026-11-23T10:00:00+00:00", "comment": None}


@pytest.mark.parametrize("came", [None, "None", ""])
def test_promotion_whose_approval_did_not_come_moves_nothing_and_is_not_retried(
    versions: Repository, run: FakeRun, came: Any
) -> None:
    versions.put_alias("model", "prod", 1)
    operator = promote(version=2, approval="{{ … }}")
    operator.approval = came

    with pytest.raises(AirflowFailException, match="approval was asked for, but there is none"):
        run.execute(operator)
    assert versions.get_alias("model", "prod").version == "1"


def test_promotion_refuses_for_good_when_the_alias_has_moved_since_its_approval(
    versions: Repository, run: FakeRun
) -> None:
    versions.put_alias("model", "prod", 1)
    given = approval(versions)
    versions.put_alias("model", "prod", 1, 2, 10, changed_by="bob")

    with pytest.raises(AirflowFailException, match=r"bob moved it .* decide anew") as refused:
        run.execute(promote(version=2, approval=given))
    assert isinstance(refused.value.__cause__, ConflictError)
    assert versions.get_alias("model", "prod").secondary_version_weight == 10
