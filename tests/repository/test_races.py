"""Many threads at once on servers whose transactions are real: one winner, nothing lost, nothing torn."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import (
    ArtifactNotFoundError,
    ConflictError,
    InUseError,
    Repository,
)
from tests.repository.invariants import Ledger
from tests.servers import TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.servers import Aws

pytestmark = pytest.mark.backends(*TRANSACTIONAL)


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run calls in a thread each, all released together; return their results or VersionedErrors in order."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return call()
        except (ConflictError, InUseError, ArtifactNotFoundError) as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def sibling(repository: Repository, aws: Aws) -> Repository:
    """Make another Repository of the same place with clients of its own, as another process has."""
    return Repository(
        repository.s3_bucket,
        repository.s3_prefix,
        repository.dynamodb_table_name,
        repository.suffix,
        s3_client=aws.new_s3(),
        dynamodb_client=aws.new_dynamodb(),
    )


def test_publish_content_by_many_at_once_each_gets_a_number_and_its_bytes(repository: Repository, aws: Aws) -> None:
    contents = [f"content {number}".encode() for number in range(12)]
    artifacts = at_once([partial(repository.publish_artifact_version, "m", content=content) for content in contents])
    assert sorted(int(artifact.version) for artifact in artifacts) == list(range(1, 13))
    assert [artifact.get_content() for artifact in artifacts] == contents
    assert repository.get_artifact_version("m").get_content() in contents
    Ledger().check(repository, aws.dynamodb, "m")


def test_publish_with_one_key_by_many_at_once_gives_one_version(repository: Repository, aws: Aws) -> None:
    siblings = [sibling(repository, aws) for _ in range(6)]
    artifacts = at_once(
        [partial(r.publish_artifact_version, "m", content=b"same", idempotency_key="task") for r in siblings]
    )
    assert {artifact.version for artifact in artifacts} == {"1"}
    assert [artifact.version for artifact in repository.list_artifact_versions("m")] == ["LATEST", "1"]
    Ledger().check(repository, aws.dynamodb, "m")


def test_put_and_publish_at_once_every_version_is_what_its_record_says(repository: Repository, aws: Aws) -> None:
    repository.put_artifact("m", b"first")
    puts = [partial(repository.put_artifact, "m", f"put {n}".encode() * 50) for n in range(6)]
    publishes = [lambda: repository.publish_artifact_version("m") for _ in range(6)]
    results = at_once([*puts, *publishes])
    versions = [result.version for result in results[6:] if not isinstance(result, Exception)]
    assert len(versions) == len(set(versions)) > 0
    Ledger().check(repository, aws.dynamodb, "m")


def test_promote_from_one_revision_by_many_at_once_one_wins_and_is_named(repository: Repository, aws: Aws) -> None:
    for content in (b"1", b"2"):
        repository.publish_artifact_version("m", content=content)
    revision = repository.put_alias("m", "prod", 1).revision
    results = at_once(
        [
            partial(repository.put_alias, "m", "prod", 2, if_revision=revision, changed_by=f"person {n}")
            for n in range(8)
        ]
    )
    winners = [result for result in results if not isinstance(result, Exception)]
    assert len(winners) == 1
    losers = [result for result in results if isinstance(result, ConflictError)]
    assert len(losers) == 7
    assert all(f"{winners[0].changed_by} moved it" in str(loser) and "version 2" in str(loser) for loser in losers)
    Ledger().check(repository, aws.dynamodb, "m")


def test_promote_without_revision_by_many_at_once_all_land_in_the_history(repository: Repository, aws: Aws) -> None:
    for content in (b"1", b"2", b"3"):
        repository.publish_artifact_version("m", content=content)
    repository.put_alias("m", "prod", 1)
    at_once([partial(repository.put_alias, "m", "prod", 1, 2 + n % 2, 10 + n) for n in range(8)])
    assert len(list(repository.list_alias_history("m", "prod"))) == 9
    Ledger().check(repository, aws.dynamodb, "m")


@pytest.mark.parametrize("round_", range(4))
def test_purge_and_promote_at_once_alias_never_dangles(repository: Repository, aws: Aws, round_: int) -> None:
    name = f"m{round_}"
    for number in range(6):
        repository.publish_artifact_version(name, content=str(number).encode())
    repository.put_alias(name, "prod", 6)
    promotions = [partial(repository.put_alias, name, "prod", v) for v in (1, 2, 3)]
    deletions = [partial(repository.delete_artifact_version, name, v) for v in (1, 2, 3)]
    at_once([*promotions, *deletions, lambda: repository.purge_artifact_versions(name, 1, 0)])
    Ledger().check(repository, aws.dynamodb, name)


def test_purge_artifact_and_publish_at_once_nothing_is_half_there(repository: Repository, aws: Aws) -> None:
    for content in (b"1", b"2"):
        repository.publish_artifact_version("m", content=content)
    publishes = [partial(repository.publish_artifact_version, "m", content=f"new {n}".encode()) for n in range(4)]
    results = at_once([*publishes, lambda: repository.purge_artifact("m")])
    versions = [int(result.version) for result in results[:4]]
    assert len(set(versions)) == 4
    assert min(versions) > 2
    Ledger().check(repository, aws.dynamodb, "m")
    assert int(repository.publish_artifact_version("m", content=b"later").version) > max(versions)
