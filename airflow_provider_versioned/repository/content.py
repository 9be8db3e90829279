"""Content on its way in and out: hashed before it is sent, verified while it is read, never whole in memory.

In: bytes, a file, or a binary stream; a stream that cannot seek is spooled to disk first, because S3 wants the SHA-256
before the first byte. Out: a stream that raises at its end if the bytes were not those of the record.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_provider_versioned.repository.errors import IntegrityError, InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Content = bytes | bytearray | memoryview | os.PathLike[str] | BinaryIO

_CHUNK = 1024 * 1024
_SPOOL_IN_MEMORY = 8 * 1024 * 1024


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
        yield io.BytesIO(content)
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


class VerifiedStream(io.RawIOBase):
    """A readable stream over an S3 body that raises at its end if the content was not that of the record.

    Args:
        body: The body of a GetObject answer.
        sha256: Digest that the record names.
        what: The content in words, for the message.
        translated: Turns errors of the connection into errors of ours.
    """

    def __init__(self, body: Any, sha256: str, what: str, translated: Callable[[], Any]) -> None:
        super().__init__()
        self._body = body
        self._expected = sha256
        self._what = what
        self._translated = translated
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes.

        Raises:
            IntegrityError: The end is reached, and the content was not that of the record.
        """
        with self._translated():
            chunk: bytes = self._body.read(len(buffer))
        if not chunk and len(buffer):
            self._verify()
        self._digest.update(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        """Give the connection back."""
        if not self.closed:
            self._body.close()
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


def write_verified(stream: BinaryIO, path: Path) -> Path:
    """Write a verifying stream to a file that appears under its name only when it is whole.

    Raises:
        InvalidInputError: The file cannot be written there.
        IntegrityError: The content was not that of the record; no file is left.
    """
    try:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".part")
    except OSError as error:
        raise InvalidInputError(f"A file cannot be written to {str(path)!r}: {error}.", path=str(path)) from error
    try:
        with os.fdopen(handle, "wb") as file:
            while chunk := stream.read(_CHUNK):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).chmod(0o666 & ~_umask())
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return path


def _umask() -> int:
    """Return the process's umask; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
