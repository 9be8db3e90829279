"""A staged promotion whose tasks a test executes by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

from airflow_provider_versioned.rollout import staged_promotion

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun


class Group:
    """A staged promotion of version 2 in steps of 5 and 25 %, whose tasks are executed by hand."""

    def __init__(self, run: FakeRun, **arguments: Any) -> None:
        rollout = {"name": "model", "alias": "prod", "version": 2, "bake": 0, "steps": (5, 25), **arguments}
        with DAG("dag") as dag:
            staged_promotion(**rollout, group_id="group")
        self.run, self.dag = run, dag
        in_order: Any = dag
        self.task_ids = [task.task_id.removeprefix("group.") for task in in_order.topological_sort()]

    def __call__(self, *task_ids: str) -> Any:
        """Execute tasks; returns what the last one returned."""
        return [self.run.execute(self.dag.get_task(f"group.{task_id}")) for task_id in task_ids][-1]

    def to(self, last: str) -> Any:
        """Execute every task up to this one."""
        return self(*self.task_ids[: self.task_ids.index(last) + 1])


def state(repository: Repository) -> tuple[str, str | None, int | None]:
    """Return what the alias points at."""
    alias = repository.get_alias("model", "prod")
    return alias.version, alias.secondary_version, alias.secondary_version_weight
