"""Waiting for a step's time, or for somebody who steers the rollout: what the triggerer runs for a rollout's tasks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent
from asgiref.sync import sync_to_async

from airflow_provider_versioned.repository.errors import StorageUnavailableError, VersionedError
from airflow_provider_versioned.triggers.base import RepositoryTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from airflow_provider_versioned.repository import Rollout


class RolloutTrigger(RepositoryTrigger):
    """Fires once: with ``"time"`` when the moment has come, with ``"changed"`` when the rollout is not as it was.

    What no waiting cures fires too, as ``"error"``: the task meets it again when it looks. Waiting goes on while AWS is
    unavailable.

    Args:
        rollout_id: Which rollout is looked at.
        seen: :attr:`Rollout.course`, as the task saw it.
        until: Moment in ISO 8601; None: wait for a change only.
        kwargs: Those of :class:`~airflow_provider_versioned.triggers.base.RepositoryTrigger`.
    """

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        rollout_id: str,
        seen: Sequence[Any],
        until: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.rollout_id = rollout_id
        self.seen = list(seen)
        self.until = until

    def waiting_arguments(self) -> dict[str, Any]:
        """Return what is waited for."""
        return {
            "name": self.name,
            "alias": self.alias,
            "rollout_id": self.rollout_id,
            "seen": self.seen,
            "until": self.until,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until something has happened."""
        try:
            async with self.looks() as looks:
                payload = await self._wait(
                    lambda: looks.hook.repository.get_rollout(self.name, self.alias, rollout_id=self.rollout_id)
                )
        except VersionedError as error:
            payload = f"error: {error}"
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call] # Airflow has no types here

    async def _wait(self, look: Any) -> str:
        failures = 0
        while True:
            if self._seconds_left() <= 0:
                return "time"
            try:
                rollout: Rollout = await sync_to_async(look)()
                failures = 0
            except StorageUnavailableError as error:
                failures += 1
                self.log.warning("%s Looking again.", error)
            else:
                if rollout.course != self.seen:
                    self.log.info("The rollout of %s.", rollout)
                    return "changed"
            await asyncio.sleep(min(self._pause(failures), max(self._seconds_left(), 0.0)))

    def _seconds_left(self) -> float:
        if self.until is None:
            return float("inf")
        return (datetime.fromisoformat(self.until) - datetime.now(UTC)).total_seconds()
