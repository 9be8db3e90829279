"""What a path names."""

from __future__ import annotations

import pickle

import pytest

from airflow_provider_versioned.assets.names import versioned_asset
from airflow_provider_versioned.filesystem.errors import PathIsDirectoryError, PathNotFoundError, ReadOnlyError
from airflow_provider_versioned.filesystem.names import PathName, split_url


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("versioned://bucket/churn@prod", PathName("bucket", "churn", "prod")),
        ("bucket/churn@7", PathName("bucket", "churn", "7")),
        ("bucket/churn@LATEST", PathName("bucket", "churn", "LATEST")),
        ("bucket/team/churn@prod", PathName("bucket", "team/churn", "prod")),
        ("bucket/a@b/churn@prod", PathName("bucket", "a@b/churn", "prod")),
        ("bucket/a@b/churn", PathName("bucket", "a@b/churn")),
        ("bucket/churn", PathName("bucket", "churn")),
        ("bucket/churn/", PathName("bucket", "churn")),
        ("versioned://bucket", PathName("bucket")),
        ("versioned://bucket/", PathName("bucket")),
        ("versioned://connection@bucket/churn@prod", PathName("bucket", "churn", "prod")),
        ("bucket/models/churn@prod", PathName("bucket", "churn", "prod")),
        ("bucket/models/models/churn@prod", PathName("bucket", "models/churn", "prod")),
        ("bucket/models", PathName("bucket")),
        ("bucket/models2@prod", PathName("bucket", "models2", "prod")),
        ("bucket/odd%40name%3F@prod", PathName("bucket", "odd@name?", "prod")),
    ],
)
def test_path_is_read(path: str, named: PathName) -> None:
    assert PathName.parse(path, "models") == named


@pytest.mark.parametrize(
    "named",
    [
        PathName("bucket"),
        PathName("bucket", "churn"),
        PathName("bucket", "churn", "prod"),
        PathName("bucket", "team/churn", "7"),
        PathName("bucket", "models", "7"),
        PathName("bucket", "models/churn", "7"),
        PathName("bucket", "a@b/c d?%", "odd/alias@"),
    ],
)
def test_path_that_is_written_is_read_as_the_same(named: PathName) -> None:
    assert PathName.parse(named.format("models"), "models") == named


def test_uri_of_an_asset_is_a_path() -> None:
    uri = versioned_asset("churn", "prod", s3_bucket="bucket", s3_prefix="models").uri

    assert PathName.parse(uri, "models") == PathName("bucket", "churn", "prod")


@pytest.mark.parametrize("path", ["", "versioned://", "bucket/churn@", "bucket/@prod", "bucket/churn@prod?x", "b/c#d"])
def test_path_that_names_nothing_is_refused_as_not_found(path: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"names no|has a '\?'"):
        PathName.parse(path)


@pytest.mark.parametrize(("which", "is_version"), [("7", True), ("007", True), ("LATEST", True), ("v7", False)])
def test_number_and_latest_are_versions_and_the_rest_aliases(which: str, *, is_version: bool) -> None:
    assert PathName("bucket", "churn", which).is_version is is_version
    assert not PathName("bucket", "churn").is_version


@pytest.mark.parametrize(
    ("url", "split"),
    [
        ("versioned://models@bucket/churn@prod", ("models", "bucket/churn@prod")),
        ("versioned://bucket/churn@prod", (None, "bucket/churn@prod")),
        ("bucket/churn@prod", (None, "bucket/churn@prod")),
    ],
)
def test_connection_in_a_url_is_told_from_the_at_of_the_path(url: str, split: tuple[str | None, str]) -> None:
    assert split_url(url) == split


@pytest.mark.parametrize("error", [PathNotFoundError, PathIsDirectoryError, ReadOnlyError])
def test_errors_of_paths_are_pythons_own_too_and_pickle(error: type[PathNotFoundError]) -> None:
    made = error("Path 'a' names nothing.", path="a")

    copy = pickle.loads(pickle.dumps(made))  # noqa: S301 -- made here
    assert isinstance(copy, OSError)
    assert (type(copy), str(copy), copy.path) == (error, "Path 'a' names nothing.", "a")  # type: ignore[attr-defined] # a fact
