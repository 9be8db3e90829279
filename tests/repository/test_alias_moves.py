"""Which moves of an alias are news to somebody, against a repository and the library ``versioned``."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository.alias_moves import (
    Move,
    Seen,
    has_news,
    move_to,
    moves_since,
    seen_with,
    weights,
)
from airflow_provider_versioned.repository.errors import AliasNotFoundError
from tests.repository.library import Library
from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_versioned.repository import Alias, AliasChange, Repository
    from tests.servers import Aws, PlaceArguments

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def versions(repository: Repository) -> Repository:
    """A repository with versions 1 to 3."""
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("model", content=content)
    return repository


@pytest.fixture
def library(aws: Aws, unique_place: PlaceArguments, monkeypatch: pytest.MonkeyPatch) -> Library:
    """The library on the same bucket and table."""
    return Library(aws, unique_place, monkeypatch)


class Watcher:
    """Somebody who looks now and then."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.seen = seen_with(self.alias(), next(self.history(), None))

    def alias(self) -> Alias | None:
        """Return the alias, if it is there."""
        try:
            return self.repository.get_alias("model", "prod")
        except AliasNotFoundError:
            return None

    def history(self) -> Iterator[AliasChange]:
        """Return its changes, newest first."""
        return iter(self.repository.list_alias_history("model", "prod"))

    def look(self) -> list[Move]:
        """Look as the trigger does."""
        alias = self.alias()
        if not has_news(self.seen, alias):
            return []
        moves = moves_since(self.seen, alias, self.history())
        self.seen = moves[-1].after if moves else Seen(self.seen.sequence)
        self.seen = Seen.from_dict(json.loads(json.dumps(self.seen.to_dict())))
        return moves


def versions_of(moves: list[Move], *, include_canary: bool = False) -> list[str | None]:
    """Return where the moves that count led."""
    return [move.change.version for move in moves if move.counts(include_canary=include_canary)]


def test_moves_before_the_first_look_are_no_news(versions: Repository) -> None:
    versions.put_alias("model", "prod", 1)

    assert Watcher(versions).look() == []


def test_each_move_is_news_once_in_its_order(versions: Repository) -> None:
    watcher = Watcher(versions)
    for version in (1, 2, 3):
        versions.put_alias("model", "prod", version)

    assert versions_of(watcher.look()) == ["1", "2", "3"]
    assert watcher.look() == []


def test_moves_to_and_fro_between_two_looks_are_all_news(versions: Repository) -> None:
    versions.put_alias("model", "prod", 1)
    watcher = Watcher(versions)
    for version in (2, 1):
        versions.put_alias("model", "prod", version)

    moves = watcher.look()

    assert versions_of(moves) == ["2", "1"]
    assert [weights(move.before) for move in moves] == [{"1": 100}, {"2": 100}]


def test_move_of_the_canary_alone_counts_for_those_who_want_it(versions: Repository) -> None:
    versions.put_alias("model", "prod", 1)
    watcher = Watcher(versions)
    versions.put_alias("model", "prod", 1, 2, 5)
    versions.put_alias("model", "prod", 1, 2, 25)
    versions.put_alias("model", "prod", 2)

    moves = watcher.look()

    assert versions_of(moves) == ["2"]
    assert versions_of(moves, include_canary=True) == ["1", "1", "2"]
    told = moves[1].to_dict()
    assert (told["weights"], told["previous_weights"]) == ({"1": 75, "2": 25}, {"1": 95, "2": 5})
    assert json.loads(json.dumps(told)) == told


def test_deletion_is_no_move_and_what_is_made_anew_is_one(versions: Repository) -> None:
    versions.put_alias("model", "prod", 1)
    watcher = Watcher(versions)
    versions.delete_alias("model", "prod")
    assert versions_of(watcher.look(), include_canary=True) == []
    assert watcher.look() == []

    versions.put_alias("model", "prod", 1)

    assert versions_of(watcher.look()) == ["1"]


def test_alias_that_did_not_exist_is_news_when_it_is_made(versions: Repository) -> None:
    watcher = Watcher(versions)
    assert watcher.look() == []

    versions.put_alias("model", "prod", 1)

    assert versions_of(watcher.look()) == ["1"]


def test_alias_that_was_deleted_before_the_first_look_tells_nothing_old(versions: Repository) -> None:
    versions.put_alias("model", "prod", 1)
    versions.delete_alias("model", "prod")
    watcher = Watcher(versions)
    versions.put_alias("model", "prod", 2)

    assert versions_of(watcher.look()) == ["2"]


def test_alias_after_a_purge_of_everything_is_news(versions: Repository) -> None:
    for version in (1, 2, 3):
        versions.put_alias("model", "prod", version)
    watcher = Watcher(versions)
    versions.delete_alias("model", "prod")
    watcher.look()
    versions.purge_artifact("model")
    versions.publish_artifact_version("model", content=b"anew")
    versions.put_alias("model", "prod", 4)

    assert versions_of(watcher.look()) == ["4"]
    assert watcher.look() == []


def test_move_by_the_library_is_news_once_also_when_the_history_takes_it_up(
    versions: Repository, library: Library
) -> None:
    versions.put_alias("model", "prod", 1)
    watcher = Watcher(versions)

    library.put_alias("model", "prod", 2)
    assert versions_of(watcher.look()) == ["2"]
    assert watcher.look() == []

    versions.put_alias("model", "prod", 3)
    assert [change.action for change in islice(watcher.history(), 2)] == ["put", "observed"]
    assert versions_of(watcher.look()) == ["3"]
    assert watcher.look() == []


def test_move_by_the_library_between_two_looks_is_news_with_ours(versions: Repository, library: Library) -> None:
    versions.put_alias("model", "prod", 1)
    watcher = Watcher(versions)
    library.put_alias("model", "prod", 2)
    versions.put_alias("model", "prod", 3)

    assert versions_of(watcher.look()) == ["2", "3"]


def test_deletion_by_the_library_is_no_move_and_what_is_made_anew_is_one(
    versions: Repository, library: Library
) -> None:
    versions.put_alias("model", "prod", 1)
    watcher = Watcher(versions)
    library.delete_alias("model", "prod")
    assert watcher.look() == []

    versions.put_alias("model", "prod", 1)

    assert versions_of(watcher.look()) == ["1"]


def test_change_made_while_the_first_look_is_taken_is_not_taken_for_seen(versions: Repository) -> None:
    versions.put_alias("model", "prod", 1)
    newest = next(iter(versions.list_alias_history("model", "prod")))
    earlier = versions.get_alias("model", "prod")
    versions.put_alias("model", "prod", 2)

    seen = seen_with(earlier, newest)

    moves = moves_since(seen, versions.get_alias("model", "prod"), versions.list_alias_history("model", "prod"))
    assert versions_of(moves) == ["2"]


def test_move_that_made_an_alias_what_it_is_is_found_behind_newer_ones(versions: Repository) -> None:
    versions.put_alias("model", "prod", 1)
    moved = versions.put_alias("model", "prod", 2, reason="better")
    versions.put_alias("model", "prod", 3)

    move = move_to(moved, versions.list_alias_history("model", "prod"))

    assert (move.change.sequence, move.change.reason, weights(move.before)) == (2, "better", {"1": 100})
