"""The bytes of one object, from any offset on, so that a download that broke goes on; large ones in parallel parts."""

from __future__ import annotations

import io
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.bucket import quoted

if TYPE_CHECKING:
    from collections.abc import Callable

PARALLEL_FROM = 32 * 1024**2  # from here on an object is read in parallel parts
PART = 8 * 1024**2
_READ = 256 * 1024
_AT_ONCE = 6  # parts under way or waiting to be read, so that memory stays small


@dataclass
class ObjectBody:
    """One object, opened from any offset on, as long as it stays the same object.

    Attributes:
        get: Sends GetObject.
        etag: None: whatever is there at first, and only that afterwards.
        length: In bytes; what the object's record says, until S3 has said it.
    """

    get: Callable[..., Any]
    bucket: str
    key: str
    etag: str | None = None
    length: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open_at(self, offset: int) -> Any:
        """Send GetObject and return the body from that byte on."""
        if offset and offset == self.length:  # it broke after the last byte, and S3 knows no empty range
            return io.BytesIO()
        if (self.length or 0) - offset >= PARALLEL_FROM:
            return self._open_parts(offset)
        answer = self._answer(f"bytes={offset}-" if offset else None)
        if not offset:
            self.length = answer["ContentLength"]
        return self._from(offset, answer)

    def _open_parts(self, offset: int) -> Any:
        body = PartsBody(lambda begin: self._answer(_range(begin))["Body"], offset, self.length or 0)
        try:
            answer = self._answer(_range(offset))
        except BaseException:
            body.close()
            raise
        if "ContentRange" not in answer:
            body.close()
            self.length = answer["ContentLength"]
            return self._from(offset, answer)
        length = int(answer["ContentRange"].rpartition("/")[2])
        if length != self.length:  # what was asked for ahead may not be there
            body.close()
            self.length = length
            body = PartsBody(lambda begin: self._answer(_range(begin))["Body"], offset, length)
        body.begin(answer["Body"])
        return body

    def _answer(self, wanted: str | None) -> Any:
        arguments: dict[str, Any] = {} if self.etag is None else {"IfMatch": self.etag}
        if wanted is not None:
            arguments["Range"] = wanted
        answer = self.get(Bucket=self.bucket, Key=self.key, **arguments)
        with self._lock:
            if self.etag is None:
                self.etag = quoted(answer["ETag"])
            same = self.etag == quoted(answer["ETag"])
        # Of several requests at once the first answer counts; for another object S3 is asked again, and refuses.
        return answer if same or arguments.get("IfMatch") == self.etag else self._answer(wanted)

    @staticmethod
    def _from(offset: int, answer: Any) -> Any:
        if offset and "ContentRange" not in answer:  # a server that knows no ranges begins anew
            _skip(answer["Body"], offset)
        return answer["Body"]


class PartsBody:
    """A body whose parts are fetched ahead, side by side, and read in their order.

    The parts stand in few buffers that are used again and again: memory that is always new costs more than hashing it.

    The second and later ones are asked for from the start on; the first is the caller's to ask for, and to hand in.

    Args:
        open_part: Asks for the part that begins at an offset.
        begin: Offset of the first part.
        end: Offset after the last byte.
    """

    def __init__(self, open_part: Callable[[int], Any], begin: int, end: int) -> None:
        self._open_part = open_part
        self._next = min(begin + PART, end)
        self._end = end
        self._executor = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="download")
        self._parts: deque[Future[memoryview]] = deque()
        self._part = memoryview(b"")
        self._buffer: bytearray | None = None
        while self._next < end and len(self._parts) < _AT_ONCE - 1:
            self._fetch(bytearray(PART))

    def begin(self, first: Any) -> None:
        """Take the first part's body; nothing can be read before."""
        self._parts.appendleft(self._executor.submit(_filled, bytearray(PART), first))

    def read(self, size: int) -> memoryview:
        """Return some of the next bytes, none at the end; raises what went wrong with their part.

        They stay what they are until the next call.
        """
        if not self._part and self._parts:
            if self._buffer is not None and self._next < self._end:
                self._fetch(self._buffer)
                self._buffer = None
            self._part = self._parts[0].result()
            self._buffer = self._part.obj  # type: ignore[assignment] # of all that a view may be of, it is this
            self._parts.popleft()
        found, self._part = self._part[:size], self._part[size:]
        return found

    def close(self) -> None:
        """Ask for no further part."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._parts.clear()
        self._part = memoryview(b"")

    def _fetch(self, buffer: bytearray) -> None:
        begin, self._next = self._next, min(self._next + PART, self._end)
        self._parts.append(self._executor.submit(lambda: _filled(buffer, self._open_part(begin))))


def _filled(buffer: bytearray, body: Any) -> memoryview:
    """Read a body to its end; return what there was of it."""
    view, count = memoryview(buffer), 0
    while count < len(view) and (read := body.readinto(view[count : count + _READ])):
        count += read
    body.close()
    return view[:count]


def _range(begin: int) -> str:
    return f"bytes={begin}-{begin + PART - 1}"


def _skip(body: Any, count: int) -> None:
    while count and (chunk := body.read(min(count, 1024**2))):
        count -= len(chunk)
