"""The bytes of one part on its way up: read where they stand when they are sent, so that none is held in memory."""

from __future__ import annotations

import io
import os
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

    ReadAt = Callable[[int, int], bytes]


class PartBody(io.RawIOBase):
    """A piece of content as a file of its own; several are read at the same time.

    What the content has lost since it was measured reads as zeros, so that S3 gets as many bytes as it was told, and
    refuses them for their digest.

    Args:
        read_at: Reads so many bytes from an offset on, fewer at the end of the content.
        begin: Offset of the first byte.
        size: In bytes.
    """

    def __init__(self, read_at: ReadAt, begin: int, size: int) -> None:
        super().__init__()
        self._read_at = read_at
        self._begin = begin
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be sought, as for a second try."""
        return True

    def tell(self) -> int:
        """Return how many bytes are before what is read next."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Read the next bytes; all that is left by default."""
        left = max(self._size - self._at, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        found = self._read_at(wanted, self._begin + self._at) if wanted else b""
        self._at += wanted
        return found.ljust(wanted, b"\0")


def reader_of(stream: BinaryIO) -> ReadAt:
    """Return what reads a stream at an offset, from any thread, wherever the stream itself stands.

    Args:
        stream: A file, or bytes in memory.
    """
    if isinstance(stream, io.BytesIO):
        return partial(_from_memory, memoryview(stream.getvalue()))  # which getbuffer() would copy
    descriptor = stream.fileno()
    stream.flush()
    return partial(os.pread, descriptor)


def _from_memory(content: memoryview, size: int, offset: int) -> bytes:
    return bytes(content[offset : offset + size])
