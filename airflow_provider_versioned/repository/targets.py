"""Where content goes while it is read for its digest: nowhere, into memory at once, or into a file.

Pieces are kept as they come, by several threads side by side when content comes in parts, so that no byte is copied
once more afterwards. Whether the whole is what it should be is not known here: nobody may use it before it is verified.
"""

from __future__ import annotations

import io
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

from airflow_provider_versioned.repository.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Target(Protocol):
    """Takes the pieces of one content, in any order, some of them twice."""

    def expect(self, length: int) -> None:
        """Learn how many bytes there are; again when that turns out to be otherwise."""

    def room(self, begin: int, size: int) -> memoryview | None:
        """Return where the bytes from an offset on are to be read into; None: anywhere."""

    def keep(self, begin: int, piece: memoryview) -> None:
        """Keep what was read; it stays what it is only until this returns, unless it is the target's own room."""


class Nowhere:
    """Keeps nothing: whoever reads takes the bytes."""

    def expect(self, _length: int) -> None:
        """Do nothing."""

    def room(self, _begin: int, _size: int) -> None:
        """Let them be read anywhere."""

    def keep(self, _begin: int, _piece: memoryview) -> None:
        """Do nothing."""


class Memory:
    """Holds the content, once."""

    def __init__(self) -> None:
        self._whole = io.BytesIO()
        self._view = self._whole.getbuffer()

    def expect(self, length: int) -> None:
        """Make room for so many bytes."""
        if length != len(self._view):
            self._whole = io.BytesIO(bytes(length))
            self._view = self._whole.getbuffer()

    def room(self, begin: int, size: int) -> memoryview:
        """Return the place of these bytes in the whole."""
        return self._view[begin : begin + size]

    def keep(self, _begin: int, _piece: memoryview) -> None:
        """Do nothing: it is in its place."""

    def content(self) -> bytes:
        """Return the whole, without a copy unless a thread that was given up still holds a piece of it."""
        self._view.release()
        return self._whole.getvalue()


class File:
    """Writes the content to a file, each piece at its place, until the block ends that this is the context of.

    A thread that was given up may still come with a piece. It finds the end written down: the file is the user's by
    then, or its descriptor another file's.

    Args:
        file: Open for writing, empty.
        path: What it is to be called, for the message.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._descriptor = file.fileno()
        self._path = path
        self._changed = threading.Condition()
        self._writing = 0
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Let nobody write any more, and wait for those who do."""
        with self._changed:
            self._ended = True
            self._changed.wait_for(lambda: self._writing == 0)

    def expect(self, _length: int) -> None:
        """Do nothing: a file grows as it is written."""

    def room(self, _begin: int, _size: int) -> None:
        """Let the bytes be read anywhere."""

    def keep(self, begin: int, piece: memoryview) -> None:
        """Write it.

        Raises:
            InvalidInputError: The file cannot be written.
        """
        with self._writes():
            try:
                while piece:
                    written = os.pwrite(self._descriptor, piece, begin)
                    begin, piece = begin + written, piece[written:]
            except OSError as error:
                raise unwritable(self._path, error) from error

    @contextmanager
    def _writes(self) -> Iterator[None]:
        with self._changed:
            if self._ended:
                raise ValueError(f"{str(self._path)!r} is not written any more.")
            self._writing += 1
        try:
            yield
        finally:
            with self._changed:
                self._writing -= 1
                self._changed.notify_all()


def unwritable(path: Path, error: OSError) -> InvalidInputError:
    """Return the error that says that a file cannot be written."""
    return InvalidInputError(f"A file cannot be written to {str(path)!r}: {error}.", path=str(path))
