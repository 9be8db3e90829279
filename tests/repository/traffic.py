"""What goes over the wire: requests counted and looked at, and answered in the server's stead."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse

from airflow_provider_versioned.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.config import Config

    from tests.servers import Aws, PlaceArguments

Answer = tuple[int, str, str]  # HTTP status, AWS error code, message


@dataclass
class Traffic:
    """Watches clients of its own.

    Attributes:
        operations: Names of the requests sent, in their order, repeats by the SDK included.
        requests: The same as they went out.
        answers: Operation to the error with which it is answered instead of being sent.
    """

    operations: list[str] = field(default_factory=list)
    requests: list[AWSPreparedRequest] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)

    def watch(self, *clients: Any) -> None:
        """Begin to watch clients; use fresh ones."""
        for client in clients:
            service = client.meta.service_model.service_name
            client.meta.events.register(f"before-send.{service}", self._seen)

    def repository(self, aws: Aws, place: PlaceArguments, config: Config | None = None) -> Repository:
        """Return a repository on clients of its own, watched."""
        s3, dynamodb = aws.new_s3(config), aws.new_dynamodb(config)
        self.watch(s3, dynamodb)
        return Repository(**place, s3_client=s3, dynamodb_client=dynamodb)

    def of(self, action: Callable[[], object]) -> list[str]:
        """Return the operations that an action sends."""
        self.operations.clear()
        self.requests.clear()
        action()
        return list(self.operations)

    def _seen(self, request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        self.operations.append(operation)
        self.requests.append(request)
        answer = self.answers.get(operation)
        return None if answer is None else error_answer(request, *answer)


class _Raw(io.BytesIO):
    def stream(self, **_arguments: object) -> Iterator[bytes]:
        yield self.read()


def error_answer(request: AWSPreparedRequest, status: int, code: str, message: str = "injected") -> AWSResponse:
    """Return the error as S3 or DynamoDB, whichever was asked, would write it."""
    if "X-Amz-Target" in request.headers:
        body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}).encode()
    elif request.method == "HEAD":
        body = b""
    else:
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    headers: Any = {"content-length": str(len(body))}
    return AWSResponse(request.url, status, headers, _Raw(body))
