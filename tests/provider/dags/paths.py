"""Tasks that read by paths."""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk import DAG, ObjectStoragePath, task

with DAG("paths", schedule=None, params={"path": ""}, render_template_as_native_obj=True):

    @task
    def read(path: str) -> dict[str, Any]:
        """Read a table by Airflow's path and by pandas, and say what was found."""
        import pandas as pd  # noqa: PLC0415 -- a task's own import

        found = ObjectStoragePath(path)
        with found.open("rb") as file:  # type: ignore[no-untyped-call] # Airflow has no types here
            by_airflow = pd.read_csv(file)
        by_pandas = pd.read_csv(path)
        stat = found.stat()
        return {
            "sums": [int(table["value"].sum()) for table in (by_airflow, by_pandas)],
            "version": stat["version"],
            "size": found.size(),
            "beside": sorted(child.name for child in (found.parent / "sales").iterdir()),
        }

    @task
    def write(path: str) -> str:
        """Try to write."""
        try:
            ObjectStoragePath(path).write_bytes(b"x")
        except OSError as error:
            return str(error)
        return json.dumps("written")

    read("{{ params.path }}") >> write("{{ params.path }}")
