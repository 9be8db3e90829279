"""Opening and describing paths: pinned, verified, and never half of one version and half of another."""

from __future__ import annotations

import hashlib
import io
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from airflow_provider_versioned.filesystem import VersionedFileSystem, contents
from airflow_provider_versioned.filesystem.errors import PathIsDirectoryError, PathNotFoundError
from airflow_provider_versioned.repository import ConflictError, IntegrityError, InvalidInputError, StorageError
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_versioned.repository import Alias, Repository
    from tests.repository.store import Store
    from tests.servers import Aws


def two_versions(repository: Repository) -> None:
    """Publish two versions; ``prod`` is the first."""
    repository.publish_artifact_version("churn", content=b"one")
    repository.publish_artifact_version("churn", content=b"two, longer")
    repository.put_alias("churn", "prod", 1)


def test_alias_version_and_latest_are_read(repository: Repository, files: VersionedFileSystem, bucket: str) -> None:
    two_versions(repository)

    assert files.cat(f"versioned://{bucket}/churn@prod") == b"one"
    assert files.cat(f"{bucket}/churn@2") == b"two, longer"
    assert files.cat(f"{bucket}/artifacts/churn@LATEST") == b"two, longer"
    with files.open(f"{bucket}/churn@prod", "r") as text:
        assert text.read() == "one"
    with files.open(f"{bucket}/churn@prod") as file:
        assert (file.artifact.version, file.alias.alias) == ("1", "prod")


def test_open_file_stays_one_version_and_the_next_one_follows_the_alias(
    repository: Repository, files: VersionedFileSystem, bucket: str
) -> None:
    two_versions(repository)
    with files.open(f"{bucket}/churn@prod") as file:
        repository.put_alias("churn", "prod", 2)
        repository.put_artifact("churn", b"three")

        assert file.read() == b"one"
        assert files.cat(f"{bucket}/churn@prod") == b"two, longer"
        assert files.cat(f"{bucket}/churn@LATEST") == b"three"


@pytest.mark.parametrize("in_memory", [contents.IN_MEMORY, 1000])
@pytest.mark.backends(MOTO)
def test_file_is_read_in_any_order_by_many_at_once(
    repository: Repository,
    files: VersionedFileSystem,
    bucket: str,
    in_memory: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contents, "IN_MEMORY", in_memory)
    content = random.Random(6).randbytes(contents._CHUNK + 100)  # noqa: S311 -- no secret
    repository.publish_artifact_version("churn", content=content)

    with files.open(f"{bucket}/churn@1") as file:
        shared = file.raw._content

        def read(seed: int) -> None:
            rng = random.Random(seed)  # noqa: S311 -- no secret
            with contents.VerifiedFile(shared, file.artifact, None) as other:
                for _ in range(50):
                    start, count = rng.randrange(len(content)), rng.randrange(1, 5000)
                    other.seek(start)
                    assert other.read(count) == content[start : start + count]

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(read, range(4)))
        assert file.seek(-10, io.SEEK_END) == len(content) - 10
        assert file.read() == content[-10:]
        assert (file.read(), file.seek(5), file.seek(5, io.SEEK_CUR), file.tell()) == (b"", 5, 10, 10)
        with pytest.raises(ValueError, match="before the beginning"):
            file.seek(-1)


def test_file_of_more_than_memory_lies_in_a_temporary_file_without_a_name(
    repository: Repository, files: VersionedFileSystem, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(contents, "IN_MEMORY", 10)
    repository.publish_artifact_version("churn", content=b"x" * 1000)

    with files.open(f"{bucket}/churn@1") as file:
        assert file.raw._content._file.fileno() > 0
        assert list(tmp_path.iterdir()) == []
        assert file.read() == b"x" * 1000


def test_broken_bytes_are_never_handed_out(
    repository: Repository, files: VersionedFileSystem, store: Store, bucket: str, tmp_path: Path
) -> None:
    two_versions(repository)
    store.put_object(store.key("churn", "000001"), b"0ne")

    for read in (
        lambda: files.open(f"{bucket}/churn@prod"),
        lambda: files.cat_file(f"{bucket}/churn@1", 0, 1),
        lambda: files.head(f"{bucket}/churn@1", 1),
        lambda: files.get_file(f"{bucket}/churn@1", str(tmp_path / "churn")),
    ):
        with pytest.raises(IntegrityError, match="do not use it"):
            read()
    store.delete_object(store.key("churn", "000001"))
    with pytest.raises(IntegrityError, match="does not exist although its record does"):
        files.open(f"{bucket}/churn@1")
    assert list(tmp_path.iterdir()) == []


def test_split_alias_is_its_primary_version_unless_a_key_or_side_is_given(
    repository: Repository, files: VersionedFileSystem, options: dict[str, Any], bucket: str
) -> None:
    two_versions(repository)
    alias = repository.put_alias("churn", "prod", 1, 2, 50)
    path = f"{bucket}/churn@prod"
    keys = [str(number) for number in range(20)]

    assert {files.info(path)["version"] for _ in range(20)} == {"1"}
    assert [files.info(path, route_key=key)["version"] for key in keys] == [alias.route(key) for key in keys]
    assert {alias.route(key) for key in keys} == {"1", "2"}
    assert files.open(path, side="secondary").read() == b"two, longer"
    assert VersionedFileSystem(**options, side="secondary").info(path)["version"] == "2"
    assert VersionedFileSystem(**options, route_key=keys[0]).info(path)["version"] == alias.route(keys[0])
    assert (files.info(path)["secondary_version"], files.info(path)["secondary_version_weight"]) == ("2", 50)

    repository.put_alias("churn", "prod", 1)
    with pytest.raises(InvalidInputError, match="no secondary version"):
        files.open(path, side="secondary")


def test_info_tells_what_the_record_says(repository: Repository, files: VersionedFileSystem, bucket: str) -> None:
    two_versions(repository)
    record = repository.get_artifact_version("churn", 1)

    info = files.info(f"versioned://{bucket}/churn@prod")

    assert (info["name"], info["type"], info["size"]) == (f"{bucket}/churn@prod", "file", 3)
    assert (info["version"], info["alias"], info["etag"]) == ("1", "prod", record.etag)
    assert info["sha256"] == hashlib.sha256(b"one").hexdigest() == files.ukey(f"{bucket}/churn@1")
    assert info["modified"] == record.update_at == files.modified(f"{bucket}/churn@1")
    assert info["mtime"] == record.update_at.timestamp()
    assert files.info(f"{bucket}/churn")["type"] == "directory"


def test_directories_list_artifacts_versions_and_aliases(
    repository: Repository, files: VersionedFileSystem, bucket: str
) -> None:
    two_versions(repository)
    repository.put_artifact("other", b"one")
    repository.put_alias("churn", "7", 1)  # reads as a version
    every = [f"{bucket}/churn@{which}" for which in ("LATEST", "2", "1", "prod")]

    assert files.ls(f"versioned://{bucket}", detail=False) == [f"{bucket}/churn", f"{bucket}/other"]
    assert files.ls(f"{bucket}/churn", detail=False) == every
    assert [entry["version"] for entry in files.ls(f"{bucket}/churn")] == ["LATEST", "2", "1", "1"]
    assert files.ls(f"{bucket}/churn@prod") == [files.info(f"{bucket}/churn@prod")]
    assert files.glob(f"{bucket}/churn@*") == sorted(every)
    assert files.glob(f"{bucket}/churn@p*") == [f"{bucket}/churn@prod"]
    assert files.glob(f"{bucket}/nothing@*") == []
    assert files.find(bucket) == sorted([*every, f"{bucket}/other@LATEST"])
    assert [files.exists(path) for path in (*every, f"{bucket}/churn", f"{bucket}/churn@8", f"{bucket}/x")] == [
        *[True] * 5,
        False,
        False,
    ]


def test_artifact_of_the_library_with_a_slash_in_its_name_is_a_path(
    repository: Repository, files: VersionedFileSystem, store: Store, bucket: str
) -> None:
    assert repository.list_artifact_names() == []
    store.put_object(store.key("team/churn", "000001"), b"one")
    store.put_version("team/churn", "000001", hashlib.sha256(b"one").hexdigest())

    assert files.cat(f"{bucket}/team/churn@1") == b"one"
    assert files.info(f"{bucket}/team/churn@1")["size"] is None
    assert files.ls(f"{bucket}/team/churn", detail=False) == [f"{bucket}/team/churn@1"]


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("churn", PathIsDirectoryError, "names no version; add '@' and an alias, a number or LATEST"),
        ("churn@staging", PathNotFoundError, "no alias 'staging'"),
        ("churn@99", PathNotFoundError, "Version 99 of artifact 'churn' does not exist"),
        ("churn@0", InvalidInputError, "Version '0' is not allowed"),
        ("nothing@LATEST", PathNotFoundError, "'nothing'"),
    ],
)
def test_path_that_leads_nowhere_says_what_to_do(
    path: str, error: type[Exception], words: str, repository: Repository, files: VersionedFileSystem, bucket: str
) -> None:
    two_versions(repository)
    with pytest.raises(error, match=words):
        files.open(f"{bucket}/{path}")


@pytest.mark.backends(MOTO)
def test_what_cannot_be_found_out_is_an_error_and_not_absence(aws: Aws) -> None:
    files = VersionedFileSystem(s3_client=aws.s3, dynamodb_client=aws.dynamodb, dynamodb_table_name="no-such-table")

    for look in (files.exists, files.isfile, files.isdir):
        with pytest.raises(StorageError, match="does not exist"):
            look("bucket/churn@prod")


@pytest.mark.backends(MOTO)
def test_latest_that_is_overwritten_while_it_is_opened_is_looked_up_again(
    repository: Repository, files: VersionedFileSystem, options: dict[str, Any], bucket: str, aws: Aws
) -> None:
    repository.put_artifact("churn", b"one")
    s3, writes = aws.new_s3(), [b"two", b"three"]

    def overwrite(**_: object) -> None:
        if writes:
            repository.put_artifact("churn", writes.pop(0))

    s3.meta.events.register("before-call.s3.GetObject", overwrite)
    assert VersionedFileSystem(**{**options, "s3_client": s3}).cat(f"{bucket}/churn@LATEST") == b"three"

    writes += [b"four"]
    with pytest.raises(ConflictError, match="overwritten since"):
        VersionedFileSystem(**{**options, "s3_client": s3}, pinned=True).cat(f"{bucket}/churn@LATEST")


@pytest.mark.backends(MOTO)
def test_version_that_is_deleted_while_its_alias_moves_away_is_looked_up_again(
    repository: Repository, options: dict[str, Any], bucket: str, aws: Aws
) -> None:
    two_versions(repository)
    dynamodb = aws.new_dynamodb()
    moved: list[Alias] = []

    def move_away(params: dict[str, Any], **_: object) -> None:
        if b"000001" in params["body"] and not moved:
            moved.append(repository.put_alias("churn", "prod", 2))
            repository.delete_artifact_version("churn", 1)

    dynamodb.meta.events.register("before-call.dynamodb", move_away)
    files = VersionedFileSystem(**{**options, "dynamodb_client": dynamodb})
    assert files.cat(f"{bucket}/churn@prod") == b"two, longer"
    assert moved


@pytest.mark.backends(MOTO)
def test_pinned_filesystem_holds_an_alias_and_fetches_once_until_it_is_told_to_forget(
    repository: Repository, options: dict[str, Any], bucket: str, aws: Aws
) -> None:
    two_versions(repository)
    s3, fetched = aws.new_s3(), []
    s3.meta.events.register("before-call.s3.GetObject", lambda **_: fetched.append(1))
    files, path = VersionedFileSystem(**{**options, "s3_client": s3}, pinned=True), f"{bucket}/churn@prod"
    assert files.info(path)["version"] == "1"
    repository.put_alias("churn", "prod", 2)

    assert (files.cat(path), files.cat(path), len(fetched)) == (b"one", b"one", 1)
    files.invalidate_cache()
    assert files.cat(path) == b"two, longer"


@pytest.mark.backends(MOTO)
def test_filesystem_made_from_a_url_is_pinned_and_made_anew_for_each_call(
    repository: Repository, options: dict[str, Any], bucket: str
) -> None:
    two_versions(repository)
    url = f"versioned://{bucket}/churn@prod"
    first, path = fsspec.core.url_to_fs(url, **options)
    assert first.cat(path) == b"one"
    repository.put_alias("churn", "prod", 2)

    assert first.cat(path) == b"one"
    with fsspec.open(url, **options) as file:
        assert file.read() == b"two, longer"


@pytest.mark.backends(MOTO)
def test_pin_names_the_version_that_an_alias_leads_to(
    repository: Repository, files: VersionedFileSystem, bucket: str
) -> None:
    two_versions(repository)
    repository.put_alias("churn", "prod", 1, 2, 1)

    assert files.pin(f"versioned://{bucket}/churn@prod") == f"{bucket}/churn@1"
    assert files.pin(f"{bucket}/churn@prod", side="secondary") == f"{bucket}/churn@2"


@pytest.mark.backends(MINISTACK)
def test_filesystem_by_endpoint_is_found_by_fsspec_and_survives_pickling(
    repository: Repository, options: dict[str, Any], bucket: str, aws: Aws, tmp_path: Path
) -> None:
    two_versions(repository)
    plain = {key: value for key, value in options.items() if "client" not in key}
    files = fsspec.filesystem("versioned", endpoint_url=aws.s3_endpoint, **plain)

    assert isinstance(files, VersionedFileSystem)
    copy = pickle.loads(pickle.dumps(files))  # noqa: S301 -- made here
    assert copy.cat(f"{bucket}/churn@prod") == b"one"
    copy.get(f"{bucket}/churn@prod", str(tmp_path / "deep" / "churn"))
    assert (tmp_path / "deep" / "churn").read_bytes() == b"one"
    cached = fsspec.open(
        f"filecache::versioned://{bucket}/churn@2",
        filecache={"cache_storage": str(tmp_path)},
        versioned={"endpoint_url": aws.s3_endpoint, **plain},
    )
    with cached as file:
        assert file.read() == b"two, longer"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"key": "id", "secret": "hidden"}, "Storage options key, secret are unknown; use conn_id"),
        ({"conn_id": "aws", "endpoint_url": "http://127.0.0.1:1"}, "endpoint_url do not go with conn_id"),
    ],
)
def test_options_that_are_unknown_or_go_not_together_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words) as refused:
        VersionedFileSystem(**given)
    assert "hidden" not in str(refused.value)


def test_endpoint_that_is_no_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidInputError, match="endpoint_url is no URL") as refused:
        VersionedFileSystem(endpoint_url="user:hidden@host", region_name="us-east-1").exists("bucket/churn@1")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
