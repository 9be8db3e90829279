"""Progress bars on stderr, shown to a person only; everybody else gets the same work without a bar."""

from __future__ import annotations

import io
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from botocore.awsrequest import AWSPreparedRequest
    from mypy_boto3_s3 import S3Client

    from airflow_provider_versioned.cli.invocation import Invocation

WORTH_A_BAR = 8 * 1024**2  # bytes that take a second or more on most lines
MANY = 5  # things of which the progress is worth a bar
_UPLOADS = ("PutObject", "UploadPart")

Entry = TypeVar("Entry")


@contextmanager
def bytes_moved(run: Invocation, label: str, length: int | None) -> Iterator[Callable[[int], None]]:
    """Show how many of so many bytes have moved; gives the function to tell about more."""
    if not run.watched or length is None or length < WORTH_A_BAR:
        yield lambda _count: None
        return
    lock = threading.Lock()  # parts go up in parallel
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:

        def moved(count: int) -> None:
            with lock:
                bar.update(count)

        yield moved


def each(run: Invocation, label: str, entries: Sequence[Entry]) -> Iterator[Entry]:
    """Show how many of many things are done."""
    if not run.watched or len(entries) < MANY:
        yield from entries
        return
    with click.progressbar(entries, label=label, file=sys.stderr) as bar:
        yield from bar


def counted(run: Invocation, label: str, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Show how many things of an unknown number have come."""
    if not run.watched:
        yield from entries
        return
    for number, entry in enumerate(entries, 1):
        click.echo(f"\r{label} {number}", nl=False, err=True)
        yield entry
    click.echo("\r" + " " * (len(label) + 12) + "\r", nl=False, err=True)


class Counting(io.RawIOBase):
    """A stream that tells how many bytes were read of it.

    Args:
        moved: Is told.
    """

    def __init__(self, stream: Any, moved: Callable[[int], None]) -> None:
        super().__init__()
        self._stream = stream
        self._moved = moved

    def __getattr__(self, name: str) -> Any:
        """Be the stream in everything else, such as its length."""
        return getattr(self._stream, name)

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes."""
        chunk: bytes = self._stream.read(size)
        self._moved(len(chunk))
        return chunk

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, as the SDK does before it sends again."""
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        """Return the position."""
        return int(self._stream.tell())


def watch_uploads(s3: S3Client, moved: Callable[[int], None]) -> None:
    """Have every body that a client sends from now on counted; a request that is sent again counts again."""

    def count(request: AWSPreparedRequest, **_: object) -> None:
        if hasattr(request.body, "read"):
            request.body = Counting(request.body, moved)  # type: ignore[assignment] # a body may be any such stream

    for operation in _UPLOADS:
        s3.meta.events.register(f"before-send.s3.{operation}", count)
