"""Gathers the facts at the end: from the runs what they returned, and all else from the repository itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import IntegrityError
from demo.facts import Consumed, Facts, Retained
from demo.story import ALIAS, ARTIFACT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_versioned.repository import Artifact, Repository
    from demo.rest import AirflowApi
    from demo.story import Run


def collect(api: AirflowApi, repository: Repository, runs: Iterable[Run]) -> Facts:
    """Read everything that the verification and the timeline need."""
    runs = list(runs)
    artifacts = tuple(repository.list_artifact_versions(ARTIFACT))
    return Facts(
        run_states={run.dag_id: run.state for run in runs},
        artifacts=artifacts,
        damaged=tuple(artifact.version for artifact in artifacts if not _whole(artifact)),
        alias=repository.get_alias(ARTIFACT, ALIAS),
        history=tuple(reversed(list(repository.list_alias_history(ARTIFACT, ALIAS)))),
        checks=tuple(check for run in runs for check in run.checks),
        consumed=_consumed(api, runs),
        plan=tuple(entry for value in _returned(api, runs, "plan") for entry in Retained.from_xcom(value)),
    )


def _whole(artifact: Artifact) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            artifact.download(Path(folder) / "content")
        except IntegrityError:
            return False
    return True


def _consumed(api: AirflowApi, runs: Iterable[Run]) -> Consumed | None:
    met = next(iter(_returned(api, runs, "wait")), None)
    got = next(iter(_returned(api, runs, "use")), None)
    if met is None or got is None:
        return None
    return Consumed(
        version=got["version"], sha256=got["sha256"], met_version=met["version"], met_canary=met["secondary_version"]
    )


def _returned(api: AirflowApi, runs: Iterable[Run], task_id: str) -> list[Any]:
    """Return what the tasks of that name returned, in whichever run, mapped or not."""
    values = [
        api.xcom(run.dag_id, run.run_id, task.task_id, task.map_index)
        for run in runs
        for task in run.tasks
        if task.task_id == task_id
    ]
    return [value for value in values if value is not None]
