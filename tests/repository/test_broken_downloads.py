"""Connections that break while content is read: it goes on where it broke off, or no file is left."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import pytest
from urllib3.exceptions import ProtocolError

from airflow_provider_versioned.repository import IntegrityError, Repository, StorageUnavailableError
from tests.repository.fault_wire import Wire
from tests.servers import WITH_ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from tests.repository.store import Store

pytestmark = pytest.mark.backends(*WITH_ENDPOINT)
CONTENT = b"".join(b"%07d " % number for number in range(187_500))


class Torn:
    """A body whose connection breaks after some bytes."""

    def __init__(self, raw: Any, after: int) -> None:
        self._raw = raw
        self._left = after

    def read(self, amt: int | None = None, **arguments: Any) -> bytes:
        if self._left <= 0:
            raise ProtocolError("connection broken")
        chunk: bytes = self._raw.read(min(self._left, amt or self._left), **arguments)
        self._left -= len(chunk)
        return chunk

    def readinto(self, buffer: memoryview) -> int:
        chunk = self.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


class Tearing:
    """Breaks the connection of every body after so many bytes, and keeps which ranges were asked for."""

    def __init__(self, after: list[int], meanwhile: Callable[[], object] | None = None) -> None:
        self.after = list(after)
        self.meanwhile = meanwhile
        self.ranges: list[str | None] = []

    def __call__(self, request: AWSPreparedRequest, send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
        asked = request.headers.get("Range")
        self.ranges.append(asked.decode() if isinstance(asked, bytes) else asked)
        response = send(request)
        if request.method == "GET" and self.after and response.status_code < 300:
            response.raw = Torn(response.raw, self.after.pop(0))
            if self.meanwhile:
                self.meanwhile()
        return response


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between two tries, which are not slept."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


def behind(store: Store, tearing: Tearing) -> Repository:
    """Return a repository whose S3 connections break like that."""
    s3 = store.aws.new_s3()
    Wire(fault=tearing, at=1, times=1000).join(s3)
    return Repository(**store.place, s3_client=s3, dynamodb_client=store.aws.dynamodb)


def test_download_goes_on_where_it_broke_off(
    repository: Repository, store: Store, tmp_path: Path, slept: list[float]
) -> None:
    repository.publish_artifact_version("model", content=CONTENT)
    tearing = Tearing([700_000, 1, 300_000])

    path = behind(store, tearing).get_artifact_version("model", 1).download(tmp_path / "model")

    assert path.read_bytes() == CONTENT
    assert tearing.ranges == [None, "bytes=700000-", "bytes=700001-", "bytes=1000001-"]
    assert len(slept) == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


@pytest.mark.usefixtures("slept")
def test_content_read_at_once_goes_on_where_it_broke_off(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("model", content=CONTENT)
    tearing = Tearing([700_000, 1, 300_000])

    with behind(store, tearing).get_artifact_version("model", 1).open_content() as stream:
        assert stream.read(10) + stream.read() == CONTENT
    assert tearing.ranges == [None, "bytes=700000-", "bytes=700001-", "bytes=1000001-"]


def test_connection_that_keeps_breaking_is_told_and_leaves_no_file(
    repository: Repository, store: Store, tmp_path: Path, slept: list[float]
) -> None:
    repository.publish_artifact_version("model", content=CONTENT)
    tearing = Tearing([700_000, *[0] * 50])

    with pytest.raises(StorageUnavailableError, match="try again"):
        behind(store, tearing).get_artifact_version("model", 1).download(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
    assert len(tearing.ranges) == 6
    assert slept == sorted(slept)


@pytest.mark.usefixtures("slept")
def test_progress_between_breaks_begins_the_count_anew(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("model", content=CONTENT)
    tearing = Tearing([100_000] * 12)

    assert behind(store, tearing).get_artifact_version("model", 1).get_content() == CONTENT
    assert len(tearing.ranges) == 13


@pytest.mark.usefixtures("slept")
def test_break_after_the_last_byte_asks_for_nothing_more(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("model", content=CONTENT)
    tearing = Tearing([len(CONTENT)])

    assert behind(store, tearing).get_artifact_version("model", 1).get_content() == CONTENT
    assert tearing.ranges == [None]


@pytest.mark.usefixtures("slept")
def test_object_replaced_between_two_connections_is_never_mixed(
    repository: Repository, store: Store, tmp_path: Path
) -> None:
    repository.publish_artifact_version("model", content=CONTENT)
    other = b"x" * len(CONTENT)
    tearing = Tearing([700_000], lambda: store.put_object(store.key("model", "000001"), other))

    with pytest.raises(IntegrityError, match="was replaced while it was read"):
        behind(store, tearing).get_artifact_version("model", 1).download(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("slept")
def test_server_without_ranges_is_read_from_the_beginning(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("model", content=CONTENT)

    class Rangeless(Tearing):
        def __call__(
            self, request: AWSPreparedRequest, send: Callable[[AWSPreparedRequest], AWSResponse]
        ) -> AWSResponse:
            response = super().__call__(request, send)
            if self.ranges[-1] is not None:
                plain = store.aws.s3.get_object(Bucket=store.bucket, Key=store.key("model", "000001"))
                response.raw = io.BytesIO(plain["Body"].read())
                del response.headers["content-range"]
                response.headers["content-length"] = str(len(CONTENT))
            return response

    assert behind(store, Rangeless([700_000])).get_artifact_version("model", 1).get_content() == CONTENT
