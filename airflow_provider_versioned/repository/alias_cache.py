"""A short memory of aliases for a process that routes many requests, so that not each of them reads the table.

Decides only how old an answer may be; what an alias says and where it leads is told elsewhere.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from airflow_provider_versioned.repository.errors import AliasNotFoundError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository.model import Alias


class AliasReader(Protocol):
    """What reads an alias: a :class:`~airflow_provider_versioned.repository.Repository`."""

    def get_alias(self, name: str, alias: str) -> Alias:
        """Read an alias."""


class AliasCache:
    """Reads aliases through a memory in this process; may be shared between threads.

    An answer is never older than ``max_age_secs``, counted from before it was asked for; after a promotion or a
    rollback, readers follow within that time. Past it the alias is read again, and if that fails the error is the
    caller's: nothing stale is served. That an alias does not exist is not remembered.

    Args:
        repository: Where aliases are read.
        max_age_secs: How old an answer may be, in seconds.
        max_entries: How many aliases are remembered; beyond it, the one least recently asked for is forgotten.
        clock: Monotonic seconds.

    Raises:
        InvalidInputError: The age or the number of entries is not positive.
    """

    def __init__(
        self,
        repository: AliasReader,
        max_age_secs: float = 5.0,
        *,
        max_entries: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not max_age_secs > 0 or not max_entries > 0:
            raise InvalidInputError(
                f"max_age_secs and max_entries must be positive, got {max_age_secs!r} and {max_entries!r}."
            )
        self._repository = repository
        self._max_age_secs = max_age_secs
        self._max_entries = max_entries
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[str, str], tuple[float, Alias]] = OrderedDict()

    def get_alias(self, name: str, alias: str) -> Alias:
        """Return an alias, from memory if that is young enough.

        Raises:
            AliasNotFoundError: It does not exist.
        """
        key, asked_at = (name, alias), self._clock()
        with self._lock:
            known = self._answers.get(key)
            if known is not None and asked_at - known[0] < self._max_age_secs:
                self._answers.move_to_end(key)
                return known[1]
        try:
            answer = self._repository.get_alias(name, alias)
        except AliasNotFoundError:
            self.forget(name, alias)
            raise
        self._keep(key, asked_at, answer)
        return answer

    def forget(self, name: str, alias: str) -> None:
        """Read this alias anew the next time, say, after moving it."""
        with self._lock:
            self._answers.pop((name, alias), None)

    def _keep(self, key: tuple[str, str], asked_at: float, answer: Alias) -> None:
        with self._lock:
            known = self._answers.get(key)
            if known is not None and known[0] > asked_at:
                return  # another thread asked later and was answered earlier
            self._answers[key] = (asked_at, answer)
            self._answers.move_to_end(key)
            while len(self._answers) > self._max_entries:
                self._answers.popitem(last=False)
