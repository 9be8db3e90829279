"""The bytes of one object, from any offset on, so that a download that broke goes on; large ones in parallel parts.

They go where a :class:`~airflow_provider_versioned.repository.targets.Target` has them, and whoever reads sees them.
"""

from __future__ import annotations

import io
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.bucket import quoted
from airflow_provider_versioned.repository.targets import Nowhere, Target

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
        target: Takes what is read.
    """

    get: Callable[..., Any]
    bucket: str
    key: str
    etag: str | None = None
    length: int | None = None
    target: Target = field(default_factory=Nowhere)
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
        self.target.expect(self.length or 0)
        body = PartsBody(lambda begin: self._answer(_range(begin)), offset, self.length or 0, self.target)
        try:
            answer = body.first.result()
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
            answer["Body"].close()
            self.length = length
            return self.open_at(offset)
        body.begin()
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

    def _from(self, offset: int, answer: Any) -> Any:
        if offset and "ContentRange" not in answer:  # a server that knows no ranges begins anew
            _skip(answer["Body"], offset)
        self.target.expect(self.length or 0)
        return OneBody(answer["Body"], offset, self.target)


class OneBody:
    """A body that comes in one piece.

    Args:
        body: As botocore gives it.
        begin: Offset of its first byte.
    """

    def __init__(self, body: Any, begin: int, target: Target) -> None:
        self._body = body
        self._at = begin
        self._target = target

    def read(self, size: int) -> memoryview:
        """Return some of the next bytes, none at the end; they stay what they are until the next call."""
        size = min(size, _READ)
        room = self._target.room(self._at, size)
        found = memoryview(self._body.read(size)) if room is None else room[: self._body.readinto(room)]
        self._target.keep(self._at, found)
        self._at += len(found)
        return found

    def close(self) -> None:
        """Give the connection back."""
        self._body.close()


class PartsBody:
    """A body whose parts are fetched ahead, side by side, and read in their order.

    The parts stand where their target has room for them, otherwise in few buffers that are used again and again: memory
    that is always new costs more than hashing it.

    All are asked for from the start on; but before anything is read, the caller looks at the first answer.

    Args:
        ask: Asks for the part that begins at an offset, and returns S3's answer.
        begin: Offset of the first part.
        end: Offset after the last byte.

    Attributes:
        first: The answer for the first part.
    """

    def __init__(self, ask: Callable[[int], Any], begin: int, end: int, target: Target) -> None:
        self._ask = ask
        self._begin = begin
        self._next = min(begin + PART, end)
        self._end = end
        self._target = target
        self._executor = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="download")
        self._parts: deque[_Part] = deque()
        self._changed = threading.Condition()
        self._read = 0  # of the first of them
        self._free: memoryview | None = None
        self._closed = False
        self.first: Future[Any] = self._executor.submit(ask, begin)
        while self._next < end and len(self._parts) < _AT_ONCE - 1:
            self._fetch()

    def begin(self) -> None:
        """Read on after the first answer; nothing can be read before."""
        self._parts.appendleft(self._part(self._begin, self.first.result))

    def read(self, size: int) -> memoryview:
        """Return some of the next bytes, none at the end; raises what went wrong with their part.

        They stay what they are until the next call.
        """
        while self._parts:
            part = self._parts[0]
            with self._changed:
                self._changed.wait_for(lambda: part.count > self._read or part.filling.done())  # noqa: B023 -- at once
            if part.count > self._read:
                begin, self._read = self._read, min(part.count, self._read + size)
                return part.room[begin : self._read]
            part.filling.result()
            self._parts.popleft()
            self._read, self._free = 0, part.room
            if self._next < self._end:
                self._fetch()
        return memoryview(b"")

    def close(self) -> None:
        """Ask for no further part; from here on no thread puts anything into the target, over what was verified."""
        self._closed = True
        self._executor.shutdown(wait=not isinstance(self._target, Nowhere), cancel_futures=True)
        self._parts.clear()

    def _fetch(self) -> None:
        begin, self._next = self._next, min(self._next + PART, self._end)
        self._parts.append(self._part(begin, lambda: self._ask(begin)))

    def _part(self, begin: int, answer: Callable[[], Any]) -> _Part:
        size = min(PART, self._end - begin)
        room = self._target.room(begin, size)
        if room is None:
            room, self._free = (self._free or memoryview(bytearray(PART))), None
        part = _Part(begin, room)
        part.filling = self._executor.submit(lambda: self._fill(part, answer()["Body"]))
        part.filling.add_done_callback(lambda _filling: self._tell())
        return part

    def _fill(self, part: _Part, body: Any) -> None:
        """Read a part to its end, which may come too early."""
        while (
            not self._closed
            and part.count < len(part.room)
            and (read := body.readinto(part.room[part.count : part.count + _READ]))
        ):
            self._target.keep(part.begin + part.count, part.room[part.count : part.count + read])
            part.count += read
            self._tell()
        body.close()

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify()


@dataclass(eq=False)
class _Part:
    """A part under way.

    Attributes:
        begin: Offset of its first byte.
        room: Where it is read into; it may end before that.
        count: Bytes that have come.
        filling: Done when no more come.
    """

    begin: int
    room: memoryview
    count: int = 0
    filling: Future[None] = field(default_factory=Future)


def _range(begin: int) -> str:
    return f"bytes={begin}-{begin + PART - 1}"


def _skip(body: Any, count: int) -> None:
    while count and (chunk := body.read(min(count, 1024**2))):
        count -= len(chunk)
