"""One table serves one repository: a second one on it is refused by whatever it does first, and changes nothing."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import PurgeDecision, PurgePlan, Repository, WrongRepositoryError
from tests.servers import MOTO, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.repository.store import Store
    from tests.servers import Aws, PlaceArguments

NOW = datetime.now(UTC)
PLAN = PurgePlan("model", NOW, 0, 0, (PurgeDecision("1", purge=True, rule="expired", reason=""),))
OPERATIONS: dict[str, Callable[[Repository], object]] = {
    "bootstrap": lambda repository: repository.bootstrap(),
    "put": lambda repository: repository.put_artifact("model", b"other"),
    "publish": lambda repository: repository.publish_artifact_version("model"),
    "publish content": lambda repository: repository.publish_artifact_version("model", content=b"other"),
    "get": lambda repository: repository.get_artifact_version("model"),
    "list": lambda repository: repository.list_artifact_versions("model"),
    "delete": lambda repository: repository.delete_artifact_version("model", 2),
    "delete nothing": lambda repository: repository.delete_artifact_version("nothing"),
    "restore": lambda repository: repository.restore_artifact_version("model", 3),
    "put_alias": lambda repository: repository.put_alias("model", "prod", 2),
    "get_alias": lambda repository: repository.get_alias("model", "prod"),
    "list_aliases": lambda repository: repository.list_aliases("model"),
    "rollback": lambda repository: repository.rollback_alias("model", "prod", to_version=2),
    "delete_alias": lambda repository: repository.delete_alias("model", "prod"),
    "history": lambda repository: list(repository.list_alias_history("model", "prod")),
    "alias at": lambda repository: repository.get_alias_at("model", "prod", NOW),
    "plan_purge": lambda repository: repository.plan_purge("model", 0, 0),
    "apply_purge": lambda repository: repository.apply_purge(PLAN),
    "purge": lambda repository: repository.purge_artifact_versions("model", 0, 0),
    "purge_artifact": lambda repository: repository.purge_artifact("model"),
    "purge_all": lambda repository: repository.purge_all(),
}


def filled(repository: Repository) -> None:
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("model", content=content)
    repository.put_alias("model", "prod", 1)
    repository.delete_artifact_version("model", 3)


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_second_repository_is_refused_by_its_first_operation_and_changes_nothing(
    repository: Repository, store: Store, operation: str
) -> None:
    filled(repository)
    place: PlaceArguments = {**store.place, "s3_prefix": "other"}
    second = Repository(**place, s3_client=store.aws.s3, dynamodb_client=store.aws.dynamodb)

    for _ in range(2):  # it is no wiser at the second try
        with store.unchanged(), pytest.raises(WrongRepositoryError, match="give each repository a table of its own"):
            OPERATIONS[operation](second)


@pytest.mark.parametrize("part", ["s3_bucket", "s3_prefix", "suffix"])
def test_each_part_of_the_place_tells_repositories_apart(repository: Repository, store: Store, part: str) -> None:
    filled(repository)
    other = {**store.place, part: "other.bucket" if part == "s3_bucket" else "other"}
    second = Repository(**other, s3_client=store.aws.s3, dynamodb_client=store.aws.dynamodb)  # type: ignore[arg-type] # a place with one part changed

    with store.unchanged(), pytest.raises(WrongRepositoryError) as caught:
        second.bootstrap(**store.aws.bootstrap_arguments)
    with store.unchanged(), pytest.raises(WrongRepositoryError):
        second.publish_artifact_version("model", content=b"other")
    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 -- our own bytes
    assert error.serves == (store.bucket, "artifacts", ".bin")
    assert "other.bucket" not in {bucket["Name"] for bucket in store.aws.s3.list_buckets()["Buckets"]}


@pytest.mark.parametrize("prefix", ["/artifacts/", "artifacts//"])
def test_same_place_in_other_words_is_the_same_repository(repository: Repository, store: Store, prefix: str) -> None:
    filled(repository)
    place: PlaceArguments = {**store.place, "s3_prefix": prefix}
    same = Repository(**place, s3_client=store.aws.s3, dynamodb_client=store.aws.dynamodb)

    assert same.list_artifact_versions("model") == repository.list_artifact_versions("model")


@pytest.mark.backends(*TRANSACTIONAL)
def test_two_repositories_that_bootstrap_one_table_at_once_find_one_winner(
    aws: Aws, unique_place: PlaceArguments
) -> None:
    def bootstrap(prefix: str) -> str:
        place: PlaceArguments = {**unique_place, "s3_prefix": prefix}
        try:
            Repository(**place, s3_client=aws.s3, dynamodb_client=aws.dynamodb).bootstrap(**aws.bootstrap_arguments)
        except WrongRepositoryError:
            return "refused"
        return prefix

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(bootstrap, ["a", "b", "a", "b"]))
    winners = set(outcomes) - {"refused"}
    assert len(winners) == 1
    assert outcomes.count("refused") == 2
