"""PurgeVersionsOperator."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_versioned.operators import PurgeVersionsOperator, retention
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def two_artifacts(connection: Repository) -> Repository:
    """Artifacts ``a`` and ``b`` with three versions each; alias ``prod`` of ``a`` is at version 1."""
    for name in ("a", "b"):
        for content in (b"one", b"two", b"three"):
            connection.publish_artifact_version(name, content=content)
    connection.put_alias("a", "prod", 1)
    return connection


def purge(name: object, **arguments: Any) -> PurgeVersionsOperator:
    """Make the operator; old is what is older than now."""
    rule = {"keep_last_n": 1, "older_than": 0, **arguments}
    return PurgeVersionsOperator(task_id="purge", name=name, **rule)  # type: ignore[arg-type] # wrong types on purpose


def live(repository: Repository, name: str) -> list[str]:
    """Return the live versions, newest first."""
    return [artifact.version for artifact in repository.list_artifact_versions(name)]


def test_purge_of_one_name_spares_the_newest_and_the_aliased(two_artifacts: Repository, run: FakeRun) -> None:
    result = run.execute(purge("a"))

    assert live(two_artifacts, "a") == ["LATEST", "3", "1"]
    assert live(two_artifacts, "b") == ["LATEST", "3", "2", "1"]
    assert (result["artifacts"], result["purged"], result["kept"]) == (1, 1, 2)
    assert result["purged_by_name"] == {"a": 1}
    assert [(entry["name"], entry["version"]) for entry in result["purged_versions"]] == [("a", "2")]


@pytest.mark.parametrize("name", [None, ["a", "b", "a"], '["a", "b"]', ("b", "a")])
def test_purge_of_many_names_or_all_purges_each_once(two_artifacts: Repository, run: FakeRun, name: object) -> None:
    result = run.execute(purge(name, keep_last_n="1", older_than="0"))

    assert (result["artifacts"], result["purged"]) == (2, 3)
    assert live(two_artifacts, "b") == ["LATEST", "3"]


@pytest.mark.parametrize("dry_run", [True, "true", "True"])
def test_dry_run_says_what_and_why_and_purges_nothing(two_artifacts: Repository, run: FakeRun, dry_run: object) -> None:
    result = run.execute(purge(None, dry_run=dry_run))

    assert (result["dry_run"], result["purged"]) == (True, 3)
    assert {(kept["name"], kept["version"]): kept["reason"] for kept in result["kept_versions"]} == {
        ("a", "3"): "one of the newest 1",
        ("a", "1"): "alias prod",
        ("b", "3"): "one of the newest 1",
    }
    assert live(two_artifacts, "a") == live(two_artifacts, "b") == ["LATEST", "3", "2", "1"]


@pytest.mark.parametrize("older_than", [timedelta(days=90), "3600", 3600.5])
def test_young_versions_stay(two_artifacts: Repository, run: FakeRun, older_than: object) -> None:
    assert run.execute(purge(None, keep_last_n=0, older_than=older_than))["purged"] == 0
    assert live(two_artifacts, "b") == ["LATEST", "3", "2", "1"]


def test_purge_repeated_purges_nothing_more(two_artifacts: Repository, run: FakeRun) -> None:
    results = [run.execute(purge(None), try_number=number)["purged"] for number in (1, 2)]

    assert results == [3, 0]
    assert live(two_artifacts, "b") == ["LATEST", "3"]


def test_version_promoted_between_plan_and_purge_is_kept_and_told(
    two_artifacts: Repository, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = purge("b")
    plan_purge = operator.hook.repository.plan_purge

    def promote_after_planning(*arguments: Any) -> Any:
        plan = plan_purge(*arguments)
        two_artifacts.put_alias("b", "prod", 1)
        return plan

    monkeypatch.setattr(operator.hook.repository, "plan_purge", promote_after_planning)
    result = run.execute(operator)

    assert (result["purged"], result["kept"]) == (1, 2)
    assert [entry["version"] for entry in result["purged_versions"]] == ["2"]
    assert live(two_artifacts, "b") == ["LATEST", "3", "1"]


def test_result_is_short_however_much_is_purged(
    two_artifacts: Repository, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "LISTED", 1)

    result = run.execute(purge(None, dry_run=True))

    assert (result["purged"], len(result["purged_versions"]), len(result["kept_versions"])) == (3, 1, 1)
    assert len(result["purged_by_name"]) == 1
    assert live(two_artifacts, "a") == ["LATEST", "3", "2", "1"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"keep_last_n": "many"}, "keep_last_n must be a whole number, got 'many'"),
        ({"keep_last_n": -1}, "keep_last_n must be 0 or more"),
        ({"older_than": "-5"}, "older_than must be a number of seconds"),
        ({"dry_run": "perhaps"}, "dry_run must be true or false"),
        ({"name": "[1"}, "JSON list"),
        ({"name": ""}, "Artifact name '' is not allowed"),
    ],
)
def test_wrong_rule_fails_for_good_and_purges_nothing(
    two_artifacts: Repository, run: FakeRun, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(AirflowFailException, match=words):
        run.execute(purge(**{"name": "b", **wrong}))

    assert live(two_artifacts, "b") == ["LATEST", "3", "2", "1"]
