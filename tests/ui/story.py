"""Fills a repository with what weeks of work leave: versions, promotions, a rollout, a rollback, deletions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import time_machine

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws

NAME = "churn-model"
BUILT_BY = "airflow:release_model/scheduled__2026-11-{day:02d}T04:00:00+00:00/publish"
PROMOTED_BY = "airflow:release_model/manual__2026-11-20T09:12:44+00:00/promote"


def days_ago(days: float) -> datetime:
    """Return a moment in the past."""
    return datetime.now(UTC) - timedelta(days=days)


def tell(repository: Repository, aws: Aws, name: str = NAME, versions: int = 9) -> None:
    """Fill the repository."""
    for number in range(1, versions + 1):
        content = b"weights" * (1000 + 137 * number)
        author = BUILT_BY.format(day=number)
        repository.publish_artifact_version(name, content=content, published_by=author)
        date_version(repository, aws, name, number, days_ago(3.5 * (versions - number) + 0.4))
    history = [
        (29.0, "prod", 1, None, None, "first model in production"),
        (28.5, "staging", 2, None, None, None),
        (22.0, "prod", 2, None, None, "better recall on new customers"),
        (19.0, "staging", 4, None, None, "November features"),
        (15.1, "prod", 2, 4, 5, "canary of the November features"),
        (15.0, "prod", 2, 4, 25, "canary of the November features"),
        (14.4, "prod", 2, 4, 50, "canary of the November features"),
        (14.0, "prod", 4, None, None, "canary passed"),
        (9.0, "staging", 6, None, None, None),
        (7.6, "prod", 4, 6, 10, "canary of model 6"),
        (6.0, "prod", 6, None, None, "canary passed"),
        (2.2, "staging", versions, None, None, "candidate for this week"),
    ]
    for days, alias, version, secondary, weight, reason in history:
        with time_machine.travel(days_ago(days)):
            repository.put_alias(name, alias, version, secondary, weight, reason=reason, changed_by=PROMOTED_BY)
    with time_machine.travel(days_ago(5)):
        repository.rollback_alias(name, "prod", reason="conversions fell", changed_by="airflow-user:ann")
    with time_machine.travel(days_ago(3)):
        repository.put_alias(name, "nightly", versions, reason="for the nightly batch", changed_by="airflow-user:ann")
    begin_rollout(repository, name, versions)
    repository.protect(name, 2, "the audit of 2026 refers to it")
    repository.delete_artifact_version(name, 3)


def begin_rollout(repository: Repository, name: str, canary: int) -> None:
    """Bring ``prod`` to the second step of a rollout, judged once."""
    rollout_id = "release_model/manual__2026-11-22T18:00:00+00:00/prod"
    with time_machine.travel(days_ago(0.12)):
        repository.start_rollout(
            name,
            "prod",
            canary,
            (5, 25, 50),
            rollout_id=rollout_id,
            reason="candidate of this week",
            started_by=PROMOTED_BY,
        )
    for ago, weight in ((0.1, 5), (0.05, 25)):
        with time_machine.travel(days_ago(ago)):
            repository.shift_rollout(name, "prod", weight, rollout_id=rollout_id, changed_by=PROMOTED_BY)
    with time_machine.travel(days_ago(0.01)):
        numbers = {"stable": {"uses": 9120, "failures": 201}, "canary": {"uses": 3040, "failures": 58}, "p_worse": 0.31}
        judged_at = days_ago(0.01).isoformat()
        judgement = {"verdict": "inconclusive", "numbers": numbers, "judged_at": judged_at, "weight": 25}
        repository.record_judgement(name, "prod", judgement, rollout_id=rollout_id)


def date_version(repository: Repository, aws: Aws, name: str, number: int, at: datetime) -> None:
    """Let a version look as if it had been published then; the local servers know only the present."""
    aws.dynamodb.update_item(
        TableName=repository.dynamodb_table_name,
        Key={"pk": {"S": name}, "sk": {"S": f"{number:06d}"}},
        UpdateExpression="SET update_at = :at",
        ExpressionAttributeValues={":at": {"S": at.strftime("%Y-%m-%dT%H:%M:%S.%f+0000")}},
    )
