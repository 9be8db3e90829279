"""Reporting outcomes from inside a task: as the repository does it, but once per task however often it is tried.

The idempotency key of a report is the task (Dag, run, task, map index; never the try), what is reported on, and how
many reports on the same the try has made before: a retry repeats its reports from the first on, and those that were
counted are not counted again. So the first outcome of a piece of work stands: a failure that a retry cures was one.
Outside a task, each report counts.
"""

from __future__ import annotations

import json
import threading
from abc import abstractmethod
from collections import Counter
from typing import TYPE_CHECKING

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import (
    AirflowRescheduleException,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)

from airflow_provider_versioned.hooks.identity import task_key
from airflow_provider_versioned.repository.outcomes.use import AliasUse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_versioned.repository import Alias, Repository
    from airflow_provider_versioned.repository.routing import Side

_LOCK = threading.Lock()
_REPORTS: Counter[tuple[str, int, str]] = Counter()  # reports made by a try of a task on one thing


class OutcomeReports:
    """The part of the hook that reports outcomes."""

    @property
    @abstractmethod
    def repository(self) -> Repository:
        """The repository."""

    def record_outcome(
        self,
        name: str,
        alias: str | Alias,
        version: int | str,
        *,
        success: bool,
        count: int = 1,
        metrics: Mapping[str, float | Sequence[float]] | None = None,
        rollout: str | None = None,
        weight: int | None = None,
        idempotency_key: str | None = None,
    ) -> bool:
        """Count one success or failure of a version, or ``count`` of them; as :meth:`record_outcomes`."""
        successes, failures = (count, 0) if success else (0, count)
        return self.record_outcomes(
            *(name, alias, version),
            successes=successes,
            failures=failures,
            metrics=metrics,
            rollout=rollout,
            weight=weight,
            idempotency_key=idempotency_key,
        )

    def record_outcomes(
        self,
        name: str,
        alias: str | Alias,
        version: int | str,
        *,
        successes: int = 0,
        failures: int = 0,
        metrics: Mapping[str, float | Sequence[float]] | None = None,
        rollout: str | None = None,
        weight: int | None = None,
        idempotency_key: str | None = None,
    ) -> bool:
        """Count outcomes, once however often this task is tried.

        As :meth:`airflow_provider_versioned.repository.Repository.record_outcomes`.

        Args:
            idempotency_key: None: this task and the place of the report among those that it makes.
        """
        return self.repository.record_outcomes(
            *(name, alias, version),
            successes=successes,
            failures=failures,
            metrics=metrics,
            rollout=rollout,
            weight=weight,
            idempotency_key=idempotency_key or report_key(name, _alias_name(alias), str(version)),
        )

    def outcome(
        self,
        name: str,
        alias: str | Alias,
        version: int | str | None = None,
        *,
        key: str | bytes | None = None,
        side: Side | None = None,
        idempotency_key: str | None = None,
    ) -> AliasUse:
        """Use an alias in a ``with`` block or as decorator; its outcome counts once however often this task is tried.

        As :meth:`airflow_provider_versioned.repository.Repository.outcome`, and with Airflow's own exceptions: a task
        that times out is a failure, one that skips, defers or reschedules itself has no outcome.

        Args:
            idempotency_key: None: this task and the place of the use among those that it makes.
        """
        return TaskUse(
            *(self.repository, name, alias, version),
            key=key,
            side=side,
            idempotency_key=idempotency_key,
            failures=(Exception, AirflowTaskTimeout),
            no_outcome=(AirflowSkipException, AirflowRescheduleException, TaskDeferred),
        )


class TaskUse(AliasUse):
    """A use of an alias by a task."""

    def _report_key(self) -> str | None:
        routed = self._key.hex() if isinstance(self._key, bytes) else self._key
        return super()._report_key() or report_key(self._name, self.alias.alias, "use", routed)


def report_key(*about: str | None) -> str | None:
    """Return the key of the next report of the running task on something; None outside a task."""
    try:
        context = get_current_context()
    except RuntimeError:
        return None
    subject = json.dumps(about)
    counted = (task_key(context), context["ti"].try_number, subject)
    with _LOCK:
        place = _REPORTS[counted]
        _REPORTS[counted] += 1
    return json.dumps([task_key(context), subject, place])


def _alias_name(alias: str | Alias) -> str:
    return alias if isinstance(alias, str) else alias.alias
