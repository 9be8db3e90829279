"""What the page changes: in the user's name, with a reason, from the state that the user saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import ArtifactNotFoundError, InUseError
from tests.ui.airflow_app import ACTION_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tests.ui.conftest import Page


def act(client: httpx.Client, action: str, name: str, **body: Any) -> httpx.Response:
    """Act on an artifact of the first repository."""
    told = {"artifact": name, "reason": "because", **body}
    return client.post(f"api/repositories/models/{action}", json=told, headers=ACTION_HEADERS)


def revision(page: Page, name: str) -> str | None:
    """Return the revision of ``prod``."""
    return page.models.get_alias(name, "prod").revision


def test_promotion_and_rollback_are_in_the_history_with_user_and_reason(
    page: Page, clients: Mapping[str, httpx.Client], name: str
) -> None:
    promoted = act(
        clients["op"], "promote", name, alias="prod", version="3", if_revision=revision(page, name), reason=" faster "
    )
    assert promoted.json()["version"] == "3"
    rolled = act(clients["admin"], "roll-back", name, alias="prod", if_revision=promoted.json()["revision"])
    assert rolled.json()["version"] == "2"

    newest, before, *_ = page.models.list_alias_history(name, "prod")
    assert (before.action, before.version, before.changed_by, before.reason) == (
        "put",
        "3",
        "airflow-user:op",
        "faster",
    )
    assert (newest.action, newest.version, newest.changed_by) == ("rollback", "2", "airflow-user:admin")


def test_promotion_from_a_state_that_has_passed_says_who_was_faster(
    page: Page, clients: Mapping[str, httpx.Client], name: str
) -> None:
    seen = revision(page, name)
    page.models.put_alias(name, "prod", 1, changed_by="carol", reason="urgent")

    for action, more in (("promote", {"version": "3"}), ("roll-back", {})):
        answer = act(clients["admin"], action, name, alias="prod", if_revision=seen, **more)

        assert answer.status_code == 409
        assert answer.json()["error"]["kind"] == "conflict"
        assert "carol" in answer.json()["error"]["message"]
    assert page.models.get_alias(name, "prod").version == "1"


def test_rollout_is_frozen_and_promoted_and_its_alias_not_moved_otherwise(
    page: Page, clients: Mapping[str, httpx.Client], name: str
) -> None:
    page.models.start_rollout(name, "prod", 3, (5, 50), rollout_id="run-1")
    page.models.shift_rollout(name, "prod", 5, rollout_id="run-1")

    for action, more in (("promote", {"version": "1"}), ("roll-back", {})):
        refused = act(clients["op"], action, name, alias="prod", if_revision=revision(page, name), **more)
        assert refused.status_code == 409
        assert "run-1" in refused.json()["error"]["message"]
    frozen = act(clients["op"], "freeze-rollout", name, alias="prod", rollout_id="run-1")
    assert (frozen.json()["state"], frozen.json()["frozen_by"]["user"]) == ("frozen", "op")
    assert act(clients["op"], "unfreeze-rollout", name, alias="prod", rollout_id="run-1").json()["state"] == "live"
    other = act(clients["op"], "promote-rollout", name, alias="prod", rollout_id="another")
    assert other.status_code in {404, 409}
    promoted = act(clients["op"], "promote-rollout", name, alias="prod", rollout_id="run-1", reason="enough seen")
    assert (promoted.json()["state"], promoted.json()["end_reason"]) == ("promoted", "enough seen")

    newest = next(page.models.list_alias_history(name, "prod"))
    assert (newest.version, newest.secondary_version, newest.changed_by) == ("3", None, "airflow-user:op")
    late = act(clients["op"], "abort-rollout", name, alias="prod", rollout_id="run-1")
    assert (late.status_code, late.json()["error"]["kind"]) == (409, "conflict")


def test_protect_unprotect_and_restore(page: Page, clients: Mapping[str, httpx.Client], name: str) -> None:
    assert act(clients["op"], "protect", name, version="3", reason="audit").status_code == 200
    with pytest.raises(InUseError, match=r"audit \(airflow-user:op\)"):
        page.models.delete_artifact_version(name, 3)

    assert act(clients["op"], "unprotect", name, version="3").json()["protected"] is None
    page.models.delete_artifact_version(name, 3)
    with pytest.raises(ArtifactNotFoundError):
        page.models.get_artifact_version(name, 3)

    assert act(clients["op"], "restore", name, version="3").json()["version"] == "3"
    assert page.models.get_artifact_version(name, 3).get_content() == b"three"


def test_audit_log_of_airflow_has_every_action_with_its_reason(
    page: Page, clients: Mapping[str, httpx.Client], name: str
) -> None:
    act(clients["op"], "protect", name, version="3")
    act(clients["op"], "unprotect", name, version="3", reason="the audit is over")

    logged = page.app.airflow("GET", "eventLogs?event=versioned_artifacts.unprotect&limit=100")["event_logs"]

    (entry,) = [entry for entry in logged if name in entry["extra"]]
    assert entry["owner"] == "op"
    assert "the audit is over" in entry["extra"]


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("promote", {"alias": "prod", "version": "3", "if_revision": "x", "reason": "   "}, 400),
        ("promote", {"alias": "prod", "version": "3"}, 400),
        ("promote", {"alias": "prod", "version": "LATEST", "if_revision": "x"}, 400),
        ("promote", {"alias": "prod", "version": "3", "if_revision": "x", "surprise": 1}, 400),
        ("promote", {"alias": "not-allowed!", "version": "3", "if_revision": "x"}, 400),
        ("promote", {"alias": "nobody", "version": "3", "if_revision": "x"}, 409),
        ("roll-back", {"alias": "nobody", "if_revision": "x"}, 404),
        ("protect", {"version": "77"}, 404),
        ("restore", {"version": "77"}, 404),
    ],
)
def test_action_that_cannot_be_is_refused_and_changes_nothing(
    page: Page, clients: Mapping[str, httpx.Client], name: str, action: str, body: dict[str, Any], status: int
) -> None:
    before = list(page.models.list_alias_history(name, "prod"))

    answer = act(clients["admin"], action, name, **body)

    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"].endswith(".")
    assert list(page.models.list_alias_history(name, "prod")) == before
    assert [alias.alias for alias in page.models.list_aliases(name)] == ["prod"]


def test_promotion_to_a_version_that_is_not_there_is_refused(
    page: Page, clients: Mapping[str, httpx.Client], name: str
) -> None:
    answer = act(clients["admin"], "promote", name, alias="prod", version="99", if_revision=revision(page, name))

    assert (answer.status_code, answer.json()["error"]["kind"]) == (404, "not_found")
    assert page.models.get_alias(name, "prod").version == "2"


def test_hostile_text_is_stored_as_it_is_and_answered_as_json(
    page: Page, clients: Mapping[str, httpx.Client], name: str
) -> None:
    hostile = "</script><img src=x onerror=alert(1)> {{ 7*7 }} \u202e ' \" \\ \n"

    answer = act(
        clients["admin"], "promote", name, alias="prod", version="3", if_revision=revision(page, name), reason=hostile
    )

    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["reason"] == hostile.strip()
    assert page.models.get_alias(name, "prod").reason == hostile.strip()
