"""Rollouts whose checks wait for the test's word, so that something can be killed meanwhile."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

from airflow_provider_versioned.rollout import AbortRolloutOfRun, staged_promotion

if TYPE_CHECKING:
    from airflow_provider_versioned.rollout import CanaryStep


def allowed(step: CanaryStep) -> bool:
    """Say who asks, then wait until the test allows it."""
    folder = Path(os.environ["CLUSTER_TEST_WORDS"])
    asked = folder / f"{step.name}.{step.weight}.asked"
    with asked.open("a") as file:
        file.write(f"{os.getpid()}\n")
    while not (folder / f"{step.name}.allowed").exists():
        time.sleep(0.2)
    return True


ROLLOUT: dict[str, Any] = {
    "name": "{{ dag_run.conf['name'] }}",
    "alias": "prod",
    "version": 2,
    "steps": [10, 50],
    "bake": "{{ dag_run.conf.get('bake', 0) }}",
    "check": allowed,
    "deferrable": True,
    "poke_interval": 1.0,
}

with DAG("rollout_that_waits"):
    staged_promotion(**ROLLOUT)

with DAG("rollout_without_retries"):
    staged_promotion(**ROLLOUT, retries=0)

STEERED = {**ROLLOUT, "check": None}

with DAG("rollout_with_buttons"):
    staged_promotion(**STEERED, control=True)

with DAG("rollout_with_approval"):
    staged_promotion(**STEERED, approve_before=[50])

with DAG(
    "rollout_that_takes_too_long",
    dagrun_timeout=timedelta(seconds=15),
    on_failure_callback=AbortRolloutOfRun("timed-out", "prod"),
):
    staged_promotion(**STEERED)
