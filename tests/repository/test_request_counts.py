"""How many requests each operation sends, and that the number does not grow with the artifact."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers import MOTO, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store
    from tests.repository.traffic import Traffic


@pytest.fixture
def watched(store: Store, traffic: Traffic) -> Repository:
    """A repository whose first use is over, on clients of its own."""
    repository = traffic.repository(store.aws, store.place)
    repository.list_aliases("other")
    return repository


def fabricate(store: Store, name: str, count: int) -> None:
    """Make versions up to a number, as items only."""
    requests = [
        {
            "PutRequest": {
                "Item": {
                    "pk": {"S": name},
                    "sk": {"S": f"{number:06d}"},
                    "update_at": {"S": "2026-01-01T00:00:00.000000+0000"},
                    "is_deleted": {"BOOL": False},
                    "sha256": {"S": f"{number:064d}"},
                }
            }
        }
        for number in range(1, count + 1)
    ]
    for start in range(0, count, 25):
        store.aws.dynamodb.batch_write_item(RequestItems={store.table: requests[start : start + 25]})  # type: ignore[dict-item] # plain requests


def bodies(traffic: Traffic) -> list[tuple[str, dict[str, Any]]]:
    """Return operation and body of the requests to DynamoDB."""
    return [
        (operation, json.loads(str(request.body, "utf-8")))  # type: ignore[arg-type] # DynamoDB's bodies are bytes
        for operation, request in zip(traffic.operations, traffic.requests, strict=True)
        if "X-Amz-Target" in request.headers
    ]


def test_put_of_new_content_takes_three_requests(watched: Repository, traffic: Traffic) -> None:
    for content in (b"one", b"two"):
        assert traffic.of(partial(watched.put_artifact, "model", content)) == ["UpdateItem", "PutObject", "UpdateItem"]


def test_put_of_unchanged_content_takes_one_request(watched: Repository, traffic: Traffic) -> None:
    watched.put_artifact("model", b"one")

    assert traffic.of(lambda: watched.put_artifact("model", b"one")) == ["UpdateItem"]


def test_publish_of_latest_takes_four_requests(watched: Repository, traffic: Traffic) -> None:
    for content in (b"one", b"two"):
        watched.put_artifact("model", content)
        sent = traffic.of(partial(watched.publish_artifact_version, "model"))
        assert sent == ["BatchGetItem", "TransactWriteItems", "CopyObject", "PutItem"]


def test_publish_of_given_content_takes_six_requests(watched: Repository, traffic: Traffic) -> None:
    for content in (b"one", b"two"):
        publish = partial(watched.publish_artifact_version, "model", content=content, idempotency_key="task")
        sent = traffic.of(publish)
        assert len(sent) <= 6
        assert sent.count("PutObject") == 1  # the bytes go up once


def test_publish_repeated_under_its_key_takes_two_requests(watched: Repository, traffic: Traffic) -> None:
    watched.publish_artifact_version("model", content=b"one", idempotency_key="task")

    sent = traffic.of(lambda: watched.publish_artifact_version("model", content=b"one", idempotency_key="task"))
    assert sent == ["BatchGetItem", "GetItem"]


@pytest.mark.parametrize("split", [(1, None, None), (1, 2, 5), (2, "LATEST", 50), ("LATEST", 1, 0)])
def test_put_alias_takes_two_requests_with_any_split(
    watched: Repository, traffic: Traffic, split: tuple[int | str, int | str | None, int | None]
) -> None:
    for content in (b"one", b"two", b"three"):
        watched.publish_artifact_version("model", content=content)
    watched.put_alias("model", "prod", 3)

    for alias in ("new", "prod"):
        move = partial(watched.put_alias, "model", alias, *split, reason="why", idempotency_key="task")
        assert traffic.of(move) == ["BatchGetItem", "TransactWriteItems"]
    sent = traffic.of(lambda: watched.put_alias("model", "prod", *split))
    assert sent == ["TransactWriteItems"]  # which only confirms that alias and targets are there


def test_reads_of_one_record_take_one_request_also_as_the_first_of_all(
    watched: Repository, store: Store, traffic: Traffic
) -> None:
    watched.publish_artifact_version("model", content=b"one")
    watched.put_alias("model", "prod", 1)
    reads: list[Callable[[Repository], object]] = [
        lambda repository: repository.get_alias("model", "prod"),
        lambda repository: repository.get_artifact_version("model", 1),
        lambda repository: repository.get_artifact_version("model"),
    ]

    for read in reads:
        assert len(traffic.of(partial(read, watched))) == 1
        assert len(traffic.of(partial(read, traffic.repository(store.aws, store.place)))) == 1
    assert len(traffic.of(watched.get_artifact_version("model", 1).get_content)) == 1


def test_constructing_a_repository_sends_nothing(store: Store, traffic: Traffic) -> None:
    assert traffic.of(lambda: traffic.repository(store.aws, store.place)) == []


def test_first_use_costs_at_most_one_request_more(store: Store, traffic: Traffic) -> None:
    repository = traffic.repository(store.aws, store.place)
    assert len(traffic.of(lambda: repository.put_artifact("model", b"one"))) <= 4
    assert len(traffic.of(lambda: repository.put_artifact("model", b"two"))) == 3


@pytest.mark.backends(*TRANSACTIONAL)  # moto takes seconds for a large transaction
def test_purge_of_100_versions_takes_four_requests(watched: Repository, store: Store, traffic: Traffic) -> None:
    fabricate(store, "model", 110)

    sent = traffic.of(lambda: watched.purge_artifact_versions("model", keep_last_n=10, purge_older_than_secs=0))
    assert len(sent) <= 4
    assert len(watched.list_artifact_versions("model")) == 10


@pytest.mark.backends(*TRANSACTIONAL)  # moto takes seconds for a large transaction
def test_purge_artifact_takes_requests_by_hundreds_not_by_versions(
    watched: Repository, store: Store, traffic: Traffic
) -> None:
    fabricate(store, "model", 110)

    assert len(traffic.of(lambda: watched.purge_artifact("model"))) <= 12


@pytest.mark.backends(*TRANSACTIONAL)
@pytest.mark.parametrize("count", [0, 3, 300])
def test_publish_and_promote_cost_the_same_at_any_number_of_versions(
    watched: Repository, store: Store, traffic: Traffic, count: int
) -> None:
    fabricate(store, "model", count)
    watched.publish_artifact_version("model", content=b"first")  # finds the highest number, once

    operations: list[tuple[int, Callable[[], object]]] = [
        (6, lambda: watched.publish_artifact_version("model", content=b"two")),
        (4, lambda: watched.publish_artifact_version("model")),
        (5, lambda: watched.publish_artifact_version("model", idempotency_key="task")),
        (7, lambda: watched.publish_artifact_version("model", content=b"three", if_changed=True)),
        (2, lambda: watched.put_alias("model", "prod", count + 1)),
        (2, lambda: watched.put_alias("model", "prod", count + 1, count + 2, 5)),
        (4, lambda: watched.rollback_alias("model", "prod")),
        (1, lambda: watched.get_alias("model", "prod")),
        (1, lambda: watched.get_artifact_version("model", count + 1)),
        (2, lambda: watched.delete_artifact_version("model", count + 2)),
        (1, lambda: watched.restore_artifact_version("model", count + 2)),
    ]
    costs = [(len(traffic.of(operation)), limit) for limit, operation in operations]
    assert all(cost <= limit for cost, limit in costs), costs
    assert watched.get_artifact_version("model", count + 5).get_content() == b"three"


@pytest.mark.backends(MOTO)
def test_no_read_of_records_is_only_eventually_consistent(watched: Repository, traffic: Traffic) -> None:
    watched.publish_artifact_version("model", content=b"one", idempotency_key="task", if_changed=True)
    watched.put_alias("model", "prod", 1)
    traffic.of(lambda: None)
    watched.get_artifact_version("model")
    watched.list_artifact_versions("model")
    watched.publish_artifact_version("model", if_changed=True)
    list(watched.list_alias_history("model", "prod"))
    watched.purge_artifact_versions("model", 0, 0)
    watched.purge_all()

    reads = [body for operation, body in bodies(traffic) if operation in {"GetItem", "BatchGetItem", "Query", "Scan"}]
    assert len(reads) >= 6
    tables = [entry for body in reads for entry in body.get("RequestItems", {"": body}).values()]
    assert all(entry["ConsistentRead"] is True for entry in tables)


@pytest.mark.backends(MOTO)
def test_every_write_of_a_record_has_a_condition(watched: Repository, traffic: Traffic) -> None:
    traffic.of(lambda: None)
    watched.publish_artifact_version("model", content=b"one", idempotency_key="task")
    watched.put_alias("model", "prod", 1, "LATEST", 5, idempotency_key="task")
    watched.rollback_alias("model", "prod", to_version=1)
    watched.delete_alias("model", "prod")
    watched.delete_artifact_version("model", 1)
    watched.restore_artifact_version("model", 1)
    watched.purge_artifact("model")

    writes = [body for operation, body in bodies(traffic) if operation in {"PutItem", "UpdateItem", "DeleteItem"}]
    for operation, body in bodies(traffic):
        if operation == "TransactWriteItems":
            writes += [write for entry in body["TransactItems"] for write in entry.values()]
    free = [write for write in writes if "ConditionExpression" not in write]
    assert len(writes) >= 20
    assert free == []


@pytest.mark.backends(MOTO)
def test_every_write_of_an_object_but_a_claimed_one_names_what_it_replaces(
    watched: Repository, traffic: Traffic
) -> None:
    traffic.of(lambda: None)
    for content in (b"one", b"two"):
        watched.put_artifact("model", content)
    watched.publish_artifact_version("model")
    watched.publish_artifact_version("model", content=b"three").get_content()
    watched.get_artifact_version("model").get_content()
    watched.purge_artifact("model")

    conditions = {"if-match", "if-none-match", "x-amz-copy-source-if-match"}
    sent = [
        (
            operation,
            request.url.rpartition("/")[2].partition(".")[0],
            sorted(conditions & {*map(str.lower, request.headers)}),
        )
        for operation, request in zip(traffic.operations, traffic.requests, strict=True)
        if operation in {"PutObject", "CopyObject", "GetObject", "DeleteObject"}
    ]
    assert sent == [
        ("PutObject", "LATEST", ["if-none-match"]),
        ("PutObject", "LATEST", ["if-match"]),
        ("CopyObject", "000001", ["x-amz-copy-source-if-match"]),
        ("PutObject", "000002", []),
        ("CopyObject", "LATEST", ["if-match", "x-amz-copy-source-if-match"]),
        ("GetObject", "000002", []),
        ("GetObject", "LATEST", ["if-match"]),
        ("DeleteObject", "LATEST", ["if-match"]),
    ]
