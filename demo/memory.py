"""How much memory the demo takes at most, with everything it started."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from demo.processes import tree_memory_bytes

if TYPE_CHECKING:
    from typing import Self

INTERVAL_SECS = 2.0


class MemoryWatch:
    """Looks every two seconds, in a thread that does nothing else."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(INTERVAL_SECS):
            self.peak_bytes = max(self.peak_bytes, tree_memory_bytes() or 0)
