"""What goes over the wire in this process: counted, and delayed on request.

Works on every client of botocore and aiobotocore, also on those that a library keeps to itself.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiobotocore.httpsession import AIOHTTPSession  # type: ignore[import-untyped] # has no types
from botocore.httpsession import URLLib3Session

from benchmarks.units import Units, units_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Traffic:
    """What was sent and received.

    Attributes:
        operations: Requests by name: DynamoDB's operation, or S3's method.
        units_by_operation: DynamoDB's, as computed from requests and answers.
        reported: The same as the server reports them, where it was asked to.
        with_units: Whether bodies are read for units, which takes some time of the CPU.
    """

    operations: Counter[str] = field(default_factory=Counter)
    bytes_sent: int = 0
    bytes_received: int = 0
    units_by_operation: dict[str, Units] = field(default_factory=dict)
    reported: Counter[str] = field(default_factory=Counter)
    with_units: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return sum(self.operations.values())

    @property
    def units(self) -> Units:
        """What all of them cost."""
        return sum(self.units_by_operation.values(), Units())

    @property
    def transferred(self) -> int:
        """What went over the wire both ways, without headers."""
        return self.bytes_sent + self.bytes_received

    def count(self, request: Any, headers: Any, body: bytes) -> None:
        """Count a request and its answer."""
        operation = _operation(request)
        if not self.with_units:
            self._add(operation, request, headers, body)
            return
        sent, received = _json(request.body), _json(body)
        capacity = received.get("ConsumedCapacity", [])
        self._add(operation, request, headers, body)
        with self._lock:
            before = self.units_by_operation.get(operation, Units())
            self.units_by_operation[operation] = before + units_of(operation, sent, received)
            for consumed in capacity if isinstance(capacity, list) else [capacity]:
                self.reported[operation] += consumed.get("CapacityUnits", 0)

    def _add(self, operation: str, request: Any, headers: Any, body: bytes) -> None:
        with self._lock:
            self.operations[operation] += 1
            self.bytes_sent += _length(request)
            if request.method != "HEAD":  # whose length is that of what it does not send
                self.bytes_received += int(headers.get("content-length") or len(body))


@contextmanager
def watched(delay_secs: float = 0.0, *, with_units: bool = True) -> Iterator[Traffic]:
    """Count all requests of this process inside the block, and delay each, as a distance to the server would.

    Requests that are sent by several threads wait side by side.
    """
    traffic, send, asend = Traffic(with_units=with_units), URLLib3Session.send, AIOHTTPSession.send

    def counted(self: URLLib3Session, request: Any) -> Any:
        time.sleep(delay_secs)
        answer = send(self, request)
        traffic.count(request, answer.headers, b"" if request.stream_output else answer.content)
        return answer

    async def acounted(self: AIOHTTPSession, request: Any) -> Any:
        await asyncio.sleep(delay_secs)
        answer = await asend(self, request)
        traffic.count(request, answer.headers, b"" if request.stream_output else await answer.content)
        return answer

    URLLib3Session.send, AIOHTTPSession.send = counted, acounted  # type: ignore[method-assign] # on purpose
    try:
        yield traffic
    finally:
        URLLib3Session.send, AIOHTTPSession.send = send, asend  # type: ignore[method-assign] # as above


def _operation(request: Any) -> str:
    target = request.headers.get("X-Amz-Target", b"")
    target = target.decode() if isinstance(target, bytes) else target
    return target.rpartition(".")[2] or ("S3 LIST" if "list-type=2" in request.url else f"S3 {request.method}")


def _length(request: Any) -> int:
    declared = request.headers.get("Content-Length")
    if declared is not None:
        return int(declared)
    body = request.body
    if body is None or isinstance(body, (bytes, bytearray, str)):
        return len(body or b"")
    return len(body) if hasattr(body, "__len__") else 0


def _json(body: Any) -> dict[str, Any]:
    if not body or not isinstance(body, (bytes, bytearray)) or not body.startswith(b"{"):
        return {}
    found: dict[str, Any] = json.loads(body)
    return found
