"""What docs/events.md shows is true: its Dags parse, are scheduled on what it says, and print what events tell."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow_provider_versioned import assets

DOCUMENT = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
HEAR, WATCH, TELL = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
SCHEDULES = re.findall(r"\| `((?:version|alias|watched)\w+\(.*?\))` \|", DOCUMENT)
FACTS = {"version": "4", "weights": {"4": 100}, "reason": "better", "changed_by": "me"}


def dag_of(code: str) -> Any:
    """Return the Dag that a block defines."""
    space: dict[str, Any] = {}
    named = re.sub(r"^(with DAG\(.*\)):$", r"\1 as made:", code, flags=re.MULTILINE)
    exec(compile(named, "events.md", "exec"), space)  # noqa: S102 -- the document's own code
    return space["made"]


def test_schedules_of_the_table_can_be_made() -> None:
    made = [eval(schedule, vars(assets)) for schedule in SCHEDULES]  # noqa: S307 -- the document's own code

    assert [asset.name for asset in made] == [
        "versioned:churn-model",
        "versioned:churn-model@prod",
        "versioned://models/versioned-artifacts/churn-model@prod",
        "watched churn-model@prod",
    ]


def test_dags_hear_of_what_the_text_says(capsys: Any) -> None:
    for code, name, extra in (
        (HEAR, "versioned:churn-model@prod", FACTS),
        (WATCH, "watched churn-model@prod?poke_interval=30", {"payload": FACTS}),
    ):
        dag = dag_of(code)
        assert dag.schedule.name == name
        dag.get_task("told").python_callable(triggering_asset_events={"asset": [SimpleNamespace(extra=extra)]})

    assert capsys.readouterr().out.splitlines() == ["4 {'4': 100} better", "4 me better"]


def test_everything_that_moves_an_alias_tells_people() -> None:
    tasks = {task.task_id: task for task in dag_of(TELL).tasks}

    moving = ["promote", "staged_promotion.shift_5", "staged_promotion.roll_back_unless_promoted"]
    for task_id in moving:
        [tell] = tasks[task_id].on_success_callback
        assert type(tell).__name__ == "AliasChangeNotifier"
        assert tell.send.html_content == "{{ alias_change }}"
