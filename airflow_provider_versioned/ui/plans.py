"""Retention plans that are being paged through: kept for a moment, so that the next page is of the same plan."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import PurgePlan, Repository
    from airflow_provider_versioned.repository.retention import RetentionRule

_KEPT_SECS = 120.0
_MOST_KEPT = 8

_Key = tuple[str, str, str, "RetentionRule"]
_kept: OrderedDict[_Key, tuple[float, PurgePlan]] = OrderedDict()
_lock = threading.Lock()


def plan_of(repository: Repository, connection_id: str, name: str, rule: RetentionRule, *, anew: bool) -> PurgePlan:
    """Return what a rule would do.

    Args:
        anew: Plan now, also if a plan is kept.
    """
    key = (connection_id, repr(repository), name, rule)
    with _lock:
        until, plan = _kept.get(key, (0.0, None))
    if plan is not None and not anew and until > time.monotonic():
        return plan
    plan = repository.plan_purge(
        name,
        rule.keep_last_n,
        rule.purge_older_than_secs,
        keep_previous_secs=rule.keep_previous_secs,
        keep_published_secs=rule.keep_published_secs,
    )
    with _lock:
        _kept[key] = (time.monotonic() + _KEPT_SECS, plan)
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return plan
