"""The values that the repository hands out: frozen, comparable, JSON-able, without their repository when pickled."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO

import pytest

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.model import Alias, AliasChange, Artifact

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = datetime(2026, 11, 22, 10, 20, 44, tzinfo=UTC)


class Source:
    """Stands in for a repository: knows one content per version."""

    def __init__(self, **contents: bytes) -> None:
        self.contents = contents

    def open_content(self, artifact: Artifact) -> BinaryIO:
        return io.BytesIO(self.contents[f"v{artifact.version}"])

    def read_content(self, artifact: Artifact) -> bytes:
        return self.contents[f"v{artifact.version}"]

    def download(self, artifact: Artifact, path: Path) -> Path:
        path.write_bytes(self.contents[f"v{artifact.version}"])
        return path

    def get_artifact_version(self, name: str, version: str) -> Artifact:
        return Artifact(name, version, MOMENT, f"s3://b/{version}", "0" * 64, _source=self)


class Draws(random.Random):
    """Draws 0, 1, 2, …, 99 in turn."""

    def __init__(self) -> None:
        super().__init__()
        self._next = iter(range(100))

    def randrange(self, *_arguments: int) -> int:  # type: ignore[override] # only randrange(100) is asked
        return next(self._next)


def artifact(source: Source | None = None) -> Artifact:
    return Artifact("model", "7", MOMENT, "s3://b/p/model/000007", "0" * 64, 4, '"etag"', "rev", "dag", _source=source)


def alias(secondary: str | None = "2", weight: int | None = 20, source: Source | None = None) -> Alias:
    uri = f"s3://b/{secondary}" if secondary else None
    return Alias(
        "model", "prod", MOMENT, "1", secondary, weight, "s3://b/1", uri, "rev", 3, "ann", "why", _source=source
    )


def test_artifact_fetches_content_through_its_repository(tmp_path: Path) -> None:
    bound = artifact(Source(v7=b"content"))

    assert bound.get_content() == b"content"
    with bound.open_content() as stream:
        assert stream.read(3) == b"con"
    assert bound.download(str(tmp_path / "file")).read_bytes() == b"content"


@pytest.mark.parametrize("value", [artifact(Source(v7=b"x")), alias(source=Source(v1=b"x"))])
def test_value_pickled_is_equal_but_fetches_nothing(value: Artifact | Alias) -> None:
    copy = pickle.loads(pickle.dumps(value))  # noqa: S301 -- our own bytes

    assert copy == value
    assert hash(copy) == hash(value)
    fetch = copy.get_content if isinstance(copy, Artifact) else copy.get_version_content
    with pytest.raises(InvalidInputError, match="read it again with Repository"):
        fetch()


@pytest.mark.parametrize("value", [artifact(Source(v7=b"x")), alias(source=Source(v1=b"x"))])
def test_value_shows_no_repository_in_repr_and_dict(value: Artifact | Alias) -> None:
    assert "source" not in repr(value).lower()
    assert "_source" not in value.to_dict()


@pytest.mark.parametrize("value", [artifact(), alias(), alias(None, None)])
def test_value_as_dict_is_json_with_every_public_field(value: Artifact | Alias) -> None:
    told = json.loads(json.dumps(value.to_dict()))

    assert told.keys() == {field.name for field in dataclasses.fields(value) if not field.name.startswith("_")}
    assert datetime.fromisoformat(told["update_at"]) == MOMENT


def test_alias_change_as_dict_is_json() -> None:
    change = AliasChange("model", "prod", 2, "rollback", MOMENT, "1", None, None, "rev", restored_sequence=1)

    told = json.loads(json.dumps(change.to_dict()))
    assert (told["action"], told["restored_sequence"], told["changed_at"]) == ("rollback", 1, MOMENT.isoformat())


@pytest.mark.parametrize("value", [artifact(), alias(), AliasChange("m", "a", 1, "put", MOMENT, "1", None, None, "r")])
def test_value_is_frozen(value: object) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.name = "other"  # type: ignore[attr-defined] # the mistake under test


@pytest.mark.parametrize("weight", [0, 1, 20, 50, 99])
def test_alias_draws_the_secondary_version_in_weight_of_hundred_draws(weight: int) -> None:
    split, draws = alias(weight=weight), Draws()

    assert [split.choose_version(draws) for _ in range(100)].count("2") == weight


@pytest.mark.parametrize("weight", [0, 30])
def test_alias_random_artifact_gives_uris_by_weight(weight: int) -> None:
    split = alias(weight=weight)
    drawn = [split.random_artifact() for _ in range(4000)]

    assert set(drawn) <= {"s3://b/1", "s3://b/2"}
    assert abs(drawn.count("s3://b/2") / 4000 - weight / 100) < 0.05


@pytest.mark.parametrize("weight", [None, 50, 5000])
def test_alias_without_secondary_version_always_draws_the_primary(weight: int | None) -> None:
    single = alias(None, weight)

    assert {single.random_artifact() for _ in range(200)} == {"s3://b/1"}


def test_alias_fetches_the_content_of_either_side() -> None:
    split = alias(source=Source(v1=b"one", v2=b"two"))

    assert split.get_version_content() == b"one"
    assert split.get_secondary_version_content() == b"two"


def test_alias_without_secondary_version_refuses_its_content() -> None:
    with pytest.raises(InvalidInputError, match="has no secondary version; use its version 1"):
        alias(None, None, Source(v1=b"one")).get_secondary_version_content()
