"""What the page is told, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.airflow_app import ACTION_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tests.ui.conftest import Page


def ask(client: httpx.Client, path: str, **parameters: Any) -> Any:
    """Ask the API of the first repository."""
    answer = client.get(f"api/repositories/models/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_search_finds_artifacts_by_every_word_in_pages(page: Page, clients: Mapping[str, httpx.Client]) -> None:
    for number in range(5):
        page.second.publish_artifact_version(f"Fraud.model-{number}", content=b"content")
    page.second.publish_artifact_version("other", content=b"content")
    page.second.put_alias("Fraud.model-3", "prod", 1)

    def search(text: str, **more: int) -> Any:
        parameters: dict[str, Any] = {"search": text, **more}
        return clients["viewer"].get("api/repositories/second/artifacts", params=parameters).json()

    found = search("MODEL fraud", offset=2, limit=2)
    assert (found["total"], found["matching"]) == (6, 5)
    assert [artifact["name"] for artifact in found["artifacts"]] == ["Fraud.model-2", "Fraud.model-3"]
    assert found["artifacts"][1]["newest"]["version"] == "1"
    assert found["artifacts"][1]["aliases"][0]["alias"] == "prod"
    assert search("nothing")["artifacts"] == []


def test_artifact_tells_its_aliases_with_the_way_back(clients: Mapping[str, httpx.Client], name: str) -> None:
    found = ask(clients["viewer"], "artifact", artifact=name)

    assert found["newest"]["version"] == "3"
    assert found["newest"]["by"] == {
        "text": "airflow:build/run/1/publish[2]",
        "dag_id": "build",
        "run_id": "run/1",
        "task_id": "publish",
        "map_index": "2",
    }
    (prod,) = found["aliases"]
    assert (prod["version"], prod["reason"], prod["by"]) == ("2", "better", {"text": "bob"})
    assert (prod["way_back"]["version"], prod["way_back"]["reason"]) == ("1", "first")
    assert [trace["alias"] for trace in found["traces"]] == ["prod"]


def test_artifact_that_does_not_exist_is_empty(clients: Mapping[str, httpx.Client]) -> None:
    found = ask(clients["viewer"], "artifact", artifact="never-published")

    assert (found["newest"], found["latest"], found["aliases"], found["traces"]) == (None, None, [], [])


def test_versions_come_in_full_pages_with_or_without_deleted_ones(
    page: Page, clients: Mapping[str, httpx.Client]
) -> None:
    for number in range(12):
        page.models.publish_artifact_version("many", content=str(number).encode())
    for number in (2, 3, 4, 5, 11):
        page.models.delete_artifact_version("many", number)
    page.models.protect("many", 6, "audit")

    def pages(**parameters: Any) -> list[list[str]]:
        found: list[list[str]] = []
        below: Any = ""
        while below is not None:
            told = ask(
                clients["viewer"], "versions", artifact="many", **parameters, **({"below": below} if below else {})
            )
            found.append([version["version"] for version in told["versions"]])
            below = told["below"]
        return found

    assert pages(limit=5) == [["12", "10", "9", "8", "7"], ["6", "1"]]
    assert pages(limit=5, deleted=True) == [["12", "11", "10", "9", "8"], ["7", "6", "5", "4", "3"], ["2", "1"]]
    shown = {
        version["version"]: version
        for version in ask(clients["viewer"], "versions", artifact="many", deleted=True)["versions"]
    }
    assert (shown["11"]["live"], shown["12"]["live"], shown["6"]["protected"]) == (False, True, "audit")
    assert shown["11"]["deleted_at"]


def test_history_and_the_state_at_a_time_are_those_of_the_repository(
    page: Page, clients: Mapping[str, httpx.Client], name: str
) -> None:
    approval = {"approved_by": "eve", "approved_at": datetime.now(UTC).isoformat(), "comment": "ok"}
    page.models.put_alias(name, "prod", 2, 3, 25, approval=approval)
    page.models.put_alias(name, "gone", 1)
    page.models.delete_alias(name, "gone")
    changes = list(page.models.list_alias_history(name, "prod"))

    newest = ask(clients["viewer"], "history", artifact=name, alias="prod", limit=2)
    rest = ask(clients["viewer"], "history", artifact=name, alias="prod", limit=2, below=newest["below"])
    assert [change["sequence"] for change in newest["changes"] + rest["changes"]] == [3, 2, 1]
    assert rest["below"] is None
    assert newest["changes"][0]["weight"] == 25
    assert newest["changes"][0]["approval"]["approved_by"] == "eve"

    then = ask(clients["viewer"], "at", artifact=name, when=changes[-1].changed_at.isoformat())
    told = {entry["alias"]: entry["change"] for entry in then["aliases"]}
    assert told["prod"]["version"] == "1"
    assert told["gone"] is None
    before = ask(clients["viewer"], "at", artifact=name, when=(datetime.now(UTC) - timedelta(days=7)).isoformat())
    assert {entry["alias"]: entry["change"] for entry in before["aliases"]} == {"prod": None, "gone": None}


def test_retention_says_for_each_version_why(page: Page, clients: Mapping[str, httpx.Client], name: str) -> None:
    page.models.protect(name, 1, "audit")

    def plan(**parameters: Any) -> Any:
        rule = {"keep_last_n": 0, "purge_older_than_days": 0}
        return ask(clients["viewer"], "retention", artifact=name, **{**rule, **parameters})

    whole = plan()
    assert {decision["version"]: decision["rule"] for decision in whole["decisions"]} == {
        "LATEST": "latest",
        "3": "expired",
        "2": "alias",
        "1": "protected",
    }
    assert (whole["stay"], whole["go"], whole["matching"]) == (3, 1, 4)
    (why,) = plan(version="2")["decisions"]
    assert (why["purge"], why["reason"]) == (False, "alias prod")
    assert [decision["version"] for decision in plan(only="go")["decisions"]] == ["3"]
    assert [decision["version"] for decision in plan(offset=2, limit=1)["decisions"]] == ["2"]
    assert [decision["rule"] for decision in plan(keep_last_n=5, version="3")["decisions"]] == ["newest"]
    assert len(page.models.list_artifact_versions(name)) == 4


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("artifact", {}),
        ("versions", {"artifact": "model", "limit": 0}),
        ("versions", {"artifact": "model", "limit": 100000}),
        ("history", {"artifact": "model"}),
        ("at", {"artifact": "model", "when": "last tuesday"}),
        ("at", {"artifact": "model", "when": "2026-01-01T00:00:00"}),
        ("retention", {"artifact": "model", "keep_last_n": -1}),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(
    clients: Mapping[str, httpx.Client], path: str, parameters: dict[str, Any]
) -> None:
    answer = clients["viewer"].get(f"api/repositories/models/{path}", params=parameters)

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"].endswith(".")


def test_connection_that_is_edited_is_used_at_once(page: Page, clients: Mapping[str, httpx.Client]) -> None:
    """The connection ``unknown`` comes into being, and moves."""

    def make(repository: Any) -> None:
        import json  # noqa: PLC0415 -- used here alone

        place = {
            "s3_bucket": repository.s3_bucket,
            "s3_prefix": repository.s3_prefix,
            "dynamodb_table_name": repository.dynamodb_table_name,
            "suffix": repository.suffix,
        }
        known = json.loads(page.aws.connection_json(place))  # type: ignore[arg-type] # a TypedDict in all but name
        fields = {
            "connection_id": "unknown",
            "conn_type": "aws",
            "login": known["login"],
            "password": known["password"],
        }
        page.app.airflow("POST", "connections", {**fields, "extra": json.dumps(known["extra"])})

    page.models.publish_artifact_version("in-models", content=b"content")
    page.second.publish_artifact_version("in-second", content=b"content")
    seen = []
    for repository in (page.models, page.second):
        make(repository)
        answer = clients["viewer"].get("api/repositories/unknown/artifacts", params={"search": "in-"})
        seen.append([artifact["name"] for artifact in answer.json()["artifacts"]])
        page.app.airflow("DELETE", "connections/unknown")

    assert seen == [["in-models"], ["in-second"]]
    assert clients["viewer"].get("api/repositories/unknown/artifacts", headers=ACTION_HEADERS).status_code == 404
