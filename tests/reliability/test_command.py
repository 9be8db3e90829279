"""The command behind ``make reliability``, in a process of its own, as a reviewer runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scripts.server_process import ROOT
from tests.servers import MINISTACK

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = [pytest.mark.backends(MINISTACK), pytest.mark.usefixtures("aws")]  # where it is left out, so is this
ARGUMENTS = ["--seconds", "0", "--seed", "7", "--attacks", "faults", "--backends", MINISTACK]
# A move that never finds the alias as it was read: whatever is tried then fails.
WITH_A_BUG = """
import sys
import pytest
from airflow_provider_versioned.repository.alias_change import Attempt
from tests.repository.planting import plant
plant(pytest.MonkeyPatch(), Attempt, "_move", "unmoved(self.view.item)", "unmoved(None)")
from tests.reliability.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


# A purge that looks at nothing that was announced.
WITH_A_BUG_OF_LATEST = """
import sys
import pytest
from airflow_provider_versioned.repository.destroy import Destroyer
from tests.repository.planting import plant
plant(pytest.MonkeyPatch(), Destroyer, "_remove_records", "mark is not None and not", "False and not")
from tests.reliability.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def run(*command: str, arguments: Sequence[str] = ARGUMENTS) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VERSIONED_TEST_BACKENDS": MINISTACK}
    return subprocess.run(
        [sys.executable, *command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_attack_that_finds_nothing_prints_what_was_done_and_succeeds() -> None:
    result = run("-m", "tests.reliability")

    assert result.returncode == 0, result.stderr
    *_, titles, _, row = result.stdout.splitlines()
    assert [cell.strip() for cell in titles.strip("|").split("|")][:5] == [
        "attack", "servers", "operations", "requests", "faults",
    ]  # fmt: skip
    attack, servers, operations, requests, faults, _, violations, _ = (
        cell.strip() for cell in row.strip("|").split("|")
    )
    assert (attack, servers, violations) == ("faults", MINISTACK, "0")
    assert 0 < int(faults) <= int(operations) < int(requests)


def test_attack_on_a_planted_bug_prints_it_with_the_seed_and_fails() -> None:
    result = run("-c", WITH_A_BUG)

    assert result.returncode == 1, result.stderr
    assert f"VIOLATION in faults on {MINISTACK}, seed 7:\ntry_" in result.stdout


def test_interleavings_need_no_server_and_print_what_they_find_as_a_trial() -> None:
    arguments = ["--seconds", "60", "--seed", "7", "--attacks", "interleavings", "--backends", "none"]

    result = run("-c", WITH_A_BUG_OF_LATEST, arguments=arguments)

    assert result.returncode == 1, result.stderr
    assert "VIOLATION in interleavings on memory, seed 7:\nTrial(before=(" in result.stdout
