"""The cluster of ``docker-compose.yaml``, started without containers, and what is killed in the middle of rollouts.

One test, because such a cluster takes longer to start than most of the stories to run. ``make test-cluster`` runs it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from airflow_provider_versioned.repository import RolloutNotFoundError
from tests.cluster.cluster import AIRFLOW_SERVICES, cluster

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster

RUN = "test"
WAITS, ONCE = "rollout_that_waits", "rollout_without_retries"
BUTTONS, APPROVED, SLOW = "rollout_with_buttons", "rollout_with_approval", "rollout_that_takes_too_long"
LONG_BAKE = 86400  # until somebody says that it is enough


def test_rollouts_end_rightly_whatever_is_killed() -> None:
    with cluster() as running:
        repository = running.repository()
        wait_for_dags(running)
        demand_examples_end_well_although_a_worker_is_killed(running, repository)
        demand_every_service_is_healthy_by_its_own_check(running)
        exchange_celery_for_local_executor(running)
        demand_people_and_timeouts_end_rollouts_as_they_say(running, repository)
        demand_rollouts_survive_task_triggerer_and_scheduler(running, repository)


def wait_for_dags(running: Cluster) -> None:
    """Wait until all Dag files are read."""

    def read() -> bool:
        assert not running.api.import_errors()
        expected = {"example_publish_and_promote", "example_staged_canary", WAITS, ONCE, BUTTONS, APPROVED, SLOW}
        return expected <= running.api.dag_ids()

    running.wait_until(read, "the Dags")


# -- CeleryExecutor ------------------------------------------------------------------------------------------------


def demand_examples_end_well_although_a_worker_is_killed(running: Cluster, repository: Repository) -> None:
    """Run the canary of the examples; beside it a rollout whose worker is killed while it checks."""
    begin(running, repository, WAITS, "worker-killed")
    running.run("example_publish_and_promote", RUN)
    assert running.wait_for_end("example_publish_and_promote", RUN) == "success"
    wait_for_question(running, "worker-killed")

    running.kill("worker")
    running.start("worker")
    running.run("example_staged_canary", RUN)
    allow(running, "worker-killed")

    assert running.wait_for_end("example_staged_canary", RUN) == "success"
    demand_promoted(repository, "digits")
    demand_end(running, repository, WAITS, "worker-killed", "promoted")
    assert len(asked(running, "worker-killed")) == 2  # by the killed one and by the next


def demand_every_service_is_healthy_by_its_own_check(running: Cluster) -> None:
    """Ask the health checks of the file; that of a service which is gone says so."""
    for service in AIRFLOW_SERVICES:
        running.wait_until(lambda service=service: running.is_healthy(service), f"the health of {service}")  # type: ignore[misc] # mypy knows no lambda with a default


def exchange_celery_for_local_executor(running: Cluster) -> None:
    """Run the tasks in the scheduler from now on."""
    for service in ("worker", "scheduler"):
        running.kill(service)
        assert not running.is_healthy(service)
    start_local_scheduler(running)


def start_local_scheduler(running: Cluster) -> None:
    """Start the scheduler that runs tasks itself."""
    running.start("scheduler", AIRFLOW__CORE__EXECUTOR="LocalExecutor")


# -- LocalExecutor -------------------------------------------------------------------------------------------------


def demand_rollouts_survive_task_triggerer_and_scheduler(running: Cluster, repository: Repository) -> None:
    """Bring rollouts of four artifacts to where they wait, kill, and see where each one ends."""
    for dag_id, name, bake in (
        (WAITS, "task-killed", 0),
        (ONCE, "task-killed-for-good", 0),
        (WAITS, "triggerer-killed", LONG_BAKE),
    ):
        begin(running, repository, dag_id, name, bake=bake)
    for name in ("task-killed", "task-killed-for-good"):
        psutil.Process(wait_for_question(running, name)).kill()
    wait_for_task(running, "triggerer-killed", "bake_10", "deferred")
    running.kill("triggerer")
    # The scheduler has taken note of the killed task before it is itself killed.
    demand_end(running, repository, ONCE, "task-killed-for-good", "rolled_back")
    begin(running, repository, WAITS, "scheduler-killed")
    for name, times in (("task-killed", 2), ("scheduler-killed", 1)):
        wait_for_question(running, name, times)

    running.kill("scheduler")
    start_local_scheduler(running)
    running.start("triggerer")
    for name in ("task-killed", "scheduler-killed"):
        allow(running, name)
    skip_bakes(running, repository, "triggerer-killed")

    for name in ("task-killed", "triggerer-killed", "scheduler-killed"):
        demand_end(running, repository, WAITS, name, "promoted")
    assert len(asked(running, "scheduler-killed")) == 2


# -- people ----------------------------------------------------------------------------------------------------------


def demand_people_and_timeouts_end_rollouts_as_they_say(running: Cluster, repository: Repository) -> None:
    """Begin rollouts that would wait for ever, and end each in another way."""
    for dag_id, name, bake in (
        (BUTTONS, "aborted", LONG_BAKE),
        (BUTTONS, "skipped", LONG_BAKE),
        (BUTTONS, "failed", LONG_BAKE),
        (APPROVED, "rejected", 0),
        (SLOW, "timed-out", LONG_BAKE),
    ):
        begin(running, repository, dag_id, name, bake=bake)
    wait_for_weight(running, repository, "failed", 10)
    running.api._call("PATCH", f"/api/v2/dags/{BUTTONS}/dagRuns/failed", {"state": "failed"})
    answer(running, BUTTONS, "aborted", "Abort", after_secs=0)
    wait_for_weight(running, repository, "skipped", 10)
    answer(running, BUTTONS, "skipped", "Skip step")
    wait_for_weight(running, repository, "skipped", 50)
    answer(running, BUTTONS, "skipped", "Skip step")
    answer(running, APPROVED, "rejected", "Reject")

    demand_end(running, repository, BUTTONS, "skipped", "promoted")
    for dag_id, name in ((BUTTONS, "aborted"), (BUTTONS, "failed"), (APPROVED, "rejected"), (SLOW, "timed-out")):
        demand_end(running, repository, dag_id, name, "rolled_back")
    # Where everybody is admin, Airflow calls them so.
    by = {name: repository.get_rollout(name, "prod").ended_by for name in ("aborted", "timed-out")}
    assert by == {"aborted": "Anonymous", "timed-out": f"airflow:{SLOW}/timed-out"}


def answer(running: Cluster, dag_id: str, run_id: str, option: str, after_secs: float = 3) -> None:
    """Wait until a task of a run asks, and answer as a person does in the UI.

    Up to Airflow 3.3.2 an answer in the very second in which the task begins to wait makes the task fail. A gate asks
    again then; the buttons' next try applies the answer.
    """
    asked: list[dict[str, Any]] = []

    def asks() -> bool:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/hitlDetails?response_received=false"
        found = running.api._call("GET", path)["hitl_details"]
        asked[:] = [one for one in found if one["task_instance"]["state"] in {"awaiting_input", "deferred"}]
        return bool(asked)

    running.wait_until(asks, f"a question of {run_id}")
    time.sleep(after_secs)
    task_id = asked[0]["task_instance"]["task_id"]
    path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
    running.api._call("PATCH", path, {"chosen_options": [option], "params_input": {"comment": None}})


def wait_for_weight(running: Cluster, repository: Repository, name: str, weight: int) -> None:
    """Wait for a step of a rollout."""

    def there() -> bool:
        try:
            return repository.get_rollout(name, "prod").weight == weight
        except RolloutNotFoundError:
            return False

    running.wait_until(there, f"{weight} % of {name}")


# -- stories ---------------------------------------------------------------------------------------------------------


def begin(running: Cluster, repository: Repository, dag_id: str, name: str, **conf: int) -> None:
    """Publish two versions of a new artifact, and start the rollout of the second."""
    for content in (b"one", b"two"):
        repository.publish_artifact_version(name, content=content)
    repository.put_alias(name, "prod", 1)
    running.run(dag_id, name, name=name, **conf)


def asked(running: Cluster, name: str) -> list[int]:
    """Return the processes that have begun to check the first step of a rollout."""
    file = running.words / f"{name}.10.asked"
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []


def wait_for_question(running: Cluster, name: str, times: int = 1) -> int:
    """Wait until the first step of a rollout is being checked; returns the process that does."""
    running.wait_until(lambda: len(asked(running, name)) >= times, f"the check of {name}")
    return asked(running, name)[-1]


def allow(running: Cluster, name: str) -> None:
    """Let the checks of a rollout say yes."""
    (running.words / f"{name}.allowed").touch()


def wait_for_task(running: Cluster, name: str, task_id: str, state: str) -> None:
    """Wait until a task is in a state."""
    running.wait_until(lambda: running.tasks(WAITS, name).get(task_id) == state, f"{task_id} {state}")


def skip_bakes(running: Cluster, repository: Repository, name: str) -> None:
    """End each bake, which is long, once it has begun; the task must have outlived the triggerer to see it."""
    for weight in (10, 50):
        wait_for_weight(running, repository, name, weight)
        repository.skip_rollout_step(name, "prod", reason="long enough")


def demand_end(running: Cluster, repository: Repository, dag_id: str, name: str, end: str) -> None:
    """See that run, rollout and alias tell the same end."""
    state = running.wait_for_end(dag_id, name)
    assert state == {"promoted": "success", "rolled_back": "failed"}[end], running.tasks(dag_id, name)
    if end == "promoted":
        demand_promoted(repository, name)
        return
    # The callback of a Dag comes after the end of its run.
    running.wait_until(lambda: not repository.get_rollout(name, "prod").is_live, f"the end of the rollout of {name}")
    rollout, alias = repository.get_rollout(name, "prod"), repository.get_alias(name, "prod")
    assert (str(rollout.state), alias.version, alias.secondary_version) == (end, rollout.stable, None)


def demand_promoted(repository: Repository, name: str) -> None:
    """See that the canary of the last rollout has the alias alone."""
    rollout, alias = repository.get_rollout(name, "prod"), repository.get_alias(name, "prod")
    assert (str(rollout.state), alias.version, alias.secondary_version) == ("promoted", rollout.canary, None)
    assert rollout.canary == "2"
    weights = [change.secondary_version_weight for change in repository.list_alias_history(name, "prod")]
    assert weights[0] is None
    assert [weight for weight in reversed(weights) if weight] == sorted({weight for weight in weights if weight})
