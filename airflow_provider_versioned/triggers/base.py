"""What our triggers share: the repository's place, the AWS parameters, how long to pause between two looks.

A Dag file that watches an alias makes a trigger while it is parsed, so this loads no AWS library before it has to.
"""

from __future__ import annotations

import random
from abc import abstractmethod
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger
from asgiref.sync import sync_to_async

from airflow_provider_versioned.triggers.shared import shared_looks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook
    from airflow_provider_versioned.triggers.shared import AliasLooks

_JITTER = 0.2  # spreads the requests of many watchers that were started in the same second
_LONGEST_BACKOFF_SECS = 300.0
_SHORTEST_WAIT_SECS = 0.1


class RepositoryTrigger(BaseEventTrigger):
    """Base of the triggers.

    Args:
        poke_interval: Seconds between two looks, or a fifth less; other triggers that wait for the same alias share
            theirs.
        aws_conn_id: This and the rest as in :class:`~airflow_provider_versioned.task.base.RepositoryOperator`.
    """

    def __init__(
        self,
        *,
        poke_interval: float = 60.0,
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
        self.poke_interval = poke_interval
        self.aws_conn_id = aws_conn_id
        self.s3_bucket = s3_bucket
        self.s3_prefix = s3_prefix
        self.dynamodb_table_name = dynamodb_table_name
        self.suffix = suffix
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    @abstractmethod
    def waiting_arguments(self) -> dict[str, Any]:
        """Return the arguments that a subclass adds."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of this class and the arguments that make this trigger again."""
        arguments = {**self.waiting_arguments(), "poke_interval": self.poke_interval, **self.hook_arguments()}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    def hook_arguments(self) -> dict[str, Any]:
        """Return the arguments from which the hook is made."""
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

    @asynccontextmanager
    async def looks(self) -> AsyncIterator[AliasLooks]:
        """Join the triggers of this process that look at the same repository through the same connection."""
        hook, identity = await sync_to_async(self._make_hook)()
        async with shared_looks(hook, identity) as looks:
            yield looks

    def _make_hook(self) -> tuple[VersionedRepositoryHook, str]:
        """Load the hook, and read the connection; both take time in which other triggers shall run."""
        from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook  # noqa: PLC0415 -- loads AWS libraries

        hook = VersionedRepositoryHook(**self.hook_arguments())
        identity = hook.identity
        # Made here, for the event loop must not wait for it: up to Python 3.11 a cached_property has one lock for all
        # instances, and a thread that reads the connection of another hook may hold it while it needs the event loop.
        _ = hook.repository
        return hook, identity

    def _wait_secs(self, failures: int) -> float:
        """Return the seconds until the next look, after so many failed ones in a row."""
        longest = max(_LONGEST_BACKOFF_SECS, self.poke_interval)
        return max(min(self.poke_interval * 2.0 ** min(failures, 16), longest), _SHORTEST_WAIT_SECS)

    def _pause(self, failures: int) -> float:
        """Return the same, a little shorter or longer."""
        return self._wait_secs(failures) * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 -- not for secrets
