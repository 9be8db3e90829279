"""A rollback while others move the same alias: it is decided by one moment of the alias, and of its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import Alias, ConflictError, InvalidInputError, Repository, VersionedError
from tests.repository.fault_wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Aws, PlaceArguments

    Call = Callable[[], Alias]


@pytest.fixture
def wire() -> Wire:
    """The wire of the one who is disturbed."""
    return Wire()


@pytest.fixture
def disturbed(repository: Repository, aws: Aws, unique_place: PlaceArguments, wire: Wire) -> Repository:
    """A repository beside the first one, with clients and a wire of its own."""
    s3, dynamodb = aws.new_s3(), aws.new_dynamodb()
    wire.join(s3, dynamodb)
    other = Repository(**unique_place, s3_client=s3, dynamodb_client=dynamodb)
    other.list_aliases(repository.s3_bucket)
    return other


def moved(repository: Repository, *versions: int) -> Alias:
    """Return an alias that was moved to these versions, one after the other."""
    for number in range(1, max(versions) + 1):
        repository.publish_artifact_version("m", content=str(number).encode())
    return [repository.put_alias("m", "prod", version) for version in versions][-1]


def told(call: Call) -> tuple[int | None, str] | type[VersionedError]:
    """Return what a call answers."""
    try:
        alias = call()
    except VersionedError as error:
        return type(error)
    return alias.sequence, alias.version


@pytest.mark.parametrize(("versions", "back"), [((1, 2), 1), ((1, 2, 3), 2), ((1, 2, 1), 2)])
@pytest.mark.parametrize("at", range(1, 6))
def test_rollback_of_a_revision_while_another_rolls_back_wins_or_is_a_conflict(
    repository: Repository, disturbed: Repository, wire: Wire, versions: tuple[int, ...], back: int, at: int
) -> None:
    alias = moved(repository, *versions)
    others = []

    def rolled_back_by_another(request: Any, send: Any) -> Any:
        others.append(told(lambda: repository.rollback_alias("m", "prod")))
        return send(request)

    wire.sent, wire.at, wire.fault = 0, at, rolled_back_by_another
    answer = told(lambda: disturbed.rollback_alias("m", "prod", if_revision=alias.revision))

    landed = (len(versions) + 1, str(back))
    assert (answer, others) in [(ConflictError, [landed]), (landed, [])]
    assert [row.action for row in repository.list_alias_history("m", "prod")].count("rollback") == 1


@pytest.mark.parametrize("first", [0, 1], ids=["alias read first", "bookkeeping read first"])
@pytest.mark.parametrize("demanded", [True, False])
def test_rollback_that_reads_the_alias_and_its_bookkeeping_at_different_moments_is_decided_by_one(
    repository: Repository, disturbed: Repository, monkeypatch: pytest.MonkeyPatch, first: int, demanded: bool
) -> None:
    alias = moved(repository, 1, 2, 1)
    table = disturbed._aliases._table
    read_at_once, read = table.get, [0]

    def read_apart(asked: str, *keys: Any) -> Any:
        monkeypatch.setattr(table, "get", read_at_once)
        read[0] += 1
        found = read_at_once(asked, keys[first])
        for _ in range(2):
            repository.rollback_alias("m", "prod")
        return {**found, **read_at_once(asked, keys[1 - first])}

    monkeypatch.setattr(table, "get", read_apart)
    answer = told(lambda: disturbed.rollback_alias("m", "prod", if_revision=alias.revision if demanded else None))

    assert read == [1]
    assert answer is (ConflictError if demanded else InvalidInputError)
    assert repository.get_alias("m", "prod").sequence == 5
