"""What goes over the wire: requests counted and looked at, and answered in the server's stead."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.config import Config
    from botocore.model import OperationModel

    from tests.servers import Aws, PlaceArguments

Answer = tuple[int, str, str]  # HTTP status, AWS error code, message


@dataclass
class Traffic:
    """Watches clients of its own.

    Attributes:
        operations: Names of the requests sent, in their order, repeats by the SDK included.
        requests: The same as they went out.
        answers: Operation to the error with which it is answered instead of being sent, as if the SDK had given up
            repeating it. ``*`` stands for every operation.
        date: The Date header of those answers; None: they have none.
    """

    operations: list[str] = field(default_factory=list)
    requests: list[AWSPreparedRequest] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    date: str | None = None

    def watch(self, *clients: Any) -> None:
        """Begin to watch clients; use fresh ones."""
        for client in clients:
            service = client.meta.service_model.service_name
            client.meta.events.register(f"before-call.{service}", self._answer)
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

    def _answer(self, model: OperationModel, **_: object) -> tuple[Any, dict[str, Any]] | None:
        status, code, message = self.answers.get(model.name, self.answers.get("*", (200, "", "")))
        if status == HTTPStatus.OK:
            return None
        self.operations.append(model.name)
        if model.http["method"] == "HEAD":  # which has no body to say more
            code, message = str(status), HTTPStatus(status).phrase
        headers = {} if self.date is None else {"date": self.date}
        metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers}
        error = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
        return SimpleNamespace(status_code=status), error

    def _seen(self, request: AWSPreparedRequest, event_name: str, **_: object) -> None:
        self.operations.append(event_name.rpartition(".")[2])
        self.requests.append(request)
