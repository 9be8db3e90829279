"""Commands on aliases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.cli.conftest import Program

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture(autouse=True)
def _published(repository: Repository) -> None:
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("model", content=content)


def test_alias_is_moved_shown_and_listed(cli: Program, repository: Repository) -> None:
    moved = cli.json("alias", "put", "model", "prod", 1, "--secondary", 2, "--weight", 20, "--reason", "try it")
    assert moved == repository.get_alias("model", "prod").to_dict()
    assert (moved["changed_by"], moved["reason"]) == ("tester", "try it")
    shown = cli.ok("alias", "get", "model", "prod").out
    assert "points at        1 (80 %) + 2 (20 %)\n" in shown
    assert "reason           try it\n" in shown
    assert cli.json("alias", "list", "model") == [moved]
    header, line = cli.ok("alias", "list", "model").out.splitlines()
    assert header.split() == ["ALIAS", "POINTS", "AT", "SINCE", "MOVED", "BY", "REASON", "ROLLOUT"]
    assert line.startswith("prod   1 (80 %) + 2 (20 %)  20")


def test_alias_moved_by_others_meanwhile_is_a_conflict_that_names_them(cli: Program) -> None:
    revision = cli.json("alias", "put", "model", "prod", 1)["revision"]
    cli.ok("alias", "put", "model", "prod", 2, "--changed-by", "Ann")
    outcome = cli("alias", "put", "model", "prod", 3, "--if-revision", revision)
    assert outcome.code == 4
    assert "Ann moved it" in outcome.err


def test_move_repeated_under_a_key_is_made_once(cli: Program) -> None:
    first = cli.json("alias", "put", "model", "prod", 1, "--idempotency-key", "release 1")
    cli.ok("alias", "put", "model", "prod", 2)
    assert cli.json("alias", "put", "model", "prod", 1, "--idempotency-key", "release 1")["version"] == "2"
    assert first["version"] == "1"


def test_rollback_goes_back_and_further_back_or_to_a_version(cli: Program) -> None:
    for version in (1, 2, 3):
        cli.ok("alias", "put", "model", "prod", version)
    assert cli.json("alias", "rollback", "model", "prod", "--reason", "worse")["version"] == "2"
    assert cli.json("alias", "rollback", "model", "prod")["version"] == "1"
    assert cli.json("alias", "rollback", "model", "prod", "--to", 3)["version"] == "3"


def test_history_shows_who_did_what_when_and_why(cli: Program, repository: Repository) -> None:
    cli.ok("alias", "put", "model", "prod", 1, "--reason", "first")
    cli.ok("alias", "put", "model", "prod", 2)
    cli.ok("alias", "rollback", "model", "prod", "--reason", "worse")
    assert cli.json("alias", "history", "model", "prod") == [
        change.to_dict() for change in repository.list_alias_history("model", "prod")
    ]
    lines = cli.ok("alias", "history", "model", "prod", "--limit", 2).out.splitlines()
    assert len(lines) == 3
    assert lines[1].split()[0] == "3"
    assert "rollback  1" in lines[1]
    assert "tester" in lines[1]
    assert "worse" in lines[1]


def test_history_shows_who_approved_a_change(cli: Program, repository: Repository) -> None:
    approval = {"approved_by": "ann", "approved_at": "2026-11-23T10:00:00+00:00", "comment": "looks right"}
    repository.put_alias("model", "prod", 1, approval=approval)
    repository.put_alias("model", "prod", 2, approval={**approval, "comment": None})
    header, newest, first = cli.ok("alias", "history", "model", "prod").out.splitlines()
    assert header.endswith("APPROVED BY")
    assert (newest.split()[-1], first.endswith("ann: looks right")) == ("ann", True)
    assert cli.json("alias", "history", "model", "prod")[1]["approval"] == approval
    assert "approved by  ann" in cli.ok("alias", "at", "model", "prod", "0d").out


def test_alias_at_a_time_in_the_past(cli: Program, repository: Repository) -> None:
    cli.ok("alias", "put", "model", "prod", 1)
    first = repository.get_alias("model", "prod").update_at
    cli.ok("alias", "put", "model", "prod", 2)
    between = first.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    assert cli.json("alias", "at", "model", "prod", between)["version"] == "1"
    elsewhere = (first + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.%f+02:00")
    assert cli.json("alias", "at", "model", "prod", elsewhere)["version"] == "1"
    later = datetime.now(UTC) + timedelta(days=1)
    assert "pointed at  2" in cli.ok("alias", "at", "model", "prod", f"{later:%Y-%m-%d}").out
    assert cli("alias", "at", "model", "prod", "3d").code == 3
    assert cli("alias", "at", "model", "prod", "last tuesday").code == 2
    assert cli("alias", "at", "model", "prod", "99999999999d").code == 2


def test_alias_is_deleted_after_asking_and_its_history_stays(cli: Program) -> None:
    cli.ok("alias", "put", "model", "prod", 1)
    assert cli("alias", "delete", "model", "prod", typed="\n").code == 8
    assert cli("alias", "delete", "model", "prod").code == 2
    assert cli.json("alias", "delete", "model", "prod", "--yes", "--reason", "over")["deleted"]
    assert cli("alias", "get", "model", "prod").code == 3
    assert [change["action"] for change in cli.json("alias", "history", "model", "prod")] == ["delete", "put"]
    assert "  deleted    tester    over" in cli.ok("alias", "history", "model", "prod").out


def test_key_is_routed_as_the_repository_routes_it(cli: Program, repository: Repository) -> None:
    cli.ok("alias", "put", "model", "prod", 1, "--secondary", 2, "--weight", 50)
    alias = repository.get_alias("model", "prod")
    routed = {key: cli.json("alias", "route", "model", "prod", key) for key in ("ann", "bob", "eve", "joe")}
    assert {key: found["version"] for key, found in routed.items()} == {key: alias.route(key) for key in routed}
    assert {key: found["s3uri"] for key, found in routed.items()} == {key: alias.route_s3uri(key) for key in routed}
    shown = cli.ok("alias", "route", "model", "prod", "ann", "--side", "secondary").out
    assert "version  2" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("put", "model", "prod", "9"), 3, "9"),
        (("put", "model", "pro-d", "1"), 2, "no hyphen"),
        (("put", "model", "prod", "1", "--secondary", "2"), 2, "secondary_version_weight must be an int"),
        (("put", "model", "prod", "1", "--secondary", "2", "--weight", "100"), 2, "0 to 99"),
        (("put", "model", "prod"), 2, "Missing argument 'VERSION'"),
        (("get", "model", "prod"), 3, "has no alias 'prod'"),
        (("rollback", "model", "prod"), 3, "has no alias 'prod'"),
        (("route", "model", "prod", "key"), 3, "has no alias 'prod'"),
    ],
)
def test_alias_that_cannot_be_is_told(cli: Program, arguments: tuple[str, ...], code: int, said: str) -> None:
    outcome = cli("alias", *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
