"""Counting what became of a version that a Dag used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import optional, parse_bool
from airflow_provider_versioned.task.identity import task_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

_NEEDED = ("name", "version", "alias", "rollout", "weight")


class RecordOutcomeOperator(RepositoryOperator):
    """Counts a success or a failure of a version that :class:`DownloadArtifactOperator` got through an alias.

    Put it after the tasks that use the version. It is a teardown: it runs whatever became of them, and their state, not
    its own, is the run's. It counts failure when a task right before it failed, also when that task's worker was
    killed, which no code inside it could report; success when all of them succeeded. When they were skipped or never
    ran, it skips itself. Retries count once, and so does a task that was cleared.

    Code that uses a version many times reports with ``hook.outcome(...)`` or ``hook.record_outcomes(...)`` instead.

    Args:
        used: What the download returned: ``download.output``.
        success: Count this instead of what became of the tasks before.
        metrics: Numbers that judges may compare, by name.
    """

    template_fields: Sequence[str] = (*RepositoryOperator.template_fields, "used", "success", "metrics")

    def __init__(
        self,
        *,
        used: Any,
        success: bool | str | None = None,
        metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.used = used
        self.success = success
        self.metrics = metrics
        self.as_teardown()

    def execute(self, context: Context) -> dict[str, Any]:
        """Count the outcome; returns version, ``success`` and whether it was counted now."""
        with no_vain_retry():
            used = self._demand_used()
            success = self._outcome(context)
            counted = self.hook.repository.record_outcome(
                *(used["name"], used["alias"], used["version"]),
                success=success,
                metrics=optional(self.metrics),
                rollout=used["rollout"],
                weight=used["weight"],
                idempotency_key=task_key(context),
            )
        outcome = "success" if success else "failure"
        if counted:
            self.log.info("Counted a %s of version %s of %r.", outcome, used["version"], used["name"])
        else:
            self.log.info("This task has reported before; its %s is not counted again.", outcome)
        return self.keep_version(context, {"version": used["version"], "success": success, "counted": counted})

    def _demand_used(self) -> Mapping[str, Any]:
        if self.used is None:
            raise AirflowSkipException("Nothing was downloaded, so there is no outcome.")
        if not isinstance(self.used, Mapping):
            raise InvalidTypeError(f"used must be what DownloadArtifactOperator returned, got {self.used!r}.")
        if missing := [fact for fact in _NEEDED if fact not in self.used]:
            raise InvalidInputError(
                f"used lacks {', '.join(missing)}; it must be what DownloadArtifactOperator returned for an alias."
            )
        return self.used

    def _outcome(self, context: Context) -> bool:
        if optional(self.success) is not None:
            return parse_bool("success", self.success)
        states = self._states_before(context)
        if "failed" in states:
            return False
        if states and states <= {"success"}:
            return True
        raise AirflowSkipException(f"The tasks before are {', '.join(sorted(states)) or 'none'}: no outcome.")

    def _states_before(self, context: Context) -> set[str]:
        ti: Any = context["ti"]  # its protocol lacks this method
        found = ti.get_task_states(
            dag_id=ti.dag_id,
            map_index=None if ti.map_index in (None, -1) else ti.map_index,
            task_ids=sorted(self.upstream_task_ids),
            run_ids=[ti.run_id],
        )
        return {str(state) for state in found.get(ti.run_id, {}).values()}
