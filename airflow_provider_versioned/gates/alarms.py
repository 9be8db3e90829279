"""Alarms of Amazon CloudWatch as a gate: a rollout goes on while they are quiet."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_versioned.hooks import VersionedRepositoryHook
    from airflow_provider_versioned.rollout import CanaryStep

_VERDICTS = {"ALARM": Verdict.FAILURE, "INSUFFICIENT_DATA": Verdict.INCONCLUSIVE, "OK": Verdict.SUCCESS}
_WORST_FIRST = (Verdict.FAILURE, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.SUCCESS)
_TOGETHER = 100  # names that one DescribeAlarms takes


@dataclass(frozen=True)
class CloudWatchAlarmJudge:
    """A check for :func:`staged_promotion`: ``check=CloudWatchAlarmJudge(["errors", "latency"])``.

    One alarm in state ALARM is a failure. A name that no alarm has is an error: a gate must not be open because of a
    slip of the pen. INSUFFICIENT_DATA is inconclusive. All OK is success. Metric alarms and composite alarms alike; the
    account and region are those of the connection. Needs the permission ``cloudwatch:DescribeAlarms``.

    Args:
        alarm_names: Whole names, not templated.
        aws_conn_id: Connection to the account of the alarms; None: that of the rollout.
        region_name: Region of the alarms; None: that of the connection.
    """

    alarm_names: Sequence[str]
    aws_conn_id: str | None = None
    region_name: str | None = None

    def __post_init__(self) -> None:
        names = [self.alarm_names] if isinstance(self.alarm_names, str) else list(self.alarm_names)
        if not names or not all(isinstance(name, str) and name for name in names):
            raise InvalidInputError(f"alarm_names must be one or more names of alarms, got {self.alarm_names!r}.")
        object.__setattr__(self, "alarm_names", tuple(dict.fromkeys(names)))

    def __call__(self, step: CanaryStep, hook: VersionedRepositoryHook) -> Judgement:  # noqa: ARG002 -- how checks are called
        """Look at the alarms, and judge."""
        return judge_alarms(self.alarm_names, self._states(hook))

    def _states(self, hook: VersionedRepositoryHook) -> dict[str, dict[str, Any]]:
        from airflow_provider_versioned.hooks import VersionedRepositoryHook  # noqa: PLC0415 -- loads AWS libraries
        from airflow_provider_versioned.repository.aws import translated  # noqa: PLC0415 -- as above

        if self.aws_conn_id is not None or self.region_name is not None:
            conn_id = hook.aws_conn_id if self.aws_conn_id is None else self.aws_conn_id
            hook = VersionedRepositoryHook(conn_id, region_name=self.region_name)
        client: Any = hook.aws_hook("cloudwatch").conn
        pages = client.get_paginator("describe_alarms").paginate
        found: dict[str, dict[str, Any]] = {}
        for names in _parts(self.alarm_names):
            with translated("Reading the state of alarms", f"CloudWatch alarms {', '.join(names)}"):
                # Without AlarmTypes, CloudWatch leaves composite alarms out.
                for page in pages(AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
                    alarms = itertools.chain(page.get("MetricAlarms", []), page.get("CompositeAlarms", []))
                    found |= {alarm["AlarmName"]: _told(alarm) for alarm in alarms}
        return found


def judge_alarms(names: Sequence[str], found: dict[str, dict[str, Any]]) -> Judgement:
    """Judge the states of alarms; pure.

    Args:
        found: By name, with ``state``; names that are no alarms are not in it.
    """
    missing = [name for name in names if name not in found]
    verdicts = {name: _VERDICTS.get(found[name]["state"], Verdict.ERROR) for name in names if name in found}
    worst = min([*verdicts.values(), *(Verdict.ERROR for _ in missing)], key=_WORST_FIRST.index)
    detail = {name: found.get(name, {"state": "missing"}) for name in names}
    if worst is Verdict.SUCCESS:
        return Judgement(worst, detail)
    if worst is Verdict.ERROR and missing:
        return Judgement(worst, detail, f"there is no alarm {', '.join(map(repr, missing))} in this account and region")
    named = ", ".join(f"alarm {name!r} is {found[name]['state']}" for name in verdicts if verdicts[name] is worst)
    return Judgement(worst, detail, named)


def _told(alarm: dict[str, Any]) -> dict[str, Any]:
    since = alarm.get("StateUpdatedTimestamp")
    told = {"state": alarm["StateValue"], "since": since.isoformat() if since else None}
    return {**told, "reason": alarm["StateReason"]} if alarm.get("StateReason") else told


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _TOGETHER] for start in range(0, len(names), _TOGETHER))
