"""Who may see and do what on the page, whatever way they ask."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi.routing import APIRoute

from airflow_provider_versioned.ui.access import ACTION_HEADER
from tests.ui.airflow_app import ACTION_HEADERS, BASE_PATH, PATIENCE_SECS
from tests.ui.conftest import SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.ui.conftest import Page

ACTIONS = (
    "promote",
    "roll-back",
    "promote-rollout",
    "abort-rollout",
    "freeze-rollout",
    "unfreeze-rollout",
    "protect",
    "unprotect",
    "restore",
)
READS = (
    "session",
    *(f"repositories/models/{path}" for path in ("artifacts", "artifact", "versions", "history", "at", "retention")),
)


def routes() -> list[tuple[str, str]]:
    """Return every route of the application, with something for its parameters."""
    from airflow_provider_versioned.ui import actions, files, reading  # noqa: PLC0415 -- after pytest_configure

    found = [(files.router, ""), (reading.router, "api"), (actions.router, "api")]
    return [
        (method, re.sub(r"{\w+}", "models", f"{prefix}{route.path}").lstrip("/"))
        for router, prefix in found
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    ]


def promotion(page: Page, name: str, **other: Any) -> dict[str, Any]:
    """Return the body of a promotion of ``prod`` to version 3."""
    revision = page.models.get_alias(name, "prod").revision
    return {"artifact": name, "alias": "prod", "version": "3", "if_revision": revision, "reason": "why", **other}


def test_nobody_gets_anything_without_signing_in(page: Page, clients: Mapping[str, httpx.Client]) -> None:
    asked = routes()
    assert len(asked) == 2 + len(READS) + len(ACTIONS)

    for method, path in asked:
        answer = clients["nobody"].request(method, path, headers=ACTION_HEADERS, json={} if method == "POST" else None)

        assert answer.status_code == 401, (method, path)
        assert "sign in" in answer.text


def test_program_with_a_token_needs_no_cookie(page: Page, name: str) -> None:
    headers = {"Authorization": f"Bearer {page.app.token('op')}", **ACTION_HEADERS}

    answer = httpx.post(
        f"{page.app.url}/versioned/api/repositories/models/promote",
        json=promotion(page, name),
        headers=headers,
        timeout=PATIENCE_SECS,
    )

    assert answer.json()["by"]["user"] == "op"


def test_person_who_is_not_signed_in_is_told_so(clients: Mapping[str, httpx.Client]) -> None:
    answer = clients["nobody"].get("", headers={"Accept": "text/html,*/*"})

    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert 'sign in again. <a href="../">Airflow</a>' in answer.text


def test_forged_session_gets_nothing(page: Page) -> None:
    with httpx.Client(base_url=f"{page.app.url}/versioned/", cookies={"_token": "eyJhbGciOiJub25lIn0.e30."}) as client:
        assert client.get("api/session").status_code in {401, 403}


@pytest.mark.parametrize(("role", "may_act"), [("viewer", False), ("user", False), ("op", True), ("admin", True)])
def test_roles_see_everything_and_act_as_the_auth_manager_allows(
    page: Page, clients: Mapping[str, httpx.Client], name: str, role: str, may_act: bool
) -> None:
    client = clients[role]

    session = client.get("api/session").json()
    assert session["user"] == role
    assert {repository["may_act"] for repository in session["repositories"]} == {may_act}
    assert client.get("api/repositories/models/artifact", params={"artifact": name}).json()["may_act"] is may_act
    for action in ACTIONS:
        answer = client.post(f"api/repositories/models/{action}", json={}, headers=ACTION_HEADERS)
        assert answer.status_code == (400 if may_act else 403), action  # 400: allowed, but an empty body is none
    answer = client.post("api/repositories/models/promote", json=promotion(page, name), headers=ACTION_HEADERS)
    assert answer.status_code == (200 if may_act else 403)
    assert page.models.get_alias(name, "prod").version == ("3" if may_act else "2")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, False),
        ({ACTION_HEADER: "1"}, True),
        ({ACTION_HEADER: "1", "Sec-Fetch-Site": "same-origin"}, True),
        ({ACTION_HEADER: "1", "Sec-Fetch-Site": "cross-site"}, False),
        ({ACTION_HEADER: "1", "Sec-Fetch-Site": "same-site"}, False),
        ({ACTION_HEADER: "1", "Origin": "https://evil.example"}, False),
        ({ACTION_HEADER: "1", "Origin": "null"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
    ],
)
def test_what_another_site_makes_a_browser_send_changes_nothing(
    page: Page, clients: Mapping[str, httpx.Client], name: str, headers: dict[str, str], allowed: bool
) -> None:
    answer = clients["admin"].post("api/repositories/models/promote", json=promotion(page, name), headers=headers)

    assert answer.status_code == (200 if allowed else 403)
    assert page.models.get_alias(name, "prod").version == ("3" if allowed else "2")


def test_connections_that_are_not_named_are_not_shown(clients: Mapping[str, httpx.Client]) -> None:
    answer = clients["admin"].get("api/repositories/hidden/artifacts")

    assert answer.status_code == 404
    assert "ui_connections" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("connection", "status", "said"),
    [
        ("unknown", 404, "does not exist"),
        ("no_place", 400, "No S3 bucket is known"),
        ("odd", 400, "must be a JSON object"),
        ("no_table", 502, "does not exist"),
    ],
)
def test_what_is_set_up_wrong_is_said_in_a_sentence_without_a_secret(
    clients: Mapping[str, httpx.Client], connection: str, status: int, said: str
) -> None:
    for path in ("artifacts", "artifact", "versions"):
        answer = clients["admin"].get(f"api/repositories/{connection}/{path}", params={"artifact": "model"})
        assert answer.status_code == status, answer.text
        message = answer.json()["error"]["message"]
        assert said in message
        assert SECRET not in message
        assert "Traceback" not in message


def test_the_page_may_load_nothing_from_elsewhere_and_be_framed_by_nobody_else(
    clients: Mapping[str, httpx.Client],
) -> None:
    answer = clients["viewer"].get("")

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert re.findall(r'(?:src|href)="([a-z]+:)?//', answer.text) == []
    for asset in re.findall(r'(?:src|href)="(assets/[^"]+)"', answer.text):
        found = clients["viewer"].get(asset)
        assert found.status_code == 200
        again = clients["viewer"].get(asset, headers={"If-None-Match": found.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    for path in ("assets/../app.py", "assets/%2e%2e%2fapp.py", "assets/nothing.js"):
        assert clients["admin"].get(path).status_code == 404


def test_airflow_shows_the_page_in_its_navigation(page: Page) -> None:
    plugins = page.app.airflow("GET", "plugins")["plugins"]
    views = [view for plugin in plugins for view in plugin["external_views"]]

    (view,) = [view for view in views if view["url_route"] == "versioned-artifacts"]
    assert (view["name"], view["href"], view["destination"]) == ("Artifacts", "versioned/", "nav")
    assert page.app.airflow("GET", "plugins/importErrors")["import_errors"] == []
    assert page.app.url.endswith(BASE_PATH)
