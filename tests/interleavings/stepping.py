"""Calls in threads of their own that go on from one request to the next only when they are told to."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError

from tests.repository.fault_wire import Died

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_PATIENCE_SECS = 60
_WRITES = frozenset(
    {
        "complete_multipart_upload",
        "copy_object",
        "delete_item",
        "delete_object",
        "delete_objects",
        "put_item",
        "put_object",
        "transact_write_items",
        "update_item",
    }
)


class SteppedCall:
    """A call that waits before each of its requests; one request is under way in all calls together.

    Args:
        perform: Is given a function that makes a client whose requests wait.
        lost: Which of its requests, from 0, is sent twice, because the answer to the first is lost; None: none. If that
            one only reads, the next that writes.
    """

    def __init__(self, perform: Callable[[Callable[[Any], Any]], object], lost: int | None = None) -> None:
        self._perform = perform
        self._lost = lost
        self._turn, self._rest = threading.Semaphore(0), threading.Semaphore(0)
        self._dies = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.requests: list[str] = []
        self.began = self.ended = False
        self.error: BaseException | None = None
        self.result: object = None

    def begin(self) -> None:
        """Let it go up to its first request."""
        self.began = True
        self._thread.start()
        self._wait()

    def go_on(self) -> None:
        """Let it send a request and go up to the next; not after it has ended."""
        self._turn.release()
        self._wait()

    def die(self) -> None:
        """Let it end here, as a process that is killed; its next request is never sent."""
        self._dies = True
        self.go_on()
        assert self.ended

    def _wait(self) -> None:
        if not self._rest.acquire(timeout=_PATIENCE_SECS):
            raise AssertionError(f"stands still after {self.requests}")
        if self.ended:
            self._thread.join(_PATIENCE_SECS)

    def _run(self) -> None:
        try:
            self.result = self._perform(lambda client: _Stepped(client, self))
        except BaseException as error:  # noqa: BLE001 -- told to whoever judges
            self.error = error
        self.ended = True
        self._rest.release()

    def send(self, operation: str, request: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Wait for the turn, and send a request of the call."""
        self._await_turn(operation)
        body = arguments.get("Body")
        if body is not None and not isinstance(body, bytes):
            arguments = {**arguments, "Body": body.read()}
        if self._lost is None or len(self.requests) <= self._lost or operation not in _WRITES:
            return request(**arguments)
        self._lost = None
        with suppress(ClientError):  # the answer is lost
            request(**arguments)
        self._await_turn(f"{operation}, again")
        try:
            return request(**arguments)
        except ClientError as error:
            error.response["ResponseMetadata"]["RetryAttempts"] = 1
            raise

    def _await_turn(self, operation: str) -> None:
        if not self._dies:
            self._rest.release()
            self._turn.acquire()
        if self._dies:
            raise Died
        self.requests.append(operation)


class _Stepped:
    """A client whose requests wait for their turn."""

    def __init__(self, client: Any, call: SteppedCall) -> None:
        self._client = client
        self._call = call

    def __getattr__(self, operation: str) -> Any:
        if operation == "get_paginator":
            return lambda listing: _SteppedPaginator(self._client.get_paginator(listing), listing, self._call)
        request = getattr(self._client, operation)
        return lambda **arguments: self._call.send(operation, request, arguments)


class _SteppedPaginator:
    def __init__(self, paginator: Any, operation: str, call: SteppedCall) -> None:
        self._paginator = paginator
        self._operation = operation
        self._call = call

    def paginate(self, **arguments: Any) -> Iterator[Any]:
        pages: Iterator[Any] = self._call.send(self._operation, self._paginator.paginate, arguments)
        return pages


class InTurn:
    """An executor that does one thing after the other, in the caller's thread.

    Attributes:
        backwards: Whether what was submitted is done only when something of it is asked for, the last one first; else
            at once.
    """

    backwards = False

    def __init__(self, *_arguments: object, **_keywords: object) -> None:
        """Take what the real one takes."""
        self._waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Wait for what was submitted, as the real one does."""
        self.catch_up()

    def submit(self, call: Callable[..., Any], *arguments: object) -> Future[Any]:
        future: Future[Any] = _Future(self)
        self._waiting.append((future, partial(call, *arguments)))
        if not self.backwards:
            self.catch_up()
        return future

    def catch_up(self) -> None:
        """Do what waits."""
        while self._waiting:
            future, call = self._waiting.pop()
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 -- raised where the result is asked for
                future.set_exception(error)

    def shutdown(self, **_keywords: object) -> None:
        """Begin nothing any more."""
        self._waiting.clear()


class _Future(Future[Any]):
    def __init__(self, executor: InTurn) -> None:
        super().__init__()
        self._executor = executor

    def result(self, timeout: float | None = None) -> Any:
        self._executor.catch_up()
        return super().result(timeout)
