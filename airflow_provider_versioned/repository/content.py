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
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from airflow_provider_versioned.repository.errors import (
    ConflictError,
    IntegrityError,
    InvalidInputError,
    InvalidTypeError,
)
from airflow_provider_versioned.repository.part_body import PartBody, reader_of
from airflow_provider_versioned.repository.targets import unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Content = bytes | bytearray | memoryview | os.PathLike[str] | BinaryIO

_CHUNK = 1024 * 1024
_SPOOL_IN_MEMORY = 8 * 1024 * 1024
PART = 8 * 1024 * 1024  # in which large content usually goes up
_HASHED_AHEAD = 4  # chunks
_MAX_BREAKS = 5  # in a row, without one byte in between


@dataclass(frozen=True)
class Prepared:
    """Content that can be read any number of times.

    Attributes:
        sha256: Hex digest.
        size: Bytes.
        stream: The content; :meth:`rewound` before each use.
        digests: SHA-256 of each part of the usual size; None: not known.
    """

    sha256: str
    size: int
    stream: BinaryIO
    digests: tuple[bytes, ...] | None = None

    def rewound(self) -> BinaryIO:
        """Return the stream, at its beginning."""
        self.stream.seek(0)
        return self.stream

    def parts(self, asked: str, size: int) -> Iterator[tuple[BinaryIO, bytes]]:
        """Cut it into parts; each with the SHA-256 that it had when the whole was hashed, for S3 to demand.

        Args:
            asked: What the caller wanted, as the beginning of a sentence.
            size: Of a part, in bytes.

        Raises:
            ConflictError: It is longer or shorter than it was.
        """
        if self.stream.seek(0, os.SEEK_END) != self.size:
            raise self.changed(asked)
        digests = self.digests if size == PART and self.digests is not None else self._digests(asked, size)
        read_at = reader_of(self.stream)
        for begin, digest in zip(range(0, self.size, size), digests, strict=True):
            yield cast("BinaryIO", PartBody(read_at, begin, min(size, self.size - begin))), digest

    def _digests(self, asked: str, size: int) -> list[bytes]:
        whole, digests, stream = hashlib.sha256(), [], self.rewound()
        while part := stream.read(size):
            whole.update(part)
            digests.append(hashlib.sha256(part).digest())
        if whole.hexdigest() != self.sha256:
            raise self.changed(asked)
        return digests

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


class _Hashing:
    """Hashes content while it is read, and its parts in a thread of its own, side by side.

    Args:
        in_parts: Whether the parts are hashed, too.
    """

    def __init__(self, *, in_parts: bool) -> None:
        self._in_parts = in_parts
        self._whole = hashlib.sha256()
        self._size = 0
        self._part = hashlib.sha256()
        self._left = PART
        self._digests: list[bytes] = []

    def read(self, stream: BinaryIO, write: Callable[[bytes], object] = lambda _chunk: None) -> None:
        """Read a stream to its end.

        Args:
            write: Takes what was read.
        """
        waiting: deque[Future[None]] = deque()
        with ThreadPoolExecutor(1, thread_name_prefix="versioned-hash") as executor:
            while chunk := stream.read(_CHUNK):
                if not isinstance(chunk, bytes):
                    raise InvalidTypeError(f"content must be a binary stream, but it gave {type(chunk).__name__}.")
                if self._in_parts:
                    waiting.append(executor.submit(self._add, chunk))
                self._whole.update(chunk)
                self._size += len(chunk)
                write(chunk)
                if len(waiting) > _HASHED_AHEAD:
                    waiting.popleft().result()
            for future in waiting:
                future.result()

    def _add(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            added, view = view[: self._left], view[self._left :]
            self._part.update(added)
            self._left -= len(added)
            if not self._left:
                self._digests.append(self._part.digest())
                self._part, self._left = hashlib.sha256(), PART

    def prepared(self, stream: BinaryIO) -> Prepared:
        """Return the content, which a stream gives again."""
        if not self._in_parts:
            return Prepared(self._whole.hexdigest(), self._size, stream)
        last = [self._part.digest()] if self._left < PART else []
        return Prepared(self._whole.hexdigest(), self._size, stream, (*self._digests, *last))


def size_before_reading(content: Content) -> int | None:
    """Return the bytes of content as far as that is known before it is read; None: it is not, or there is none."""
    if isinstance(content, (bytes, bytearray, memoryview)):
        return memoryview(content).nbytes
    if isinstance(content, os.PathLike):
        with suppress(OSError):  # told when it is opened
            return Path(content).stat().st_size
    return None


@contextmanager
def prepare(content: Content) -> Iterator[Prepared]:
    """Hash content and make it readable more than once, for as long as the block lasts.

    Raises:
        InvalidTypeError: It is none of bytes, path, binary stream.
        InvalidInputError: The file cannot be read.
    """
    if isinstance(content, (bytes, bytearray, memoryview)):
        yield _hashed(io.BytesIO(bytes(content)), memoryview(content).nbytes)
    elif isinstance(content, os.PathLike):
        with ExitStack() as stack:
            try:
                file = stack.enter_context(Path(content).open("rb"))
            except OSError as error:
                raise InvalidInputError(f"Content file {os.fspath(content)!r} cannot be read: {error}.") from error
            yield _hashed(file, os.fstat(file.fileno()).st_size)
    elif callable(getattr(content, "read", None)):
        # The caller's stream is only read, from where it stands, never sought or closed.
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL_IN_MEMORY) as spooled:
            hashing = _Hashing(in_parts=True)
            hashing.read(content, spooled.write)
            yield hashing.prepared(spooled)  # type: ignore[arg-type] # a binary file in all but name
    else:
        raise InvalidTypeError(
            f"content must be bytes, a pathlib.Path or a binary stream, got {type(content).__name__}; encode text with "
            ".encode(), wrap a file name in pathlib.Path."
        )


def _hashed(stream: BinaryIO, size: int) -> Prepared:
    hashing = _Hashing(in_parts=size > PART)
    hashing.read(stream)
    return hashing.prepared(stream)


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
        chunk = self._next(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def readall(self) -> bytes:
        """Read all that is left, in larger pieces than io does by itself; raises as :meth:`readinto` does."""
        whole = io.BytesIO()
        while chunk := self._next(_CHUNK):
            whole.write(chunk)
        return whole.getvalue()

    def exhaust(self) -> None:
        """Read all that is left for whoever else sees it pass; raises as :meth:`readinto` does."""
        while self._next(PART):  # or what there is: few large pieces, for whose hashing no other thread is held up
            pass

    def _next(self, size: int) -> bytes | memoryview:
        with self._translated():
            chunk = self._read(size)
        if not chunk and size:
            self._verify()
        self._digest.update(chunk)
        self._offset += len(chunk)
        return chunk

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
def appearing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name when the block ends without an error, and not before.

    Raises:
        InvalidInputError: The file cannot be written there.
    """
    partial = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}.part")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):  # it never came to be, or has its final name
            partial.unlink()


def write_verified(stream: BinaryIO, path: Path) -> Path:
    """Write a verifying stream to a file that appears under its name only when it is whole.

    Raises:
        InvalidInputError: The file cannot be written there.
        IntegrityError: The content was not that of the record; no file is left.
    """
    with appearing(path) as file:
        while chunk := stream.read(_CHUNK):
            file.write(chunk)
    return path
