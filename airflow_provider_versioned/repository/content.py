"""Content on its way in and out: hashed before it is sent, verified while it is read, never whole in memory.

In: bytes, a file, or a binary stream; a stream that cannot seek is spooled to disk first, because S3 wants the SHA-256
before the first byte. Out: a stream that raises at its end if the bytes were not those of the record.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import tempfile
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_provider_versioned.repository.errors import (
    ConflictError,
    IntegrityError,
    InvalidInputError,
    InvalidTypeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Content = bytes | bytearray | memoryview | os.PathLike[str] | BinaryIO

_CHUNK = 1024 * 1024
_FLUSH_FROM = 32 * 1024 * 1024
_SPOOL_IN_MEMORY = 8 * 1024 * 1024
_MAX_BREAKS = 5  # in a row, without one byte in between


@dataclass(frozen=True)
class Prepared:
    """Content that can be read any number of times.

    Attributes:
        sha256: Hex digest.
        size: Bytes.
        stream: The content; :meth:`rewound` before each use.
    """

    sha256: str
    size: int
    stream: BinaryIO

    def rewound(self) -> BinaryIO:
        """Return the stream, at its beginning."""
        self.stream.seek(0)
        return self.stream

    @functools.cached_property
    def md5(self) -> bytes:
        """The MD5, of which S3 makes the ETag."""
        return hashlib.file_digest(self.rewound(), lambda: hashlib.md5(usedforsecurity=False)).digest()  # type: ignore[arg-type] # any binary file

    def changed(self, asked: str) -> ConflictError:
        """Return the error that says that it is not what it was when it was hashed."""
        return ConflictError(
            f"{asked} failed: the content changed while it was uploaded; nothing was changed, try again when nobody "
            "writes to it.",
            expected=self.sha256,
        )


@contextmanager
def prepare(content: Content) -> Iterator[Prepared]:
    """Hash content and make it readable more than once, for as long as the block lasts.

    Raises:
        InvalidTypeError: It is none of bytes, path, binary stream.
        InvalidInputError: The file cannot be read.
    """
    with _opened(content) as stream:
        digest, size = hashlib.sha256(), 0
        while chunk := stream.read(_CHUNK):
            if not isinstance(chunk, bytes):
                raise InvalidTypeError(f"content must be a binary stream, but it gave {type(chunk).__name__}.")
            digest.update(chunk)
            size += len(chunk)
        yield Prepared(digest.hexdigest(), size, stream)


@contextmanager
def _opened(content: Content) -> Iterator[BinaryIO]:
    if isinstance(content, (bytes, bytearray, memoryview)):
        yield io.BytesIO(bytes(content))
    elif isinstance(content, os.PathLike):
        with ExitStack() as stack:
            try:
                file = stack.enter_context(Path(content).open("rb"))
            except OSError as error:
                raise InvalidInputError(f"Content file {os.fspath(content)!r} cannot be read: {error}.") from error
            yield file
    elif callable(getattr(content, "read", None)):
        with _seekable(content) as stream:
            yield stream
    else:
        raise InvalidTypeError(
            f"content must be bytes, a pathlib.Path or a binary stream, got {type(content).__name__}; encode text with "
            ".encode(), wrap a file name in pathlib.Path."
        )


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Copy what is left of a stream to a temporary file; the caller's stream is only read, never sought or closed."""
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_IN_MEMORY) as spooled:
        while chunk := stream.read(_CHUNK):
            if not isinstance(chunk, bytes):
                raise InvalidTypeError(f"content must be a binary stream, but it gave {type(chunk).__name__}.")
            spooled.write(chunk)
        spooled.seek(0)
        yield spooled  # type: ignore[misc] # SpooledTemporaryFile is a binary file in all but name


class RehashedStream(io.RawIOBase):
    """Reads content from its beginning and keeps back the end when it is not what was hashed before.

    For S3's upload in parts, which knows no SHA-256 of the whole: it then stops before the object appears. Closing it,
    as the transfer manager does, leaves the content's own stream open.

    Args:
        asked: What the caller wanted, as the beginning of a sentence.
    """

    def __init__(self, asked: str, content: Prepared) -> None:
        super().__init__()
        self._asked = asked
        self._content = content
        self._stream = content.rewound()
        self._digest = hashlib.sha256()
        self._count = 0

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes.

        Raises:
            ConflictError: They are the last ones, and the content has changed since it was hashed.
        """
        chunk = self._stream.read(size)
        self._digest.update(chunk)
        self._count += len(chunk)
        if self._count >= self._content.size and self._digest.hexdigest() != self._content.sha256:
            raise self._content.changed(self._asked)
        return chunk

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, as the transfer manager does to learn the size.

        Raises:
            ConflictError: The content has another size than when it was hashed.
        """
        position = self._stream.seek(offset, whence)
        if whence == io.SEEK_END and offset == 0 and position != self._content.size:
            raise self._content.changed(self._asked)
        return position

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be sought in."""
        return True


class VerifiedStream(io.RawIOBase):
    """A readable stream over an S3 object that raises at its end if the content was not that of the record.

    When the connection breaks it is opened again where it broke off; only after five breaks in a row without one new
    byte is the break told.

    Args:
        open_at: Opens the body of the same object from an offset on.
        sha256: Digest that the record names.
        what: The content in words, for the message.
        translated: Turns errors of the connection into errors of ours.
        broken: The errors by which a connection breaks.
    """

    def __init__(
        self,
        open_at: Callable[[int], Any],
        sha256: str,
        what: str,
        translated: Callable[[], Any],
        broken: tuple[type[Exception], ...],
    ) -> None:
        super().__init__()
        self._open_at = open_at
        self._body: Any = open_at(0)
        self._expected = sha256
        self._what = what
        self._translated = translated
        self._broken = broken
        self._digest = hashlib.sha256()
        self._offset = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes.

        Raises:
            IntegrityError: The end is reached, and the content was not that of the record.
            StorageUnavailableError: The connection kept breaking.
        """
        with self._translated():
            chunk = self._read(len(buffer))
        if not chunk and len(buffer):
            self._verify()
        self._digest.update(chunk)
        self._offset += len(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _read(self, size: int) -> bytes | memoryview:
        breaks = 0
        while True:
            try:
                if self._body is None:
                    self._body = self._open_at(self._offset)
                chunk: bytes | memoryview = self._body.read(size)
            except self._broken:
                self._drop()
                breaks += 1
                if breaks > _MAX_BREAKS:
                    raise
                time.sleep(0.1 * 2**breaks)
            else:
                return chunk

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def close(self) -> None:
        """Give the connection back."""
        if not self.closed:
            self._drop()
        super().close()

    def _verify(self) -> None:
        found = self._digest.hexdigest()
        if found != self._expected:
            raise IntegrityError(
                f"{self._what} has sha256 {found} in S3, but its record says {self._expected}; do not use it, and "
                "restore the object or publish again.",
                found=found,
                expected=self._expected,
            )


@contextmanager
def _brought_to_disk(file: io.BufferedWriter) -> Iterator[Callable[[int], None]]:
    """Have what is written on the disk at the end of the block; most of it is brought there while the rest comes in.

    Yields:
        What takes how many bytes were written just now.
    """
    waiting = 0
    under_way: Future[None] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="flush") as executor:

        def written(count: int) -> None:
            nonlocal waiting, under_way
            waiting += count
            if waiting >= _FLUSH_FROM and (under_way is None or under_way.done()):
                if under_way is not None:
                    under_way.result()
                waiting, under_way = 0, executor.submit(os.fsync, file.fileno())

        yield written
        if under_way is not None:
            under_way.result()
    file.flush()
    os.fsync(file.fileno())


def write_verified(stream: BinaryIO, path: Path) -> Path:
    """Write a verifying stream to a file that appears under its name only when it is whole.

    Raises:
        InvalidInputError: The file cannot be written there.
        IntegrityError: The content was not that of the record; no file is left.
    """
    partial = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}.part")
    try:
        with partial.open("xb") as file, _brought_to_disk(file) as written:
            while chunk := stream.read(_CHUNK):
                file.write(chunk)
                written(len(chunk))
        partial.replace(path)
    except OSError as error:
        raise InvalidInputError(f"A file cannot be written to {str(path)!r}: {error}.", path=str(path)) from error
    finally:
        with suppress(OSError):  # it never came to be, or has its final name
            partial.unlink()
    return path
