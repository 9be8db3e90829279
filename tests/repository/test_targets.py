"""Where content goes while it is read: whole and in its place, and the file that cannot be written is told."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import IntegrityError, InvalidInputError, object_body
from airflow_provider_versioned.repository.targets import File, Memory
from tests.servers import MOTO

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store


def fill(memory: Memory, begin: int, piece: bytes) -> None:
    room = memory.room(begin, len(piece))
    room[:] = piece
    memory.keep(begin, room)


def test_memory_holds_pieces_in_their_places_whatever_their_order() -> None:
    memory = Memory()
    memory.expect(6)

    for begin, piece in ((4, b"ef"), (0, b"ab"), (2, b"xx"), (2, b"cd")):
        fill(memory, begin, piece)

    assert memory.content() == b"abcdef"


def test_memory_that_expected_another_length_begins_anew() -> None:
    memory = Memory()
    memory.expect(2)
    late = memory.room(0, 2)
    memory.expect(3)

    fill(memory, 0, b"abc")
    late[:] = b"xx"  # by a thread that was given up

    assert memory.content() == b"abc"


def test_content_of_memory_stays_what_it_is_when_a_thread_still_holds_a_piece() -> None:
    memory = Memory()
    memory.expect(3)
    fill(memory, 0, b"abc")
    late = memory.room(0, 3)

    content = memory.content()
    late[:] = b"xyz"

    assert content == b"abc"


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("parallel_from", [10, 10**9])
def test_download_whose_disk_is_full_is_told_once_and_leaves_no_file(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parallel_from: int
) -> None:
    monkeypatch.setattr(object_body, "PARALLEL_FROM", parallel_from)
    version, writes = repository.publish_artifact_version("model", content=b"content" * 10), []

    def full(*_: object) -> int:
        writes.append(1)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(InvalidInputError, match=r"cannot be written to .*No space left"):
        version.download(tmp_path / "model")
    assert len(writes) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, 9999, 10_000, 25_001])
def test_content_read_into_memory_and_into_a_file_is_the_same_in_parts_and_in_one(
    repository: Repository, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    content = bytes(range(251)) * (size // 251) + bytes(size % 251)
    version = repository.publish_artifact_version("model", content=content)
    for parallel_from in (10_000, 10**9):
        monkeypatch.setattr(object_body, "PARALLEL_FROM", parallel_from)
        monkeypatch.setattr(object_body, "PART", 4096)

        assert version.get_content() == content
        assert version.download(tmp_path / "file").read_bytes() == content
    store.set_attribute("model", "000001", "size", {"N": "12345"})  # which somebody has damaged
    assert repository.get_artifact_version("model", 1).get_content() == content


def test_file_takes_nothing_after_its_end_and_ends_after_what_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, begun, go_on, write = tmp_path / "model", threading.Event(), threading.Event(), os.pwrite

    def slow(descriptor: int, piece: memoryview, offset: int) -> int:
        begun.set()
        go_on.wait(60)
        return write(descriptor, piece, offset)

    monkeypatch.setattr("os.pwrite", slow)
    with path.open("wb") as file, ThreadPoolExecutor(2) as threads:
        target = File(file, path)
        writing = threads.submit(target.keep, 0, memoryview(b"content"))
        begun.wait(60)
        ending = threads.submit(target.__exit__)
        while not target._ended:
            pass
        with pytest.raises(ValueError, match="not written any more"):
            target.keep(0, memoryview(b"late"))
        assert not ending.done()
        go_on.set()
        ending.result(60)
        assert writing.done()
    assert path.read_bytes() == b"content"


def test_download_that_failed_has_ended_its_file_before_its_descriptor_is_another_ones(
    repository: Repository, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = repository.publish_artifact_version("model", content=b"content")
    store.put_object(store.key("model", "000001"), b"CONTENT")
    targets: set[File] = set()
    keep = File.keep

    def watched(target: File, begin: int, piece: memoryview) -> None:
        targets.add(target)
        keep(target, begin, piece)

    monkeypatch.setattr(File, "keep", watched)
    with pytest.raises(IntegrityError):
        version.download(tmp_path / "model")
    (target,) = targets
    with pytest.raises(ValueError, match="not written any more"):
        keep(target, 0, memoryview(b"late"))
