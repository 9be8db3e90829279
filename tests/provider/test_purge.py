"""PurgeVersionsOperator and ApplyPurgePlanOperator."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_versioned.operators import ApplyPurgePlanOperator, PurgeVersionsOperator, retention_tally
from airflow_provider_versioned.repository import ArtifactNotFoundError
from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun
    from tests.servers import Aws

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
    rule = {"keep_last_n": 1, "older_than": 0, "max_workers": 1, **arguments}  # moto bears no threads
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

    def promote_after_planning(*arguments: Any, **named: Any) -> Any:
        plan = plan_purge(*arguments, **named)
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
    monkeypatch.setattr(retention_tally, "LISTED", 1)

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
        ({"keep_previous": "week"}, "keep_previous must be a number of seconds"),
        ({"keep_published": -1}, "keep_published must be a number of seconds"),
        ({"free_after": "never"}, "free_after must be a number of seconds"),
        ({"sweep_after": [1]}, "sweep_after must be a number of seconds"),
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


def test_version_that_an_alias_left_lately_stays_unless_the_author_says_otherwise(
    two_artifacts: Repository, run: FakeRun
) -> None:
    two_artifacts.put_alias("a", "prod", 3)

    assert run.execute(purge("a"))["purged_versions"][0]["version"] == "2"
    assert live(two_artifacts, "a") == ["LATEST", "3", "1"]
    run.execute(purge("a", keep_previous="0"))
    assert live(two_artifacts, "a") == ["LATEST", "3"]


def test_version_published_lately_stays_even_if_the_age_allows_it_to_go(
    two_artifacts: Repository, run: FakeRun
) -> None:
    assert run.execute(purge("b", keep_published=timedelta(hours=1)))["purged"] == 0
    assert live(two_artifacts, "b") == ["LATEST", "3", "2", "1"]


def test_bytes_go_only_when_the_author_says_after_how_long(two_artifacts: Repository, run: FakeRun) -> None:
    assert "freed" not in run.execute(purge("b"))
    assert run.execute(purge("b", free_after=timedelta(days=1)))["freed"] == 0
    would = run.execute(purge("b", free_after="0", dry_run=True))
    assert (would["freed"], would["freed_bytes"]) == (2, 6)
    assert two_artifacts.restore_artifact_version("b", 1).get_content() == b"one"

    result = run.execute(purge("b", free_after="0"))
    assert (result["purged"], result["freed"], result["freed_bytes"]) == (1, 2, 6)
    with pytest.raises(ArtifactNotFoundError):
        two_artifacts.restore_artifact_version("b", 1)
    assert run.execute(purge("b", free_after="0"))["freed"] == 0


def test_what_dead_processes_left_is_swept_when_the_author_says_after_how_long(
    two_artifacts: Repository, run: FakeRun, aws: Aws
) -> None:
    newest = two_artifacts.get_artifact_version("b", 3).s3uri.removeprefix("s3://")
    bucket, _, key = newest.replace("000003", "000009").partition("/")
    aws.s3.put_object(Bucket=bucket, Key=key, Body=b"orphan", Metadata={"artifact_name": "b"})

    assert run.execute(purge("b", sweep_after=3600))["swept"] == {"claims": 0, "orphans": 0, "uploads": 0}
    assert run.execute(purge("b", sweep_after=0, dry_run=True))["swept"]["orphans"] == 1
    assert run.execute(purge("b", sweep_after=0))["swept"] == {"claims": 0, "orphans": 1, "uploads": 0}
    assert run.execute(purge("b", sweep_after=0))["swept"]["orphans"] == 0


def test_plans_of_a_dry_run_are_applied_exactly_as_approved(two_artifacts: Repository, run: FakeRun) -> None:
    plans = run.execute(purge(None, dry_run=True))["plans"]
    two_artifacts.publish_artifact_version("a", content=b"four")
    two_artifacts.put_alias("b", "prod", 1)

    result = run.execute(ApplyPurgePlanOperator(task_id="apply", plan=plans, max_workers=1))

    assert [(entry["name"], entry["version"]) for entry in result["purged_versions"]] == [("a", "2"), ("b", "2")]
    assert (result["artifacts"], result["purged"], result["kept"]) == (2, 2, 1)
    assert live(two_artifacts, "a") == ["LATEST", "4", "3", "1"], "3 was kept by the plan, and 4 is not in it"
    assert live(two_artifacts, "b") == ["LATEST", "3", "1"]
    again = run.execute(ApplyPurgePlanOperator(task_id="apply", plan=plans, max_workers=1))
    assert again["purged"] == 0


@pytest.mark.parametrize("form", [json.dumps, repr, lambda plans: plans[0], lambda plans: json.dumps(plans[0]), tuple])
def test_plan_may_come_as_a_dict_a_list_or_the_text_of_either(
    two_artifacts: Repository, run: FakeRun, form: Callable[[Any], Any]
) -> None:
    plans = run.execute(purge("b", dry_run=True))["plans"]

    assert run.execute(ApplyPurgePlanOperator(task_id="apply", plan=form(plans), max_workers=1))["purged"] == 2
    assert live(two_artifacts, "b") == ["LATEST", "3"]


@pytest.mark.parametrize("plan", ["", "None", 5, None, "{", {"name": "b"}, [{"name": "b"}], "[1]"])
def test_damaged_plan_fails_for_good_before_anything_is_purged(
    two_artifacts: Repository, run: FakeRun, plan: Any
) -> None:
    good = run.execute(purge("a", dry_run=True))["plans"]
    wrong = [*good, *plan] if isinstance(plan, list) else plan

    with pytest.raises(AirflowFailException):
        run.execute(ApplyPurgePlanOperator(task_id="apply", plan=wrong, max_workers=1))
    assert live(two_artifacts, "a") == ["LATEST", "3", "2", "1"]
