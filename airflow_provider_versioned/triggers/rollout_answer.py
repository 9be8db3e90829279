"""Waiting for a person's answer about a rollout, or for the rollout's end: what the triggerer runs for such a question.

The answer is read from Airflow and the rollout from the repository; whichever comes first fires. From Airflow 3.3 on,
Airflow itself resumes the task when a person answers, and this trigger is for all the other ends.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.hitl import get_hitl_detail_content_detail, update_hitl_detail_response
from airflow.triggers.base import TriggerEvent
from asgiref.sync import sync_to_async

from airflow_provider_versioned.repository.errors import NotFoundError, StorageUnavailableError, VersionedError
from airflow_provider_versioned.triggers.base import RepositoryTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from airflow_provider_versioned.repository import Repository

_TASK_ENDED = ("success", "failed", "skipped", "upstream_failed", "removed")


class RolloutAnswerTrigger(RepositoryTrigger):
    """Fires once: with the answer, as the standard provider's own trigger; or with ``{"ended": <how it ended>}``.

    Waiting goes on while AWS is unavailable. What no waiting cures fires ``{"error": …, "error_type": …}``.

    Args:
        rollout: Id of the rollout.
        ti_id: Of the task instance that asked.
        defaults: Options that count when ``deadline`` (ISO 8601) has passed; empty: it has no deadline.
        asked: Whether the task has put the question. False: an earlier try of it may have, which the first look tells:
            an answer to it fires with ``"left_over": True``; if nothing was asked, ``{"unasked": True}`` fires.
        until: ``dag_id``, ``run_id``, ``map_index`` and ``task_id`` of a task after whose end nobody waits for an
            answer; None: only the rollout counts.
        kwargs: Those of :class:`~airflow_provider_versioned.triggers.base.RepositoryTrigger`.
    """

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        rollout: str,
        ti_id: str,
        defaults: Sequence[str] = (),
        deadline: str | None = None,
        until: dict[str, Any] | None = None,
        asked: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.rollout = rollout
        self.ti_id = ti_id
        self.defaults = list(defaults)
        self.deadline = deadline
        self.until = until
        self.asked = asked

    def waiting_arguments(self) -> dict[str, Any]:
        """Return what is waited for."""
        return {
            "name": self.name,
            "alias": self.alias,
            "rollout": self.rollout,
            "ti_id": self.ti_id,
            "defaults": self.defaults,
            "deadline": self.deadline,
            "until": self.until,
            "asked": self.asked,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until somebody has answered, or nobody needs to."""
        try:
            async with self.looks() as looks:
                payload = await self._wait(looks.hook.repository)
        except VersionedError as error:
            payload = {"error": f"{type(error).__name__}: {error}", "error_type": "unknown"}
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call] # Airflow has no types here

    async def _wait(self, repository: Repository) -> dict[str, Any]:
        failures = 0
        if not self.asked and (left := await self._left_over()) is not None:
            return left
        while True:
            if (answer := await self._answer()) is not None:
                return answer
            try:
                ended = await sync_to_async(self._ended)(repository) or await self._nobody_waits()
                failures = 0
            except StorageUnavailableError as error:
                ended, failures = None, failures + 1
                self.log.warning("%s Looking again.", error)
            if ended is not None:
                return {"ended": ended}
            if self.defaults and self._seconds_left() <= 0:
                return await self._default()
            await asyncio.sleep(min(self._pause(failures), max(self._seconds_left(), 0.1)))

    async def _answer(self) -> dict[str, Any] | None:
        found = await sync_to_async(get_hitl_detail_content_detail)(ti_id=UUID(self.ti_id))
        if not found.response_received or not found.chosen_options:
            return None
        user = found.responded_by_user
        return {
            "chosen_options": list(found.chosen_options),
            "params_input": found.params_input or {},
            "responded_at": found.responded_at,
            "responded_by_user": None if user is None else {"id": user.id, "name": user.name},
            "timedout": user is None,
        }

    async def _left_over(self) -> dict[str, Any] | None:
        """Return what an earlier try of the task has left: an answer, or no question; None: a question."""
        try:
            answer = await self._answer()
        except AirflowRuntimeError as error:
            if (error.error.detail or {}).get("status_code") != HTTPStatus.NOT_FOUND:
                raise
            return {"unasked": True}
        return answer and {**answer, "left_over": True}

    async def _default(self) -> dict[str, Any]:
        """Answer in nobody's name."""
        answer = sync_to_async(update_hitl_detail_response)
        await answer(ti_id=UUID(self.ti_id), chosen_options=self.defaults, params_input={})
        return await self._answer() or {"error": "Airflow did not keep the default answer.", "error_type": "unknown"}

    def _ended(self, repository: Repository) -> str | None:
        try:
            rollout = repository.get_rollout(self.name, self.alias, rollout_id=self.rollout)
        except NotFoundError:
            return f"rollout {self.rollout!r} has no record any more"
        return None if rollout.is_live else f"rollout {rollout.id!r} of {rollout}"

    async def _nobody_waits(self) -> str | None:
        if self.until is None:
            return None
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance  # noqa: PLC0415 -- the triggerer has it

        count = await sync_to_async(RuntimeTaskInstance.get_ti_count)(
            dag_id=self.until["dag_id"],
            run_ids=[self.until["run_id"]],
            task_ids=[self.until["task_id"]],
            map_index=self.until.get("map_index"),
            states=list(_TASK_ENDED),
        )
        return f"task {self.until['task_id']!r} has ended" if count else None

    def _seconds_left(self) -> float:
        if self.deadline is None:
            return float("inf")
        return (datetime.fromisoformat(self.deadline) - datetime.now(UTC)).total_seconds()
