"""The nine invariants, as far as an outsider sees them: through the public API, and in the raw items beside it.

Called after anything has happened, with a repository whose wire is sound.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.keys import alias_pk, is_version_sk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from airflow_provider_versioned.repository import Alias, AliasChange, Repository


class Ledger:
    """Remembers which bytes every version was ever seen with."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], str] = {}

    def check(self, repository: Repository, dynamodb: DynamoDBClient, name: str) -> None:
        """Assert that all invariants hold for an artifact."""
        self._check_versions(repository, name)
        check_aliases(repository, name)
        check_items(repository, dynamodb, name)

    def _check_versions(self, repository: Repository, name: str) -> None:
        for artifact in repository.list_artifact_versions(name):
            content = artifact.get_content()
            assert hashlib.sha256(content).hexdigest() == artifact.sha256
            assert repository.get_artifact_version(name, artifact.version) == artifact
            if artifact.version != "LATEST":
                known = self._seen.setdefault((name, artifact.version), artifact.sha256)
                assert known == artifact.sha256, f"version {artifact.version} changed"


def check_aliases(repository: Repository, name: str) -> None:
    """Assert that aliases point at live versions and that their histories replay to them."""
    live = {artifact.version for artifact in repository.list_artifact_versions(name)}
    for alias in repository.list_aliases(name):
        targets = {alias.version, alias.secondary_version} - {None}
        assert targets <= live, f"{alias.alias} points at {targets - live}, which is not live"
        history = list(repository.list_alias_history(name, alias.alias))
        assert [row.sequence for row in history] == list(range(len(history), 0, -1))
        newest = history[0]
        assert (newest.version, newest.secondary_version, newest.secondary_version_weight, newest.revision) == (
            alias.version,
            alias.secondary_version,
            alias.secondary_version_weight,
            alias.revision,
        )
        moments = [row.changed_at for row in history]
        assert moments == sorted(moments, reverse=True)


def check_items(repository: Repository, dynamodb: DynamoDBClient, name: str) -> None:
    """Assert that versions know exactly the aliases that point at them, and that nothing else is among them."""
    check_mentions(repository, dynamodb, name, repository.list_aliases(name))
    for item in _partition(repository, dynamodb, alias_pk(name)):
        assert "version" in item


def check_mentions(repository: Repository, dynamodb: DynamoDBClient, name: str, aliases: Sequence[Alias]) -> None:
    """Assert that versions know exactly these aliases, and that nothing but versions is in their partition."""
    pointing: dict[str, set[str]] = {}
    for alias in aliases:
        for version in {alias.version, alias.secondary_version} - {None}:
            pointing.setdefault(str(version), set()).add(alias.alias)
    for item in _partition(repository, dynamodb, name):
        assert is_version_sk(item["sk"]["S"])
        assert item["is_deleted"]["BOOL"] in {True, False}
        known = set(item.get("aliases", {}).get("SS", ()))
        assert known == pointing.get(item["sk"]["S"].lstrip("0"), set()), item


def _partition(repository: Repository, dynamodb: DynamoDBClient, pk: str) -> list[dict[str, Any]]:
    answer = dynamodb.query(
        TableName=repository.dynamodb_table_name,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": pk}},
        ConsistentRead=True,
    )
    return answer["Items"]


def visible(repository: Repository, name: str) -> dict[str, Any]:
    """Return everything that a reader can see of an artifact, without what differs from run to run."""
    return {
        "versions": {artifact.version: artifact.get_content() for artifact in repository.list_artifact_versions(name)},
        "aliases": {alias.alias: targets_of(alias) for alias in repository.list_aliases(name)},
        "history": {alias: rows_of(repository, name, alias) for alias in ("prod", "next")},
    }


def targets_of(alias: Alias | AliasChange) -> tuple[str | None, str | None, int | None]:
    """Return what an alias points at."""
    return alias.version, alias.secondary_version, alias.secondary_version_weight


def rows_of(repository: Repository, name: str, alias: str) -> list[tuple[object, ...]]:
    """Return an alias's history, newest change first, without what differs from run to run."""
    return [(row.action, *targets_of(row)) for row in repository.list_alias_history(name, alias)]
