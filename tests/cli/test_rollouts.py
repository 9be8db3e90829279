"""Commands on rollouts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.repository.rollout_stage import begin, bring, targets, three_versions
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.cli.conftest import Program

pytestmark = pytest.mark.backends(MOTO)

HERE = ("m", "prod")


@pytest.fixture(autouse=True)
def _under_way(repository: Repository) -> None:
    three_versions(repository)
    begin(repository)
    bring(repository, "at 5")


def test_status_tells_of_one_rollout_or_of_all(cli: Program, repository: Repository) -> None:
    shown = cli.ok("rollout", "status", *HERE).out
    for line in (
        "to version    2\n",
        "state         live\n",
        "canary has    5 %\n",
        "steps         5 %, 25 %, 100 %\n",
    ):
        assert line in shown
    assert cli.json("rollout", "status", *HERE) == repository.get_rollout(*HERE).to_dict()
    header, line = cli.ok("rollout", "status", "m").out.splitlines()
    assert header.split() == ["ALIAS", "STATE", "VERSIONS", "CANARY", "HAS", "BEGUN", "ROLLOUT"]
    assert line.split()[:7] == ["prod", "live", "1", "->", "2", "5", "%"]
    assert cli("rollout", "status", "m", "other").code == 3


def test_rollout_is_frozen_let_go_on_and_its_step_skipped(cli: Program) -> None:
    frozen = cli.json("rollout", "freeze", *HERE, "--reason", "lunch")
    assert (frozen["state"], frozen["frozen_by"], frozen["freeze_reason"]) == ("frozen", "tester", "lunch")
    assert cli.json("rollout", "unfreeze", *HERE)["state"] == "live"
    assert cli.json("rollout", "skip", *HERE, "--changed-by", "Ann")["skipped_by"] == "Ann"


def test_rollout_is_aborted_at_once_and_again(cli: Program, repository: Repository) -> None:
    ended = cli.json("rollout", "abort", *HERE, "--reason", "bad")
    assert (ended["state"], ended["ended_by"], ended["end_reason"]) == ("rolled_back", "tester", "bad")
    assert targets(repository) == ("1", None, None)
    assert cli.json("rollout", "abort", *HERE) == ended
    assert cli("rollout", "freeze", *HERE).code == 4


def test_rollout_is_promoted_after_a_question_and_rolled_back(cli: Program, repository: Repository) -> None:
    assert cli("rollout", "promote", *HERE).code == 2  # nobody can be asked
    assert cli.json("rollout", "promote", *HERE, "--yes")["state"] == "promoted"
    assert targets(repository) == ("2", None, None)
    assert cli("rollout", "abort", *HERE).code == 4
    assert cli("rollout", "roll-back", *HERE, "--within", "0s").code == 4
    assert cli.json("rollout", "roll-back", *HERE)["state"] == "rolled_back"
    assert targets(repository) == ("1", None, None)


def test_another_rollout_than_was_meant_is_left_alone(cli: Program, repository: Repository) -> None:
    outcome = cli("rollout", "abort", *HERE, "--rollout", "other")
    assert (outcome.code, "rollout 'a' has taken its place" in outcome.err) == (4, True)
    assert targets(repository) == ("1", "2", 5)
