"""Content on its way in: of any form and size, and never other than what was hashed."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    InvalidTypeError,
    object_body,
    objects,
)
from tests.repository.interruption import interrupting
from tests.servers import MINISTACK, MOTO, WITH_ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store
    from tests.repository.traffic import Traffic

MIB = 1024**2


class Pipe(io.RawIOBase):
    """A stream that can only be read, in bits as they come."""

    def __init__(self, content: bytes, bit: int = 7) -> None:
        super().__init__()
        self._inner = io.BytesIO(content)
        self._bit = bit

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(self._bit if size < 0 else min(size, self._bit))


class Changing(io.BytesIO):
    """A file that somebody writes to while it is uploaded: other bytes at the second reading."""

    def __init__(self, first: bytes, second: bytes) -> None:
        super().__init__(first)
        self._second = second
        self._rewound = False

    def seek(self, offset: int, whence: int = 0) -> int:
        if not self._rewound:
            self._rewound = True
            super().seek(0)
            self.write(self._second)
            self.truncate()
        return super().seek(offset, whence)


def in_file(folder: Path, content: bytes) -> Path:
    path = folder / "content"
    path.write_bytes(content)
    return path


def hand_out(monkeypatch: pytest.MonkeyPatch, changing: Changing) -> None:
    """Let the upload, and nobody else, read a stream of the test's in place of the bytes."""
    own = SimpleNamespace(**vars(io) | {"BytesIO": lambda _: changing})
    monkeypatch.setattr("airflow_provider_versioned.repository.content.io", own)


def middle(content: bytes) -> io.BytesIO:
    stream = io.BytesIO(b"before" + content)
    stream.seek(6)
    return stream


FORMS: dict[str, Callable[[Path, bytes], Any]] = {
    "bytes": lambda _, content: content,
    "bytearray": lambda _, content: bytearray(content),
    "memoryview": lambda _, content: memoryview(content),
    "memoryview with gaps": lambda _, content: memoryview(content[::-1])[::-1],
    "path": in_file,
    "open file": lambda folder, content: in_file(folder, content).open("rb"),
    "stream in the middle": lambda _, content: middle(content),
    "pipe": lambda _, content: Pipe(content),
}


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("publish", [False, True])
@pytest.mark.parametrize("content", [b"content", b""])
@pytest.mark.parametrize("form", FORMS)
def test_content_of_every_form_comes_back(
    repository: Repository, tmp_path: Path, form: str, content: bytes, *, publish: bool
) -> None:
    given = FORMS[form](tmp_path, content)
    if publish:
        artifact = repository.publish_artifact_version("model", content=given)
    else:
        artifact = repository.put_artifact("model", given)

    assert artifact.get_content() == content
    assert (artifact.sha256, artifact.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert repository.get_artifact_version("model").get_content() == content
    if hasattr(given, "closed"):
        assert not given.closed
        given.close()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("text", InvalidTypeError),
        (None, InvalidTypeError),
        (7, InvalidTypeError),
        (io.StringIO("text"), InvalidTypeError),
        ([b"content"], InvalidTypeError),
    ],
)
@pytest.mark.backends(MOTO)
def test_content_of_another_form_is_refused_and_writes_nothing(
    repository: Repository, store: Store, content: Any, error: type[Exception]
) -> None:
    with store.unchanged(), pytest.raises(error, match="content"):
        repository.put_artifact("model", content)


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("path", ["absent", "."])
def test_content_file_that_cannot_be_read_is_refused_and_writes_nothing(
    repository: Repository, store: Store, tmp_path: Path, path: str
) -> None:
    with store.unchanged(), pytest.raises(InvalidInputError, match="cannot be read"):
        repository.publish_artifact_version("model", content=tmp_path / path)


def test_content_of_70_mb_goes_up_in_parts_and_down_in_constant_memory(
    repository: Repository, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_versioned.repository.content.PART", 5 * MIB)
    monkeypatch.setattr(objects, "PART", 5 * MIB)
    monkeypatch.setattr(object_body, "PART", 2 * MIB)
    path, digest = tmp_path / "large", hashlib.sha256()
    with path.open("wb") as file:
        for number in range(70):
            chunk = number.to_bytes(4, "big") * (MIB // 4)
            digest.update(chunk)
            file.write(chunk)

    if store.aws.name != MOTO:  # moto itself keeps everything in this process
        tracemalloc.start()
    version = repository.publish_artifact_version("model", content=path)
    downloaded = version.download(tmp_path / "downloaded")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 25 * MIB, peak  # seven parts of 2 MiB on the way down, and a few chunks
    assert (version.sha256, version.size) == (digest.hexdigest(), 70 * MIB)
    assert downloaded.stat().st_size == 70 * MIB
    answer = store.aws.s3.head_object(Bucket=store.bucket, Key=store.key("model", "000001"))
    assert "-" in answer["ETag"]
    assert answer["Metadata"]["artifact_sha256"] == version.sha256
    assert repository.get_artifact_version("model").sha256 == version.sha256


@pytest.mark.usefixtures("small_parts")
def test_content_too_large_for_one_request_is_put_frozen_and_read(repository: Repository, store: Store) -> None:
    content = bytes(range(256)) * (6 * MIB // 256)
    latest = repository.put_artifact("model", content, content_type="text/x", metadata={"foo": "bar"}, tags={"a": "b"})
    version = repository.publish_artifact_version("model")

    assert latest.get_content() == version.get_content() == content
    key = store.key("model", "000001")
    answer = store.aws.s3.head_object(Bucket=store.bucket, Key=key)
    assert "-" in answer["ETag"]
    assert answer["ContentType"] == "text/x"
    assert answer["Metadata"] == {"artifact_name": "model", "artifact_sha256": version.sha256, "foo": "bar"}
    if store.aws.name != MINISTACK:  # drops the tags of what goes up in parts
        assert store.aws.s3.get_object_tagging(Bucket=store.bucket, Key=key)["TagSet"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.backends(*WITH_ENDPOINT)  # moto knows no IfMatch there
@pytest.mark.usefixtures("small_parts")
def test_latest_overwritten_before_what_goes_up_in_parts_is_whole_is_replaced_by_it_and_nothing_else(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.put_artifact("model", b"first")
    other, content = store.reopened(), b"a" * (6 * MIB)
    interrupting(monkeypatch, repository._objects, "_complete", lambda: other.put_artifact("model", b"between"))

    repository.put_artifact("model", content)

    assert repository.get_artifact_version("model").get_content() == content
    assert list(repository.verify("model")) == []
    uploads = store.aws.s3.list_multipart_uploads(Bucket=store.bucket)
    assert "Uploads" not in uploads


@pytest.mark.backends(*WITH_ENDPOINT)
@pytest.mark.usefixtures("small_parts")
def test_latest_overwritten_while_it_follows_in_parts_stays(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.put_artifact("model", b"first")
    other, content = store.reopened(), b"a" * (6 * MIB)
    interrupting(monkeypatch, repository._objects, "_copy_in_parts", lambda: other.put_artifact("model", b"later"))

    version = repository.publish_artifact_version("model", content=content)

    assert version.get_content() == content
    assert repository.get_artifact_version("model").get_content() == b"later"
    assert list(repository.verify("model")) == []


@pytest.mark.usefixtures("small_parts")
def test_latest_overwritten_before_a_copy_in_parts_is_published_as_it_is_now(
    repository: Repository, store: Store
) -> None:
    repository.put_artifact("model", b"a" * (6 * MIB))
    now = b"b" * (6 * MIB)
    metadata = {"artifact_name": "model", "artifact_sha256": hashlib.sha256(now).hexdigest()}
    store.put_object(store.key("model", "LATEST"), now, Metadata=metadata)

    version = repository.publish_artifact_version("model")
    assert version.get_content() == now


@pytest.mark.backends(*WITH_ENDPOINT)  # moto checks no checksum
@pytest.mark.parametrize("publish", [False, True])
def test_content_changed_while_it_is_uploaded_is_refused(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, *, publish: bool
) -> None:
    repository.put_artifact("model", b"good")
    hand_out(monkeypatch, Changing(b"first", b"other"))
    sent: list[str] = []
    store.aws.s3.meta.events.register("before-call.s3", lambda model, **_: sent.append(model.name))

    write = repository.publish_artifact_version if publish else repository.put_artifact
    with pytest.raises(ConflictError, match="the content changed while it was uploaded"):
        write("model", content=b"first")
    monkeypatch.undo()
    assert sent.count("PutObject") == 1
    assert [artifact.get_content() for artifact in repository.list_artifact_versions("model")] == [b"good"]
    assert set(store.keys()) == {store.key("model", "LATEST")}


@pytest.mark.backends(*WITH_ENDPOINT)  # moto checks no checksum
@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("second", [b"b" * 6 * MIB, b"a" * 5 * MIB, b"a" * 7 * MIB, b"a" * (6 * MIB - 1) + b"b"])
def test_content_changed_while_it_goes_up_in_parts_is_refused(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, second: bytes
) -> None:
    changing = Changing(b"a" * 6 * MIB, second)
    with monkeypatch.context() as patched:
        hand_out(patched, changing)
        with pytest.raises(ConflictError, match="the content changed while it was uploaded"):
            repository.publish_artifact_version("model", content=b"a" * 6 * MIB)

    assert repository.list_artifact_versions("model") == []
    assert store.keys() == []


@pytest.fixture
def uploads_left(store: Store) -> Callable[[], list[str]]:
    """Which uploads in parts were begun and neither completed nor given up, by their keys."""

    def left() -> list[str]:
        answer = store.aws.s3.list_multipart_uploads(Bucket=store.bucket)
        return [upload["Key"] for upload in answer.get("Uploads", [])]

    return left


@pytest.mark.usefixtures("small_parts")
def test_large_content_begins_to_go_up_while_it_is_announced_and_unchanged_content_does_not(
    traffic: Traffic, store: Store, repository: Repository, uploads_left: Callable[[], list[str]]
) -> None:
    watched, content = traffic.repository(store.aws, store.place), b"a" * (6 * MIB)
    repository.put_artifact("model", b"before")
    watched.list_aliases("other")  # its first use is over

    sent = traffic.of(lambda: watched.put_artifact("model", content))
    assert sent[0] == "GetItem"
    assert sorted(sent[1:3]) == ["CreateMultipartUpload", "UpdateItem"]
    assert sent[3:] == ["UploadPart", "UploadPart", "CompleteMultipartUpload", "UpdateItem"]
    assert traffic.of(lambda: watched.put_artifact("model", content)) == ["GetItem", "UpdateItem"]
    assert uploads_left() == []


@pytest.mark.usefixtures("small_parts")
def test_large_content_that_others_have_put_meanwhile_leaves_no_upload(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, uploads_left: Callable[[], list[str]]
) -> None:
    other, content = store.reopened(), b"a" * (6 * MIB)
    interrupting(monkeypatch, repository._puts, "put", lambda: other.put_artifact("model", content))

    assert repository.put_artifact("model", content).etag == other.get_artifact_version("model").etag
    assert uploads_left() == []


@pytest.mark.usefixtures("small_parts")
def test_large_content_whose_announcement_fails_leaves_no_upload(
    traffic: Traffic, store: Store, repository: Repository, uploads_left: Callable[[], list[str]]
) -> None:
    before = repository.put_artifact("model", b"before")
    watched = traffic.repository(store.aws, store.place)
    traffic.answers["UpdateItem"] = (400, "AccessDeniedException", "no")

    with pytest.raises(AccessDeniedError):
        watched.put_artifact("model", b"a" * (6 * MIB))
    assert repository.get_artifact_version("model") == before
    assert uploads_left() == []
