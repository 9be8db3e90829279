"""One client and one look for all triggers of a process that wait for aliases of the same repository.

A triggerer runs a thousand triggers in one event loop. Those whose connection and place are the same share an
:class:`AliasLooks`: it has one client; a look at an alias answers everyone who waits for that alias; and aliases whose
turn has come, or comes soon, are read together, up to 100 in one request. It lives from the first trigger to the last:
nothing of it is left when the last one ends, is cancelled, or fails.
"""

from __future__ import annotations

import asyncio
import copy
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from airflow_provider_versioned.repository.errors import AccessDeniedError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from airflow_provider_versioned.hooks.alias_reader import AliasReader, Pair
    from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook
    from airflow_provider_versioned.repository import Alias

MAX_TOGETHER = 100  # keys of one BatchGetItem
_GATHER_SECS = 0.02  # so long the first look of a trigger waits for those of others that start with it
_EARLY = 0.2  # by so much of its wait a look may come early, to go with others
_LEFT_OUT = 8  # times that DynamoDB may leave an alias out of its answer
_LEFT_OUT_SECS = 0.1

_looks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AliasLooks]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_looks(hook: VersionedRepositoryHook, key: str) -> AsyncIterator[AliasLooks]:
    """Join those in this event loop that look at the same repository.

    Args:
        hook: Leads to the repository, if this is the first to join.
        key: What tells the connection and the place apart from others.
    """
    of_loop = _looks.setdefault(asyncio.get_running_loop(), {})
    looks = of_loop.setdefault(key, AliasLooks(hook))
    looks.joined += 1
    try:
        yield looks
    finally:
        looks.joined -= 1
        if looks.joined == 0:
            del of_loop[key]
            # A trigger that is cancelled once more while it leaves must not leave the client open.
            await asyncio.shield(asyncio.create_task(looks.close()))


@dataclass
class _Wanted:
    """An alias that is to be read.

    Attributes:
        due: Loop time by which it must be read.
        early: Loop time from which on it may be read together with others.
        left_out: How often DynamoDB has left it out.
    """

    pair: Pair
    due: float
    early: float
    waiting: set[asyncio.Future[Alias | None]] = field(default_factory=set)
    left_out: int = 0


class AliasLooks:
    """Looks at aliases of one repository on behalf of many; belongs to one event loop.

    Attributes:
        joined: How many use it.
        hook: Leads to the repository.
    """

    def __init__(self, hook: VersionedRepositoryHook) -> None:
        self.joined = 0
        self.hook = hook
        self._loop = asyncio.get_running_loop()
        self._wanted: dict[Pair, _Wanted] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._reading: set[asyncio.Task[None]] = set()
        self._opened = AsyncExitStack()
        self._reader: asyncio.Task[AliasReader] | None = None
        self._together = MAX_TOGETHER

    async def find(self, name: str, alias: str, within_secs: float = 0.0) -> Alias | None:
        """Return an alias as it is between now and then, or None when it does not exist.

        The look begins after this call, after so many seconds at the latest; sooner, if somebody else needs the same
        alias sooner, or if by then four fifths of the time have passed and others are read.

        Raises:
            InvalidInputError: No such names are possible.
            StorageError: The look failed; everyone who waits for it is told.
        """
        self.hook.repository.alias_request(name, alias)  # refuses bad names, before others share the request
        now, waiting = self._loop.time(), self._loop.create_future()
        self._want((name, alias), now + within_secs, now + within_secs * (1 - _EARLY), {waiting})
        try:
            answer: Alias | None = await waiting
        finally:
            self._forget((name, alias), waiting)
        return answer

    async def close(self) -> None:
        """End what is under way, and close the client."""
        if self._timer is not None:
            self._timer.cancel()
        opening = {self._reader} if self._reader is not None else set()
        tasks: set[asyncio.Task[object]] = {*self._reading, *opening}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._opened.aclose()

    def _want(
        self, pair: Pair, due: float, early: float, waiting: Iterable[asyncio.Future[Alias | None]], left_out: int = 0
    ) -> None:
        wanted = self._wanted.setdefault(pair, _Wanted(pair, due, early))
        wanted.due, wanted.early = min(wanted.due, due), min(wanted.early, early)
        wanted.waiting.update(waiting)
        wanted.left_out = max(wanted.left_out, left_out)
        self._wake_at(wanted.due)

    def _forget(self, pair: Pair, waiting: asyncio.Future[Alias | None]) -> None:
        wanted = self._wanted.get(pair)
        if wanted is not None:
            wanted.waiting.discard(waiting)
            if not wanted.waiting:
                del self._wanted[pair]

    def _wake_at(self, due: float) -> None:
        if self._timer is not None and self._timer.when() <= due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(max(due, self._loop.time() + _GATHER_SECS), self._look)

    def _look(self) -> None:
        """Begin to read what is due, and with it what will be due soon."""
        self._timer, now = None, self._loop.time()
        going: list[_Wanted] = []
        if any(wanted.due <= now for wanted in self._wanted.values()):
            going = sorted((w for w in self._wanted.values() if w.early <= now), key=lambda wanted: wanted.due)
        for wanted in going:
            del self._wanted[wanted.pair]
        for start in range(0, len(going), self._together):
            task = self._loop.create_task(self._read(going[start : start + self._together]))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)
        if self._wanted:
            self._wake_at(min(wanted.due for wanted in self._wanted.values()))

    async def _read(self, going: Sequence[_Wanted]) -> None:
        try:
            found = await (await self._client()).find_many([wanted.pair for wanted in going])
        except AccessDeniedError as error:
            if len(going) == 1:
                _fail(going, error)
            else:
                await self._read_one_by_one(going)
        except Exception as error:  # noqa: BLE001 -- each who waits raises it
            _fail(going, error)
        else:
            for wanted in going:
                if wanted.pair in found:
                    _answer(wanted, found[wanted.pair])
                else:
                    self._try_again(wanted)

    async def _read_one_by_one(self, going: Sequence[_Wanted]) -> None:
        """Find out whether BatchGetItem is denied, or one of these aliases."""
        denied = False
        for wanted in going:
            try:
                _answer(wanted, await (await self._client()).find(*wanted.pair))
            except Exception as error:  # noqa: BLE001 -- as above
                denied = denied or isinstance(error, AccessDeniedError)
                _fail([wanted], error)
        if not denied:
            self._together = 1

    def _try_again(self, wanted: _Wanted) -> None:
        wanted.left_out += 1
        if wanted.left_out == _LEFT_OUT:
            said = "Reading alias {1!r} of {0!r} failed: DynamoDB left it out of its answer {2} times; try again later."
            error = StorageUnavailableError(said.format(*wanted.pair, _LEFT_OUT), code="UnprocessedKeys")
            _fail([wanted], error)
        elif waiting := {future for future in wanted.waiting if not future.done()}:
            due = self._loop.time() + _LEFT_OUT_SECS * 2.0**wanted.left_out
            self._want(wanted.pair, due, due, waiting, wanted.left_out)

    async def _client(self) -> AliasReader:
        """Open the client, once, however many need it; again, after it could not be opened."""
        if self._reader is None:
            self._reader = self._loop.create_task(self._open())
        opening = self._reader
        try:
            return await opening
        except Exception:
            if self._reader is opening:
                self._reader = None
            raise

    async def _open(self) -> AliasReader:
        return await self._opened.enter_async_context(self.hook.aread_aliases())


def _answer(wanted: _Wanted, alias: Alias | None) -> None:
    for waiting in wanted.waiting:
        if not waiting.done():
            waiting.set_result(alias)


def _fail(going: Iterable[_Wanted], error: Exception) -> None:
    """Have everyone who waits raise an error of their own: a traceback grows with each raise."""
    for wanted in going:
        for waiting in wanted.waiting:
            if not waiting.done():
                own = copy.copy(error)
                own.__cause__ = error.__cause__
                waiting.set_exception(own)
