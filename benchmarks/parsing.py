"""What a Dag file costs every task for importing our operators, beside the amazon provider's.

Each task process parses its Dag file again. Every import runs in a process of its own, which has loaded before what
runs a task, and Airflow's own bases of sensors, groups and decorated tasks; kinds take turns, and the least of several
runs counts, since others use the machine too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.report import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNS = 7
KINDS: Mapping[str, str] = {
    "our operators, sensors and `staged_promotion`": (
        "import airflow_provider_versioned.operators\n"
        "import airflow_provider_versioned.sensors\n"
        "from airflow_provider_versioned.rollout import staged_promotion\n"
    ),
    "a task with our hook, inside the task": (
        "from airflow.sdk import task\n"
        "@task\n"
        "def use():\n"
        "    from airflow_provider_versioned.hooks import VersionedRepositoryHook\n"
    ),
    "`S3CreateObjectOperator`": "from airflow.providers.amazon.aws.operators.s3 import S3CreateObjectOperator\n",
    "`DynamoDBValueSensor`": "from airflow.providers.amazon.aws.sensors.dynamodb import DynamoDBValueSensor\n",
    "boto3 at the top of the Dag file": "import boto3\n",
}
_PROGRAM = """
import json, sys, time
import airflow.sdk.execution_time.task_runner
from airflow.sdk import BaseSensorOperator, TaskGroup, chain, task
from airflow.providers.common.compat.sdk import AirflowFailException, conf
modules, cpu, wall = len(sys.modules), time.process_time(), time.perf_counter()
{imports}
print(json.dumps([time.process_time() - cpu, time.perf_counter() - wall, len(sys.modules) - modules,
    sum(name.partition(".")[0] in {{"boto3", "botocore", "pynamodb", "aiobotocore"}} for name in sys.modules)]))
"""


def once(imports: str) -> list[float]:
    """Import in a new process; return CPU and wall seconds, modules, and how many of them are AWS libraries'."""
    program = _PROGRAM.format(imports=imports)
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603 -- ourselves
    found: list[float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def run(*, small: bool = False) -> list[Table]:
    """Measure."""
    runs: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for _ in range(2 if small else RUNS):
        for kind, imports in KINDS.items():
            runs[kind].append(once(imports))
    table = Table(
        ("a Dag file imports", "CPU, ms", "wall, ms", "modules", "of AWS libraries"),
        title="Beyond what Airflow loads for any Dag file",
    )
    for kind, found in runs.items():
        cpu, wall, modules, aws = (min(values) for values in zip(*found, strict=True))
        table.rows.append((kind, cpu * 1000, wall * 1000, modules, aws))
    return [table]
