"""What this process uses: memory and CPU, as Linux tells."""

from __future__ import annotations

import re
from pathlib import Path

_STATUS = Path("/proc/self/status")
_KIBIBYTE = 1024


def resident() -> int:
    """Return the resident bytes now, and begin to look for their peak."""
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak
    return _bytes("VmRSS")


def peak() -> int:
    """Return the most resident bytes since :func:`resident` was called."""
    return _bytes("VmHWM")


def _bytes(what: str) -> int:
    found = re.search(rf"^{what}:\s+([0-9]+) kB", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
    if found is None:
        raise OSError(f"{_STATUS} does not say {what}; benchmarks of memory need Linux.")
    return int(found[1]) * _KIBIBYTE
