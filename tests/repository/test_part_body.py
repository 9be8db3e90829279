"""The bytes of a part on its way up: exactly those that stand there, and as many as were promised."""

from __future__ import annotations

import io
import os
import tempfile
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_versioned.repository.part_body import PartBody, reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 4


def spooled(content: bytes, _folder: Path) -> BinaryIO:
    file = tempfile.SpooledTemporaryFile(max_size=len(content) // 2)  # noqa: SIM115 -- closed by who asked for it
    file.write(content)
    return file  # type: ignore[return-value] # a binary file in all but name


def on_disk(content: bytes, folder: Path) -> BinaryIO:
    (folder / "content").write_bytes(content)
    return (folder / "content").open("rb")


@pytest.fixture(params=[lambda content, _: io.BytesIO(content), on_disk, spooled], ids=["memory", "file", "spooled"])
def stream(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BinaryIO]:
    make: Callable[[bytes, Path], BinaryIO] = request.param
    with make(CONTENT, tmp_path) as made:
        yield made


def test_parts_are_read_side_by_side_wherever_the_stream_stands(stream: BinaryIO) -> None:
    first, second = (PartBody(reader_of(stream), begin, 512) for begin in (0, 512))
    stream.seek(100)

    assert first.read(10) + second.read(10) == CONTENT[:10] + CONTENT[512:522]
    assert first.read() + second.read() == CONTENT[10:512] + CONTENT[522:]
    assert first.read() == second.read(1) == b""
    assert stream.tell() == 100


@given(
    content=st.binary(max_size=40),
    begin=st.integers(0, 50),
    size=st.integers(0, 50),
    steps=st.lists(st.tuples(st.sampled_from(["read", "set", "current", "end"]), st.integers(-1, 60))),
)
def test_part_reads_like_a_file_that_is_filled_up_with_zeros(
    content: bytes, begin: int, size: int, steps: list[tuple[str, int]]
) -> None:
    part = PartBody(reader_of(io.BytesIO(content)), begin, size)
    whole = content[begin : begin + size].ljust(size, b"\0")
    model = io.BytesIO(whole)
    for step, number in steps:
        if step == "read":
            assert part.read(number) == model.read(number)
        elif step == "set":
            assert part.seek(max(number, 0)) == model.seek(max(number, 0))
        elif step == "current":
            assert part.seek(max(number, 0), os.SEEK_CUR) == model.seek(max(number, 0), os.SEEK_CUR)
        else:
            assert part.seek(0, os.SEEK_END) == model.seek(0, os.SEEK_END)
        assert part.tell() == model.tell()


def test_file_that_has_got_shorter_is_filled_up(tmp_path: Path) -> None:
    with on_disk(CONTENT, tmp_path) as file:
        part = PartBody(reader_of(file), 512, 512)
        os.truncate(tmp_path / "content", 600)

        assert part.read() == CONTENT[512:600] + bytes(512 - 88)
