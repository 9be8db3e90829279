"""Waiting for an alias without a worker: what the triggerer runs for the sensor.

Decides how often to look and what to do when AWS does not answer. The request, its decoding and the condition are those
of the sensor; the looks are shared with other triggers (:mod:`~airflow_provider_versioned.triggers.shared`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent

from airflow_provider_versioned.repository.alias_wait import AliasCondition
from airflow_provider_versioned.repository.errors import StorageUnavailableError, VersionedError
from airflow_provider_versioned.triggers.base import RepositoryTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from airflow_provider_versioned.repository import Alias

    FindAlias = Callable[[str, str, float], Awaitable[Alias | None]]


class AliasVersionTrigger(RepositoryTrigger):
    """Fires once when an alias meets a condition.

    The event's payload is ``{"status": "success", "alias": {…}}``, ``{"status": "timeout"}`` when ``deadline`` passed,
    or ``{"status": "error", "error": <class name>, "message": <sentence>}`` when waiting longer cannot help.

    Args:
        condition: :meth:`AliasCondition.to_dict`.
        deadline: Moment in ISO 8601 with its zone at which to give up; None: never.
        kwargs: Those of :class:`~airflow_provider_versioned.triggers.base.RepositoryTrigger`.
    """

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        condition: dict[str, Any],
        deadline: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.condition = condition
        self.deadline = deadline

    def waiting_arguments(self) -> dict[str, Any]:
        """Return what is waited for, and until when."""
        return {"name": self.name, "alias": self.alias, "condition": self.condition, "deadline": self.deadline}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the condition is met, the deadline has passed, or waiting cannot help."""
        condition = AliasCondition.from_dict(self.condition)
        self.log.info("Waiting until alias %r of %r %s.", self.alias, self.name, condition.describe())
        try:
            async with self.looks() as looks:
                payload = await self._wait(looks.find, condition)
        except VersionedError as error:
            payload = {"status": "error", "error": type(error).__name__, "message": str(error)}
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call] # Airflow has no types here

    async def _wait(self, find_alias: FindAlias, condition: AliasCondition) -> dict[str, Any]:
        failures, within_secs = 0, 0.0
        while True:
            try:
                alias = await find_alias(self.name, self.alias, within_secs)
                failures = 0
            except StorageUnavailableError as error:
                alias, failures = None, failures + 1
                self.log.warning("%s Looking again.", error)
            if alias is not None and condition.met_by(alias):
                return {"status": "success", "alias": alias.to_dict()}
            if self._seconds_left() <= 0:
                return {"status": "timeout"}
            within_secs = min(self._wait_secs(failures), self._seconds_left())

    def _seconds_left(self) -> float:
        if self.deadline is None:
            return float("inf")
        return (datetime.fromisoformat(self.deadline) - datetime.now(UTC)).total_seconds()
