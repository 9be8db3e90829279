"""Revisions: opaque ids of single writes, which tell when the write began."""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime, timedelta

_HEX = re.compile(r"[0-9a-f]{32}")
_TIME_DIGITS = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_3000 = 32_503_680_000_000  # in milliseconds; no revision of ours is from later


def new_revision() -> str:
    """Return a fresh id for one write."""
    return f"{time.time_ns() // 1_000_000:0{_TIME_DIGITS}x}{secrets.token_hex(10)}"


def begun_at(revision: str | None) -> datetime | None:
    """Return when a revision was made, by its writer's clock; None when it does not tell, as one of another tool."""
    if revision is None or not _HEX.fullmatch(revision):
        return None
    milliseconds = int(revision[:_TIME_DIGITS], 16)
    return _EPOCH + timedelta(milliseconds=milliseconds) if milliseconds < _YEAR_3000 else None
