"""What docs/rollouts.md shows is true: its Dags parse, and its table of defaults is what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from airflow_provider_versioned.rollout import Consequences, exponential, linear

DOCUMENT = (Path(__file__).parents[2] / "docs" / "rollouts.md").read_text()
GROUP, DEFAULTS, OWN = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)


def dag_of(code: str) -> Any:
    """Return the Dag that a block defines."""
    space: dict[str, Any] = {}
    exec(compile(re.sub(r"^(with DAG\(.*\)):$", r"\1 as made:", code, flags=re.MULTILINE), "doc", "exec"), space)  # noqa: S102 -- the document's own code
    return space["made"]


def test_dags_have_the_tasks_that_the_text_names() -> None:
    tasks = [task.removeprefix("staged_promotion.") for task in dag_of(GROUP).task_ids]
    assert tasks[:4] == ["start", "shift_step_1", "bake_step_1", "check_step_1"]
    assert tasks[-5:] == ["promote", "bake_final", "check_final", "roll_back_unless_promoted", "fail_unless_promoted"]
    assert dag_of(OWN).task_ids == ["start", "shift", "bake", "check", "promote", "abort"]


def test_defaults_are_those_that_the_text_says() -> None:
    space: dict[str, Any] = {}
    exec(compile(DEFAULTS.replace("Consequences(", "made = Consequences("), "doc", "exec"), space)  # noqa: S102 -- as above
    assert space["made"] == Consequences()
    assert (linear(25), exponential(5)) == ([25, 50, 75], [5, 10, 20, 40, 80])
