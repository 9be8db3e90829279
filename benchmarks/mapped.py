"""What the imports of a Dag file cost where there are many tasks: seconds for 200 mapped tasks that do nothing.

In one real Airflow with LocalExecutor, SQLite and as many tasks at once as this machine has cores. Each kind of file
has its own Dag; their runs take turns, one at a time. A run counts from its start to the end of its last task.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import report
from benchmarks.parsing import KINDS
from benchmarks.report import Table
from demo.rest import RUN_ENDED
from tests.provider.airflow_process import AirflowProcess, airflow_process

if TYPE_CHECKING:
    from collections.abc import Mapping

TASKS, TURNS = 200, 2
SMALL_TASKS = 3
PATIENCE_SECS = 1800
OURS, THEIRS = "our operators, sensors and `staged_promotion`", "`S3CreateObjectOperator`"
FILES: Mapping[str, tuple[str, str]] = {
    "nothing_more": ("nothing more", ""),
    "ours": (OURS, KINDS[OURS]),
    "theirs": (THEIRS, KINDS[THEIRS]),
}
_DAG = """
from airflow.sdk import DAG, task
{imports}
with DAG("{dag_id}", schedule=None):
    @task
    def nothing(number):
        return None

    nothing.expand(number=list(range({tasks})))
"""


def run(*, small: bool = False) -> list[Table]:
    """Measure."""
    tasks = SMALL_TASKS if small else TASKS
    took: dict[str, list[float]] = {dag_id: [] for dag_id in FILES}
    with tempfile.TemporaryDirectory() as folder:
        for dag_id, (_, imports) in FILES.items():
            Path(folder, f"{dag_id}.py").write_text(_DAG.format(imports=imports, dag_id=dag_id, tasks=tasks))
        settings = {
            "AIRFLOW__CORE__DAGS_FOLDER": folder,
            "AIRFLOW__CORE__PARALLELISM": str(os.cpu_count() or 1),
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
        }
        with airflow_process("{}", set(FILES), **settings) as airflow:
            _secs(airflow, next(iter(FILES)), "warm-up")  # the first run waits for what has only just started
            for turn in range(1 if small else TURNS):
                for dag_id in FILES if turn % 2 == 0 else reversed(list(FILES)):
                    took[dag_id].append(_secs(airflow, dag_id, f"turn-{turn}"))
                    sys.stderr.write(f"{dag_id}: {took[dag_id][-1]:.1f} s\n")
    report.keep("mapped", [{"file": FILES[dag_id][0], "tasks": tasks, "secs": secs} for dag_id, secs in took.items()])
    return [_table(took, tasks)]


def _secs(airflow: AirflowProcess, dag_id: str, run_id: str) -> float:
    airflow.api.trigger(dag_id, run_id, {})
    deadline = time.monotonic() + PATIENCE_SECS
    while airflow.api.run_state(dag_id, run_id) not in RUN_ENDED:
        if time.monotonic() > deadline:
            raise AssertionError(f"{dag_id} has not ended after {PATIENCE_SECS} s")
        time.sleep(0.5)
    run = airflow.get(f"dags/{dag_id}/dagRuns/{run_id}")
    if run["state"] != "success":
        raise AssertionError(f"{dag_id} ended as {run['state']}")
    begin, end = (datetime.fromisoformat(run[moment]) for moment in ("start_date", "end_date"))
    return (end - begin).total_seconds()


def _table(took: Mapping[str, list[float]], tasks: int) -> Table:
    least = statistics.median(took["nothing_more"])
    table = Table(
        ("the Dag file imports", f"secs for {tasks} tasks", "ratio", "ms more, a task"),
        title=f"A run of {tasks} mapped tasks under LocalExecutor",
    )
    for dag_id, secs in took.items():
        median = statistics.median(secs)
        table.rows.append((FILES[dag_id][0], median, median / least, (median - least) * 1000 / tasks))
    return table
