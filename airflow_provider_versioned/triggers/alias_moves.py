"""Watching an alias for as long as a Dag is scheduled on it: what the triggerer runs for an ``AssetWatcher``.

Decides what is kept of what was seen, and when. Which changes are new, and which of them are moves, is
:mod:`~airflow_provider_versioned.repository.alias_moves`, with the sensor's own condition.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent
from asgiref.sync import sync_to_async

from airflow_provider_versioned.repository.alias_moves import Move, Seen, has_news, moves_since, seen_with
from airflow_provider_versioned.repository.errors import VersionedError
from airflow_provider_versioned.triggers.base import RepositoryTrigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_versioned.triggers.shared import AliasLooks

# By then the triggerer has written what was fired to the database: it does so about once a second.
HAND_OVER_SECS = 5.0


class AliasMovesTrigger(RepositoryTrigger):
    """Fires for every move of an alias, whoever made it, until the watcher goes away.

    The event's payload is the change as in the alias's history: ``name``, ``alias``, ``action``, ``version``,
    ``secondary_version``, ``secondary_version_weight``, ``revision``, ``sequence``, ``changed_at``, ``changed_by``,
    ``reason``, ``rollout``, ``approval``, and the ``weights`` of all versions after it and before it
    (``previous_weights``).

    What was moved before the first look is not told. From Airflow 3.3 on, what was seen is kept in the state store of
    the watched asset: moves made while no triggerer ran are told, one by one, when it runs again, and none twice,
    unless the triggerer dies in the seconds between firing and keeping; ``revision`` tells a repetition. Before 3.3 a
    trigger can keep nothing: what was moved while no triggerer ran is not told.

    It never gives up, since no task could hear of that: errors are logged and looked at again, ever more rarely.

    Args:
        include_canary: Fire also when only the secondary version or its weight changed.
        kwargs: Those of :class:`~airflow_provider_versioned.triggers.base.RepositoryTrigger`.
    """

    def __init__(self, *, name: str, alias: str, include_canary: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.include_canary = include_canary

    def waiting_arguments(self) -> dict[str, Any]:
        """Return what is watched."""
        return {"name": self.name, "alias": self.alias, "include_canary": self.include_canary}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look for ever."""
        seen, failures = await self._recall(), 0
        while True:
            try:
                async with self.looks() as looks:
                    if seen is None:
                        seen = await self._first_look(looks)
                        await self._keep(seen)
                    while True:
                        latest, moves = await self._look(looks, seen)
                        failures = 0
                        for move in moves:
                            yield TriggerEvent(move.to_dict())  # type: ignore[no-untyped-call] # Airflow has no types here
                        if moves:
                            await asyncio.sleep(HAND_OVER_SECS)
                        if latest != seen:
                            seen = latest
                            await self._keep(seen)
                        await asyncio.sleep(self._pause(failures))
            except VersionedError as error:
                failures += 1
                self.log.warning("%s Looking again.", error)
            await asyncio.sleep(self._pause(failures))

    async def _first_look(self, looks: AliasLooks) -> Seen:
        history = looks.hook.repository.list_alias_history
        newest = await sync_to_async(lambda: next(iter(history(self.name, self.alias)), None))()
        seen = seen_with(await looks.find(self.name, self.alias), newest)
        self.log.info("Watching alias %r of %r from version %s on.", self.alias, self.name, seen.version)
        return seen

    async def _look(self, looks: AliasLooks, seen: Seen) -> tuple[Seen, list[Move]]:
        """Return what is seen now, and the moves that have to be told."""
        alias = await looks.find(self.name, self.alias)
        if not has_news(seen, alias):
            return seen, []
        history = looks.hook.repository.list_alias_history
        changes = await sync_to_async(lambda: moves_since(seen, alias, history(self.name, self.alias)))()
        if not changes:
            # The library `versioned` deleted the alias: no history tells of it.
            return Seen(seen.sequence), []
        return changes[-1].after, [move for move in changes if move.counts(include_canary=self.include_canary)]

    async def _recall(self) -> Seen | None:
        store = self._store()
        if store is None:
            return None
        try:
            # Airflow 3.3.0 and 3.3.1 have the blocking methods only.
            get = store.aget if hasattr(store, "aget") else sync_to_async(store.get)
            stored = await get(self._store_key())
        except ValueError as error:
            self.log.warning("What was seen cannot be kept, because the trigger watches several assets: %s", error)
            return None
        return Seen.from_dict(stored) if stored else None

    async def _keep(self, seen: Seen) -> None:
        store = self._store()
        if store is None:
            return
        put = store.aset if hasattr(store, "aset") else sync_to_async(store.set)
        try:
            await put(self._store_key(), seen.to_dict())
        except ValueError:
            return  # told when it was to be recalled
        self.log.info("Alias %r of %r: kept that change %s was seen.", self.alias, self.name, seen.sequence)

    def _store(self) -> Any:
        return getattr(self, "asset_state_store", None)  # before Airflow 3.3 there is none

    def _store_key(self) -> str:
        watched = {**self.waiting_arguments(), **self.hook_arguments()}
        digest = hashlib.sha256(json.dumps(watched, sort_keys=True).encode()).hexdigest()
        return f"versioned-alias-moves-{digest[:24]}"
