"""What docs/gates.md shows is true: its Dags have the tasks that it names, and its tables say what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from airflow_provider_versioned import gates, rollout
from airflow_provider_versioned.gates.alarms import judge_alarms
from airflow_provider_versioned.gates.ask import GO_ON, KEEP_WAITING, ROLL_BACK
from airflow_provider_versioned.gates.control import _METHODS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "gates.md").read_text()
APPROVED, WITH_PEOPLE, WHILE_QUIET = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)


def tasks_of(code: str) -> dict[str, Any]:
    """Return the tasks of the Dag that a block defines, by id."""
    space: dict[str, Any] = {}
    named = re.sub(r"^(with DAG\(.*\)):$", r"\1 as made:", code, flags=re.MULTILINE)
    exec(compile(named, "gates.md", "exec"), space)  # noqa: S102 -- the document's own code
    return {task.task_id: task for task in space["made"].tasks}


def test_dags_of_the_page_have_the_tasks_that_it_names() -> None:
    assert set(tasks_of(APPROVED)) == {"approve", "promote"}
    people = tasks_of(WITH_PEOPLE)
    for task_id in ("approve_50", "approve_100", "ask_5", "ask_25", "ask_50", "control"):
        assert f"staged_promotion.{task_id}" in people
    check: Any = tasks_of(WHILE_QUIET)["staged_promotion.check_5"].check
    assert [type(one).__name__ for one in check.checks] == ["OutcomeJudge", "CloudWatchAlarmJudge"]


def test_names_and_options_of_the_page_exist() -> None:
    named = set(re.findall(r"\w+(?:Operator|AlarmJudge)", DOCUMENT)) - {"PromoteAliasOperator"}
    assert named == set(gates.__all__)
    assert callable(rollout.all_of)
    for option in (GO_ON, ROLL_BACK, KEEP_WAITING, *_METHODS):
        assert f"*{option}*" in DOCUMENT


def test_table_of_alarms_says_what_the_judge_says() -> None:
    rows = dict(re.findall(r"^\| (?:one is|all are) `(\w+)` \| (\w+) \|$", DOCUMENT, re.MULTILINE))
    assert rows == {state: judge_alarms(["a"], {"a": {"state": state}}).verdict for state in rows}
    assert len(rows) == 3
    assert judge_alarms(["a"], {}).verdict == "error"
