"""Commands that move content: put, publish, download."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.cli.conftest import Program
    from tests.repository.store import Store
    from tests.servers import Aws

pytestmark = pytest.mark.backends(MOTO)


@pytest.mark.backends("moto", "ministack", "dynamodb_local+seaweedfs")
def test_content_goes_in_and_comes_out_on_every_backend(cli: Program, file: Callable[[bytes], Path]) -> None:
    cli.ok("put", "model", file(b"one"))
    assert cli.json("publish", "model")["version"] == "1"
    assert cli.json("publish", "model", "-", piped=b"two")["version"] == "2"
    assert cli.ok("download", "model", 1, "-o", "-").raw == b"one"
    cli.ok("alias", "put", "model", "prod", 2)
    assert cli.ok("download", "model", "--alias", "prod", "--output", "-").raw == b"two"


def test_put_shows_the_record(cli: Program, file: Callable[[bytes], Path]) -> None:
    content = b"x" * 1_234_567
    shown = cli.ok("put", "model", file(content)).out
    assert "name     model\nversion  LATEST\n" in shown
    assert "size     1.2 MB (1234567 bytes)" in shown
    assert hashlib.sha256(content).hexdigest() in shown


def test_publish_keeps_what_is_said_of_the_content(
    cli: Program, repository: Repository, aws: Aws, file: Callable[[bytes], Path]
) -> None:
    options = ("--content-type", "application/zip", "--metadata", "git=abc=1", "--tag", "team=a", "--tag", "kind=b")
    record = cli.json("publish", "model", file(b"one"), *options)
    assert record["published_by"] == "tester"
    key = record["s3uri"].removeprefix(f"s3://{repository.s3_bucket}/")
    stored = aws.s3.head_object(Bucket=repository.s3_bucket, Key=key)
    assert stored["ContentType"] == "application/zip"
    assert stored["Metadata"]["git"] == "abc=1"
    assert len(aws.s3.get_object_tagging(Bucket=repository.s3_bucket, Key=key)["TagSet"]) == 2


def test_publish_repeated_under_a_key_or_unchanged_gives_the_same_version(
    cli: Program, file: Callable[[bytes], Path]
) -> None:
    one = file(b"one")
    versions = [cli.json("publish", "model", one, "--idempotency-key", "build 1")["version"] for _ in range(2)]
    versions.append(cli.json("publish", "model", one, "--if-changed")["version"])
    versions.append(cli.json("publish", "model", one)["version"])
    assert versions == ["1", "1", "1", "2"]


def test_publisher_is_named_by_option_or_else_by_the_machine(cli: Program, file: Callable[[bytes], Path]) -> None:
    one = file(b"one")
    assert cli.json("publish", "model", one, "--published-by", "Ann")["published_by"] == "Ann"
    del cli.environment["VERSIONED_BY"]
    assert "@" in cli.json("publish", "model", one)["published_by"]


def test_download_names_the_file_after_the_artifact_and_replaces_it(cli: Program, tmp_path: Path) -> None:
    cli.ok("publish", "model", "-", piped=b"one")
    (tmp_path / "model.bin").write_bytes(b"old")
    assert cli.json("download", "model", 1)["path"] == "model.bin"
    assert (tmp_path / "model.bin").read_bytes() == b"one"
    (tmp_path / "folder").mkdir()
    assert "written to folder/000001.bin" in cli.ok("download", "model", 1, "-o", "folder").out
    assert (tmp_path / "folder" / "000001.bin").read_bytes() == b"one"


def test_download_of_other_bytes_exits_5_and_leaves_no_file(cli: Program, store: Store, tmp_path: Path) -> None:
    cli.ok("publish", "model", "-", piped=b"one")
    store.put_object(store.key("model", "000001"), b"two")
    outcome = cli("download", "model", 1, "-o", "file")
    assert outcome.code == 5
    assert "do not use it" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_download_of_other_bytes_to_stdout_exits_5_at_the_end(cli: Program, store: Store) -> None:
    cli.ok("publish", "model", "-", piped=b"1" * 1_000_000)
    store.put_object(store.key("model", "000001"), b"2" * 1_000_000)
    outcome = cli("download", "model", 1, "-o", "-")
    assert outcome.code == 5
    assert set(outcome.raw) == set(b"2")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("put", "model", "nowhere"), 2, "Content file 'nowhere' cannot be read"),
        (("put", "model", "."), 2, "is a folder"),
        (("put", "a/b", "-"), 2, "Artifact name 'a/b' is not allowed"),
        (("publish", "model"), 3, "it has no LATEST"),
        (("publish", "model", "--tag", "a=b"), 2, "go with content"),
        (("publish", "model", "-", "--tag", "a"), 2, "has no '='"),
        (("download", "model", "7"), 3, "Version 7 of artifact 'model' does not exist"),
        (("download", "model", "1", "--alias", "prod"), 2, "not both"),
        (("download", "model", "--alias", "prod"), 3, "has no alias 'prod'"),
    ],
)
def test_content_that_cannot_be_had_or_taken_is_told(
    cli: Program, arguments: tuple[str, ...], code: int, said: str
) -> None:
    outcome = cli(*arguments, piped=b"one")
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err


def test_download_to_where_nothing_can_be_written_is_told(cli: Program) -> None:
    cli.ok("publish", "model", "-", piped=b"one")
    outcome = cli("download", "model", 1, "-o", "no/such/folder/file")
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
