"""A wire that fails: sits between botocore and the network, so that the code under test, and the SDK, know nothing.

Counts the requests of several clients together and does one thing at the k-th: the process dies before it is sent or
after it landed, the answer is lost or never comes in time (so the SDK sends again), the connection is reset, or the
server answers with an error, for a while or for ever. The same wire serves real servers and moto, which answers in
process before anything reaches the network.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from moto.core.models import botocore_stubber

if TYPE_CHECKING:
    from collections.abc import Callable


TOKEN = re.compile(rb'"ClientRequestToken": ?"([^"]+)"')


class Died(BaseException):
    """The process died here: nothing in it, not even ``except Exception``, goes on."""


def die_before(_request: AWSPreparedRequest, _send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
    """The request is never sent."""
    raise Died


def die_after(request: AWSPreparedRequest, send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
    """The request lands, and nobody hears of it."""
    send(request)
    raise Died


def lose_answer(request: AWSPreparedRequest, send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
    """The request lands, the answer is lost: the SDK sends it again."""
    send(request)
    raise ConnectionClosedError(endpoint_url=request.url)


def lose_answer_and_token(
    request: AWSPreparedRequest, send: Callable[[AWSPreparedRequest], AWSResponse]
) -> AWSResponse:
    """As before, and when the SDK sends it again, the server no longer knows the transaction's token."""
    sent: Any = request.body
    token = TOKEN.search(sent) if _to_dynamodb(request) else None
    if token:
        request.body = sent.replace(token[1], token[1][::-1])
    send(request)
    request.body = sent
    raise ConnectionClosedError(endpoint_url=request.url)


def time_out(request: AWSPreparedRequest, send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
    """The request lands, and the answer takes longer than the SDK waits: it sends again."""
    send(request)
    raise ReadTimeoutError(endpoint_url=request.url)


def reset(request: AWSPreparedRequest, _send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
    """The connection is reset before anything arrived: the SDK sends again."""
    raise ConnectionClosedError(endpoint_url=request.url)


def throttle(request: AWSPreparedRequest, _send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
    """The server asks to slow down."""
    return _refuse(request, 400, "ThrottlingException", 503, "SlowDown")


def contend(request: AWSPreparedRequest, send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
    """Another request holds the item or the key: no local server ever says so, AWS does (of writes)."""
    if not _to_dynamodb(request) and request.method != "PUT":
        return send(request)
    return _refuse(request, 400, "TransactionConflictException", 409, "ConditionalRequestConflict")


def fail(request: AWSPreparedRequest, _send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
    """The server fails before it has done anything."""
    return _refuse(request, 500, "InternalServerError", 500, "InternalError")


def fail_after(request: AWSPreparedRequest, send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
    """The server does what it was asked, and fails then."""
    send(request)
    return fail(request, send)


def be_busy(request: AWSPreparedRequest, _send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
    """The server has no capacity at the moment."""
    return _refuse(request, 503, "ServiceUnavailable", 503, "ServiceUnavailable")


def deny(request: AWSPreparedRequest, _send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
    """The caller lacks the permission."""
    return _refuse(request, 400, "AccessDeniedException", 403, "AccessDenied")


def _refuse(
    request: AWSPreparedRequest, table_status: int, table_code: str, bucket_status: int, bucket_code: str
) -> AWSResponse:
    if _to_dynamodb(request):
        body = f'{{"__type": "com.amazonaws.dynamodb.v20120810#{table_code}", "message": "injected"}}'.encode()
        return _answer(request, table_status, body, "application/x-amz-json-1.0")
    xml = f"<Error><Code>{bucket_code}</Code><Message>injected</Message></Error>".encode()
    return _answer(request, bucket_status, b"" if request.method == "HEAD" else xml, "application/xml")


def _to_dynamodb(request: AWSPreparedRequest) -> bool:
    return "X-Amz-Target" in request.headers


class _Raw(io.BytesIO):
    def stream(self, **_arguments: object) -> Any:
        yield self.read()


def _answer(request: AWSPreparedRequest, status: int, body: bytes, content_type: str) -> AWSResponse:
    headers: Any = {"content-type": content_type}
    return AWSResponse(request.url, status, headers, _Raw(body))


@dataclass
class Wire:
    """Counts requests and disturbs some.

    Attributes:
        fault: What happens; None: nothing.
        at: Number of the first request that it happens to, from 1.
        times: To how many requests.
    """

    fault: Callable[[AWSPreparedRequest, Callable[[AWSPreparedRequest], AWSResponse]], AWSResponse] | None = None
    at: int = 1
    times: int = 1
    sent: int = 0

    def join(self, *clients: Any) -> None:
        """Put the clients on this wire, for good."""
        for client in clients:
            client._endpoint.http_session = _Session(client._endpoint.http_session, self)
            client.meta.events.unregister("before-send", botocore_stubber)  # moto's, which would answer past the wire
            client.meta.events.register("before-send", self._before_send)

    def _before_send(self, request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse | None:
        """Pass a request on to moto; None sends it to the network, and so to the session above."""
        if not botocore_stubber.enabled:
            return None
        moto: Any = botocore_stubber
        return self.send(request, lambda sent: moto(event_name=event_name, request=sent))

    def send(self, request: AWSPreparedRequest, send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
        """Pass a request on, or not."""
        self.sent += 1
        if self.fault is not None and self.at <= self.sent < self.at + self.times:
            return self.fault(request, send)
        return send(request)


class _Session:
    def __init__(self, session: Any, wire: Wire) -> None:
        self._session = session
        self._wire = wire

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        return self._wire.send(request, self._session.send)

    def close(self) -> None:
        self._session.close()
