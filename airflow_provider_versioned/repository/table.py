"""Requests to the DynamoDB table: every read is strongly consistent, every refusal tells what stood there.

Knows nothing of artifacts; only that the table must be this repository's, which the first read of each instance finds
out in passing. A write is data (:class:`Write`), made from a model and its condition, and is sent alone or with others
in one transaction. A condition that was not met is :class:`Refused`, which never leaves the package.
"""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from airflow_provider_versioned.repository.aws import CONTENDED, THROTTLED, UNAVAILABLE, code_of, translate
from airflow_provider_versioned.repository.errors import StorageUnavailableError, WrongRepositoryError
from airflow_provider_versioned.repository.items import MarkerItem
from airflow_provider_versioned.repository.keys import MARKER_KEY, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action
    from pynamodb.models import Model

    from airflow_provider_versioned.repository.clients import Clients
    from airflow_provider_versioned.repository.pace import Pace

Key = tuple[str, str]
RawItem = dict[str, Any]

MAX_TRANSACTION = 100  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
MAX_BATCH_GET = 100
_TRIES = 12
_REFUSED = "ConditionalCheckFailed"


class Refused(Exception):  # noqa: N818 -- a signal inside the package, no error of ours
    """A condition was not met.

    Attributes:
        found: Per write of the request, in its order: the item that stood there if that write was refused (an empty
            dict if there was none), or None if it was not.
    """

    def __init__(self, found: Sequence[RawItem | None]) -> None:
        super().__init__("condition not met")
        self.found = list(found)


@dataclass(frozen=True)
class Write:
    """One conditional write as DynamoDB's low-level arguments, without the table name."""

    kind: str
    arguments: dict[str, Any]

    def of(self, item: RawItem) -> Write:
        """Return the same write of another item; quicker than to make it anew."""
        return Write(self.kind, {**self.arguments, "Key": {"pk": item["pk"], "sk": item["sk"]}})


def put(item: Model, condition: Condition | None) -> Write:
    """Write a whole item on a condition; None only where the key is unique by itself."""
    return _write("Put", item.get_save_kwargs_from_instance(condition, "ALL_OLD"))


def update(item: Model, condition: Condition | None, *actions: Action) -> Write:
    """Change attributes of the item with that key, so that attributes of others survive."""
    return _write("Update", item.get_update_kwargs_from_instance(list(actions), condition, "ALL_OLD"))


def delete(item: Model, condition: Condition | None) -> Write:
    """Remove the item with that key."""
    return _write("Delete", item.get_delete_kwargs_from_instance(condition, "ALL_OLD"))


def check(item: Model, condition: Condition) -> Write:
    """Only demand something of the item with that key; for transactions."""
    return _write("ConditionCheck", item.get_delete_kwargs_from_instance(condition, "ALL_OLD"))


def _write(kind: str, arguments: dict[str, Any]) -> Write:
    return Write(kind, {key: value for key, value in arguments.items() if key != "TableName"})


class Table:
    """The table of one repository.

    Args:
        pace: Holds writes to a rate, and has throttled requests waited for; None: they are the caller's.

    Attributes:
        is_ours: Whether the marker has been read, and is this repository's.
    """

    def __init__(
        self, clients: Clients, place: Place, sleep: Callable[[float], None] = time.sleep, pace: Pace | None = None
    ) -> None:
        self._clients = clients
        self._place = place
        self._name = place.dynamodb_table_name
        self._sleep = sleep
        self._pace = pace
        self.is_ours = False
        self.resource = f"table {self._name!r}"

    def get_request(self, key: Key) -> dict[str, Any]:
        """Return the arguments of a strongly consistent GetItem, for any client, also an asynchronous one."""
        return {"TableName": self._name, "Key": _raw_key(key), "ConsistentRead": True}

    def get(self, asked: str, *keys: Key) -> dict[Key, RawItem]:
        """Read items in one request per 100; those that do not exist are not in the answer.

        Raises:
            WrongRepositoryError: The table's marker names another bucket, prefix or suffix.
        """
        wanted = keys if self.is_ours else (*keys, MARKER_KEY)
        if len(wanted) == 1:
            answer = self._send(asked, "get_item", self.get_request(wanted[0]))
            found = {wanted[0]: answer["Item"]} if "Item" in answer else {}
        else:
            found = {}
            for start in range(0, len(wanted), MAX_BATCH_GET):
                found |= self._get_batch(asked, wanted[start : start + MAX_BATCH_GET])
        if not self.is_ours:
            self._demand_ours(found.pop(MARKER_KEY, None))
        return found

    def ensure_ours(self, asked: str) -> None:
        """Read the marker, once in the life of this object, where nothing else is read first.

        Raises:
            WrongRepositoryError: The table's marker names another bucket, prefix or suffix.
        """
        if not self.is_ours:
            self.get(asked)

    def _demand_ours(self, raw: RawItem | None) -> None:
        if raw is not None:
            marker = MarkerItem.from_raw_data(raw)
            serves = (marker.s3_bucket, marker.s3_prefix, marker.suffix)
            ours = (self._place.s3_bucket, self._place.s3_prefix, self._place.suffix)
            if serves != ours:
                raise WrongRepositoryError(
                    f"{self.resource} serves the repository with bucket, prefix and suffix {serves}, not {ours}; give "
                    "each repository a table of its own.",
                    serves=serves,
                    asked=ours,
                )
        self.is_ours = True

    def _get_batch(self, asked: str, keys: Sequence[Key]) -> dict[Key, RawItem]:
        wanted = {self._name: {"Keys": [_raw_key(key) for key in keys], "ConsistentRead": True}}
        found: dict[Key, RawItem] = {}
        for attempt in range(_TRIES):
            answer = self._send(asked, "batch_get_item", {"RequestItems": wanted})
            found |= {key_of(item): item for item in answer["Responses"].get(self._name, [])}
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return found
            self.pause(attempt)
        raise StorageUnavailableError(
            f"{asked} failed: {self.resource} left keys unread {_TRIES} times (BatchGetItem); try again later.",
            operation="BatchGetItem",
            code="UnprocessedKeys",
            resource=self.resource,
        )

    def query(self, asked: str, pk: str, **arguments: Any) -> Iterator[RawItem]:
        """Read a partition page by page, in the order of its sort keys unless ``ScanIndexForward`` is False.

        Args:
            arguments: More arguments of DynamoDB's Query; a key condition on ``sk`` goes into ``sk_condition`` and its
                values into ``sk_values``.
        """
        self.ensure_ours(asked)
        condition = "pk = :pk" + (f" AND {arguments.pop('sk_condition')}" if "sk_condition" in arguments else "")
        request = {
            "TableName": self._name,
            "ConsistentRead": True,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": {":pk": {"S": pk}, **arguments.pop("sk_values", {})},
            **arguments,
        }
        yield from self._pages(asked, "query", request)

    def scan(self, asked: str) -> Iterator[RawItem]:
        """Read every item of the table, in no order."""
        self.ensure_ours(asked)
        yield from self._pages(asked, "scan", {"TableName": self._name, "ConsistentRead": True})

    def scan_within(self, asked: str, answers: int) -> list[RawItem] | None:
        """Read the whole table, in no order, if it comes in so many answers (of 1 MB); None: it does not."""
        self.ensure_ours(asked)
        items: list[RawItem] = []
        for number, answer in enumerate(
            self._answers(asked, "scan", {"TableName": self._name, "ConsistentRead": True})
        ):
            items += answer["Items"]
            if number + 1 == answers and "LastEvaluatedKey" in answer:
                return None
        return items

    def scan_keys(self, asked: str) -> Iterator[RawItem]:
        """Read the keys of every item of the table, in no order; reads (and costs) the whole table."""
        self.ensure_ours(asked)
        request = {"TableName": self._name, "ConsistentRead": True, "ProjectionExpression": "pk, sk"}
        yield from self._pages(asked, "scan", request)

    def _pages(self, asked: str, operation: str, request: dict[str, Any]) -> Iterator[RawItem]:
        for answer in self._answers(asked, operation, request):
            yield from answer["Items"]

    def _answers(self, asked: str, operation: str, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        while True:
            answer = self._send(asked, operation, request)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            request = {**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def write(self, asked: str, write: Write, *, return_old: bool = False) -> RawItem:
        """Send one write.

        Args:
            return_old: Ask for the item as it was before.

        Returns:
            The old item if asked for and there was one, else an empty dict.

        Raises:
            Refused: The condition was not met.
        """
        operation = {"Put": "put_item", "Update": "update_item", "Delete": "delete_item"}[write.kind]
        request = {"TableName": self._name, **write.arguments}
        if return_old:
            request["ReturnValues"] = "ALL_OLD"
        old: RawItem = self._send(asked, operation, request).get("Attributes", {})
        return old

    def transact(self, asked: str, writes: Sequence[Write]) -> None:
        """Send up to 100 writes of which all are applied or none.

        Raises:
            Refused: A condition was not met; ``found`` is in the order of ``writes``.
        """
        items = [{write.kind: {"TableName": self._name, **write.arguments}} for write in writes]
        # The token makes a repeat by the SDK after a lost answer harmless, for ten minutes:
        # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
        self._send(asked, "transact_write_items", {"TransactItems": items, "ClientRequestToken": uuid.uuid4().hex})

    def write_together(self, asked: str, writes: Sequence[Write]) -> None:
        """Send up to 100 writes that stand or fall together; one alone costs half as much outside a transaction.

        Raises:
            Refused: A condition was not met; ``found`` is in the order of ``writes``.
        """
        if len(writes) == 1:
            self.write(asked, writes[0])
        else:
            self.transact(asked, writes)

    def _send(self, asked: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request; wait and send again while another request holds the items.

        Contention is no fault of the caller and always passes, but the SDK does not retry it. A throttle is waited for
        only where there is a pace to slow down.
        """
        attempt = 0
        while True:
            try:
                return self._send_in_turn(operation, request)
            except ClientError as error:
                refused = _refusal(error)
                if refused is not None:
                    raise refused from error
                if not (self._slowed(error) or _contended(error)) or attempt == _TRIES:
                    raise translate(error, asked, self.resource) from error
            except BotoCoreError as error:
                raise translate(error, asked, self.resource) from error
            self.pause(attempt)
            attempt += 1

    def _send_in_turn(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if self._pace is not None:
            self._pace.take(_writes(operation, request))
        answer: dict[str, Any] = dict(getattr(self._clients.dynamodb, operation)(**request))
        if self._pace is not None and answer.get("ResponseMetadata", {}).get("RetryAttempts"):
            self._pace.throttled()  # or nearly: the SDK had to repeat it
        return answer

    def _slowed(self, error: ClientError) -> bool:
        """Tell whether a throttle has slowed the pace down, so that the request may be sent again."""
        codes = {code_of(error), *(reason.get("Code") for reason in _reasons(error))}
        if self._pace is None or not codes & THROTTLED:
            return False
        self._pace.throttled()
        return True

    def pause(self, attempt: int) -> None:
        """Wait a little before the next attempt, longer after each (from 0)."""
        # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        self._sleep(random.uniform(0, min(2.0, 0.02 * 2**attempt)))  # noqa: S311 -- spreads load, guards no secret


def key_of(item: RawItem) -> Key:
    """Return the key of a raw item."""
    return item["pk"]["S"], item["sk"]["S"]


def _raw_key(key: Key) -> RawItem:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _writes(operation: str, request: dict[str, Any]) -> int:
    """Return how many items a request writes."""
    if operation == "transact_write_items":
        return sum("ConditionCheck" not in item for item in request["TransactItems"])
    return int(operation in {"put_item", "update_item", "delete_item"})


def _reasons(error: ClientError) -> list[dict[str, Any]]:
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment] # the stubs know only the common part of an answer
    return reasons


def _refusal(error: ClientError) -> Refused | None:
    if code_of(error) == "ConditionalCheckFailedException":
        found: RawItem = error.response.get("Item", {})  # type: ignore[assignment] # as above
        return Refused([found])
    reasons = _reasons(error)
    if any(reason.get("Code") == _REFUSED for reason in reasons):
        return Refused([reason.get("Item", {}) if reason.get("Code") == _REFUSED else None for reason in reasons])
    return None


def _contended(error: ClientError) -> bool:
    codes = {reason.get("Code") for reason in _reasons(error)} - {"None", None}
    return code_of(error) in CONTENDED | {"TransactionInProgressException"} or (
        bool(codes) and codes <= CONTENDED | UNAVAILABLE
    )
