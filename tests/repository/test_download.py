"""Content on its way out: verified against its record, as bytes, stream or file, and never half there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import ConflictError, IntegrityError, InvalidInputError
from tests.servers import MOTO

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store


def test_download_writes_the_file_and_nothing_beside_it(repository: Repository, tmp_path: Path) -> None:
    target = tmp_path / "model.bin"
    target.write_bytes(b"older")

    assert repository.publish_artifact_version("model", content=b"content").download(target) == target
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"model.bin": b"content"}
    reference = tmp_path / "reference"
    reference.touch()
    assert target.stat().st_mode == reference.stat().st_mode


@pytest.mark.parametrize("corrupt", [b"CONTENT", b"cont", b"content and more", b""])
def test_download_of_corrupted_content_leaves_no_file(
    repository: Repository, store: Store, tmp_path: Path, corrupt: bytes
) -> None:
    version = repository.publish_artifact_version("model", content=b"content")
    store.put_object(store.key("model", "000001"), corrupt)

    with pytest.raises(IntegrityError, match=r"artifacts/model/000001\.bin has sha256 .* but its record says"):
        version.download(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(IntegrityError):
        version.get_content()


def test_download_of_corrupted_content_leaves_an_older_file_alone(
    repository: Repository, store: Store, tmp_path: Path
) -> None:
    version = repository.publish_artifact_version("model", content=b"content")
    store.put_object(store.key("model", "000001"), b"corrupt")
    (tmp_path / "file").write_bytes(b"older")

    with pytest.raises(IntegrityError):
        version.download(tmp_path / "file")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"older"}


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("target", ["absent/file", "folder", "file/file"])
def test_download_to_where_no_file_can_be_is_refused(repository: Repository, tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    version = repository.publish_artifact_version("model", content=b"content")

    with pytest.raises(InvalidInputError, match="cannot be written"):
        version.download(tmp_path / target)
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "file"}


def test_open_content_gives_bytes_in_bits_and_raises_at_the_end_when_corrupt(
    repository: Repository, store: Store
) -> None:
    version = repository.publish_artifact_version("model", content=b"content")
    store.put_object(store.key("model", "000001"), b"CONTENT")

    with version.open_content() as stream, pytest.raises(IntegrityError):
        list(iter(lambda: stream.read(3), b""))


def test_open_content_left_early_is_closed_without_complaint(repository: Repository) -> None:
    with repository.publish_artifact_version("model", content=b"content" * 100_000).open_content() as stream:
        assert stream.read(7) == b"content"
        assert stream.readable()
    assert stream.closed


def test_latest_overwritten_after_its_record_was_read_is_a_conflict(
    repository: Repository, store: Store, tmp_path: Path
) -> None:
    before = repository.put_artifact("model", b"one")
    store.reopened().put_artifact("model", b"two")

    for read in (before.get_content, before.open_content, lambda: before.download(tmp_path / "file")):
        with pytest.raises(ConflictError, match="read its record again"):
            read()
    assert list(tmp_path.iterdir()) == []
    assert repository.get_artifact_version("model").get_content() == b"two"


@pytest.mark.parametrize("sk", ["LATEST", "000001"])
def test_missing_object_is_an_integrity_error(repository: Repository, store: Store, sk: str) -> None:
    repository.publish_artifact_version("model", content=b"content")
    artifact = repository.get_artifact_version("model", sk)
    store.delete_object(store.key("model", sk))

    with pytest.raises(IntegrityError, match="does not exist although its record does"):
        artifact.get_content()


@pytest.mark.backends(MOTO)
def test_record_without_sha256_is_refused_before_its_bytes_are_fetched(repository: Repository, store: Store) -> None:
    store.put_version("model", "000001")
    store.put_object(store.key("model", "000001"), b"content")
    store.aws.dynamodb.update_item(
        TableName=store.table, Key={"pk": {"S": "model"}, "sk": {"S": "000001"}}, UpdateExpression="REMOVE sha256"
    )

    with pytest.raises(IntegrityError, match="has no sha256"):
        repository.get_artifact_version("model", 1).get_content()
