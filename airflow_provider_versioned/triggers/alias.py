"""Waiting for an alias without a worker: what the triggerer runs for the sensor.

Decides how often to look and what to do when AWS does not answer. The request, its decoding and the condition are those
of the sensor.
"""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_versioned.hooks.repository import FindAlias, VersionedRepositoryHook
from airflow_provider_versioned.repository.alias_wait import AliasCondition
from airflow_provider_versioned.repository.errors import StorageUnavailableError, VersionedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_JITTER = 0.2  # many waiting tasks are deferred in the same second; this spreads their requests
_LONGEST_BACKOFF_SECS = 300.0
_SHORTEST_WAIT_SECS = 0.1


class AliasVersionTrigger(BaseEventTrigger):
    """Fires once when an alias meets a condition.

    The event's payload is ``{"status": "success", "alias": {…}}``, ``{"status": "timeout"}`` when ``deadline`` passed,
    or ``{"status": "error", "error": <class name>, "message": <sentence>}`` when waiting longer cannot help.

    Args:
        condition: :meth:`AliasCondition.to_dict`.
        poke_interval: Seconds between two looks; each wait is up to a fifth shorter or longer.
        deadline: Moment in ISO 8601 with its zone at which to give up; None: never.
    """

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        condition: dict[str, Any],
        poke_interval: float = 60.0,
        deadline: str | None = None,
        aws_conn_id: str | None = "aws_default",
        s3_bucket: str | None = None,
        s3_prefix: str | None = None,
        dynamodb_table_name: str | None = None,
        suffix: str | None = None,
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Airflow has no types here
        self.name = name
        self.alias = alias
        self.condition = condition
        self.poke_interval = poke_interval
        self.deadline = deadline
        self.aws_conn_id = aws_conn_id
        self.s3_bucket = s3_bucket
        self.s3_prefix = s3_prefix
        self.dynamodb_table_name = dynamodb_table_name
        self.suffix = suffix
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of this class and the arguments that make this trigger again."""
        waiting = {
            "name": self.name,
            "alias": self.alias,
            "condition": self.condition,
            "poke_interval": self.poke_interval,
            "deadline": self.deadline,
        }
        return f"{type(self).__module__}.{type(self).__qualname__}", {**waiting, **self._hook_arguments()}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the condition is met, the deadline has passed, or waiting cannot help."""
        condition = AliasCondition.from_dict(self.condition)
        self.log.info("Waiting until alias %r of %r %s.", self.alias, self.name, condition.describe())
        try:
            async with VersionedRepositoryHook(**self._hook_arguments()).aconnect() as find_alias:
                payload = await self._wait(find_alias, condition)
        except VersionedError as error:
            payload = {"status": "error", "error": type(error).__name__, "message": str(error)}
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call] # Airflow has no types here

    async def _wait(self, find_alias: FindAlias, condition: AliasCondition) -> dict[str, Any]:
        failures = 0
        while True:
            try:
                alias = await find_alias(self.name, self.alias)
                failures = 0
            except StorageUnavailableError as error:
                alias, failures = None, failures + 1
                self.log.warning("%s Looking again.", error)
            if alias is not None and condition.met_by(alias):
                return {"status": "success", "alias": alias.to_dict()}
            if self._seconds_left() <= 0:
                return {"status": "timeout"}
            await asyncio.sleep(min(self._pause(failures), self._seconds_left()))

    def _pause(self, failures: int) -> float:
        longest = max(_LONGEST_BACKOFF_SECS, self.poke_interval)
        pause = min(self.poke_interval * 2.0 ** min(failures, 16), longest)
        jittered = pause * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 -- not for secrets
        return max(jittered, _SHORTEST_WAIT_SECS)

    def _seconds_left(self) -> float:
        if self.deadline is None:
            return float("inf")
        return (datetime.fromisoformat(self.deadline) - datetime.now(UTC)).total_seconds()

    def _hook_arguments(self) -> dict[str, Any]:
        return {
            "aws_conn_id": self.aws_conn_id,
            "s3_bucket": self.s3_bucket,
            "s3_prefix": self.s3_prefix,
            "dynamodb_table_name": self.dynamodb_table_name,
            "suffix": self.suffix,
            "region_name": self.region_name,
            "verify": self.verify,
            "botocore_config": self.botocore_config,
        }
