"""Large objects are read in parallel parts, and nobody notices but by the clock."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import ConflictError, IntegrityError, Repository, object_body
from airflow_provider_versioned.repository.object_body import ObjectBody
from airflow_provider_versioned.repository.targets import Memory
from tests.repository.fault_wire import Wire, lose_answer
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repository.store import Store
    from tests.servers import Aws, PlaceArguments

CONTENT = bytes(range(256)) * 40


class ReplacedError(Exception):
    """Another object is there."""


class Bucket:
    """Answers GetObject as S3 does, or as a server that knows no ranges."""

    def __init__(self, *, ranges: bool = True) -> None:
        self.ranges = ranges
        self.etags = ['"e"']
        self.asked: list[str | None] = []
        self.broken_from: int | None = None

    def get(self, **request: Any) -> dict[str, Any]:
        wanted = request.get("Range")
        etag = self.etags[min(len(self.asked), len(self.etags) - 1)]
        self.asked.append(wanted)
        if request.get("IfMatch", etag) != etag:
            raise ReplacedError
        if wanted is None or not self.ranges:
            return {"Body": io.BytesIO(CONTENT), "ETag": etag, "ContentLength": len(CONTENT)}
        begin, end = wanted.removeprefix("bytes=").split("-")
        if self.broken_from is not None and int(begin) >= self.broken_from:
            raise ConnectionError
        found = CONTENT[int(begin) : int(end) + 1 if end else None]
        where = f"bytes {begin}-{int(begin) + len(found) - 1}/{len(CONTENT)}"
        return {"Body": io.BytesIO(found), "ETag": etag, "ContentLength": len(found), "ContentRange": where}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small content count as large."""
    monkeypatch.setattr(object_body, "PARALLEL_FROM", 2000)
    monkeypatch.setattr(object_body, "PART", 1000)


def whole(body: Any, size: int = 300) -> bytes:
    found = b""
    while chunk := body.read(size):
        found += chunk
    return found


@pytest.mark.parametrize("size", [1, 300, 1000, 100_000])
@pytest.mark.parametrize("offset", [0, 1, 1000, 7777, len(CONTENT) - 2001])
def test_parts_come_in_their_order_from_any_offset(offset: int, size: int) -> None:
    bucket = Bucket()
    body = ObjectBody(bucket.get, "b", "k", length=len(CONTENT))

    assert whole(body.open_at(offset), size) == CONTENT[offset:]
    assert sorted(filter(None, bucket.asked)) == sorted(
        f"bytes={begin}-{begin + 999}" for begin in range(offset, len(CONTENT), 1000)
    )


@pytest.mark.parametrize("length", [len(CONTENT) - 1500, len(CONTENT) + 1500])
def test_object_of_another_length_than_its_record_says_is_read_whole(length: int) -> None:
    assert whole(ObjectBody(Bucket().get, "b", "k", length=length).open_at(0)) == CONTENT


@pytest.mark.parametrize("before", [1, 3, 6])
def test_parts_of_two_objects_are_never_mixed(before: int) -> None:
    bucket = Bucket()
    bucket.etags = ['"e"'] * before + ['"other"']

    with pytest.raises(ReplacedError):
        whole(ObjectBody(bucket.get, "b", "k", length=len(CONTENT)).open_at(0))


def test_no_more_parts_are_fetched_than_fit_into_memory() -> None:
    bucket = Bucket()
    body = ObjectBody(bucket.get, "b", "k", length=len(CONTENT)).open_at(0)

    body.read(1)
    body.close()

    assert len(bucket.asked) <= 7


@pytest.mark.parametrize("length", [None, 1999])
def test_small_object_or_one_of_unknown_size_is_read_by_one_request(length: int | None) -> None:
    bucket = Bucket()

    assert whole(ObjectBody(bucket.get, "b", "k", length=length).open_at(0)) == CONTENT
    assert bucket.asked == [None]


def test_server_that_knows_no_ranges_is_read_whole() -> None:
    bucket = Bucket(ranges=False)

    assert whole(ObjectBody(bucket.get, "b", "k", length=len(CONTENT)).open_at(0)) == CONTENT


def test_part_that_fails_is_told_where_it_would_have_come_and_reading_goes_on_from_there() -> None:
    bucket = Bucket()
    bucket.broken_from = 3000
    body = ObjectBody(bucket.get, "b", "k", length=len(CONTENT))
    parts = body.open_at(0)
    found = b"".join(bytes(parts.read(1000)) for _ in range(3))
    with pytest.raises(ConnectionError):
        parts.read(1)
    parts.close()
    bucket.broken_from = None

    assert found == CONTENT[:3000]
    assert found + whole(body.open_at(len(found))) == CONTENT


def test_download_in_parts_is_verified_and_an_empty_object_told(
    repository: Repository, store: Store, tmp_path: Path
) -> None:
    version = repository.publish_artifact_version("model", content=CONTENT)
    assert version.download(tmp_path / "model").read_bytes() == CONTENT

    for replaced in (CONTENT[:-1] + b"x", CONTENT[:-1], b"x", b""):
        store.put_object(store.key("model", "000001"), replaced)
        with pytest.raises(IntegrityError):
            version.download(tmp_path / "damaged")
        assert not (tmp_path / "damaged").exists()


def test_latest_that_is_overwritten_while_it_is_read_is_a_conflict(repository: Repository) -> None:
    latest = repository.put_artifact("model", CONTENT)
    with latest.open_content() as stream:
        repository.put_artifact("model", CONTENT[::-1])
        with pytest.raises(ConflictError, match="overwritten"):
            stream.read()


@pytest.mark.backends(MOTO, MINISTACK)
def test_lost_answers_of_parts_are_asked_for_again(
    aws: Aws, unique_place: PlaceArguments, repository: Repository
) -> None:
    repository.publish_artifact_version("model", content=CONTENT)
    wire, s3 = Wire(), aws.new_s3()
    wire.join(s3)
    reading = Repository(**unique_place, s3_client=s3, dynamodb_client=aws.dynamodb)
    wire.fault, wire.at, wire.times, wire.sent = lose_answer, 3, 2, 0

    assert reading.get_artifact_version("model", 1).get_content() == CONTENT


def test_body_that_is_closed_puts_nothing_into_its_target_any_more() -> None:
    body = ObjectBody(Bucket().get, "b", "k", length=len(CONTENT), target=Memory()).open_at(0)
    assert bytes(body.read(1)) == CONTENT[:1]

    body.close()

    assert not any(thread.is_alive() for thread in body._executor._threads)
