"""What this process left behind last, so that its next write of the same thing need not read first.

Only a guess of what a write will find: every write is on the condition that it is so, and one that is refused reads and
tries again. A guess is handed out once, so that of many threads at the same thing only one is refused for it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class LastSeen(Generic[Key, Value]):
    """Remembers a value for each of the keys used most lately; may be shared between threads."""

    def __init__(self, max_entries: int = 1000) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, key: Key, value: Value) -> None:
        """Remember a value in place of what was remembered."""
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)

    def take(self, key: Key) -> Value | None:
        """Return what is remembered, and forget it."""
        with self._lock:
            return self._entries.pop(key, None)
