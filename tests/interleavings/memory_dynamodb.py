"""A DynamoDB table in memory, with the client's methods that the repository calls; one request at a time.

``test_memory`` compares it with servers.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tests.interleavings.expressions import RawItem, holds, updated

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = tuple[str, str]


class MemoryDynamoDB:
    """One table, whatever it is called; every request is answered from what it is at that moment.

    Attributes:
        forgets_tokens: Answer a transaction that is sent again as DynamoDB does when ten minutes have passed.
    """

    def __init__(self) -> None:
        self._items: dict[Key, RawItem] = {}
        self._tokens: set[str] = set()
        self.forgets_tokens = False

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()
        self._tokens.clear()

    # -- reading -----------------------------------------------------------------------------------------------------

    def get_item(self, **request: Any) -> dict[str, Any]:
        item = self._items.get(_key(request["Key"]))
        return {"Item": copy.deepcopy(item)} if item else {}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        ((table, wanted),) = request["RequestItems"].items()
        found = (self._items.get(_key(key)) for key in wanted["Keys"])
        return {"Responses": {table: [copy.deepcopy(item) for item in found if item]}}

    def query(self, **request: Any) -> dict[str, Any]:
        items = [item for _, item in sorted(self._items.items())]
        found = [item for item in items if holds(request, item, request["KeyConditionExpression"])]
        if not request.get("ScanIndexForward", True):
            found.reverse()
        start = request.get("ExclusiveStartKey")
        if start is not None:
            keys = [_key(item) for item in found]
            found = found[keys.index(_key(start)) + 1 :]
        page = found[: request.get("Limit", len(found))]
        more = {"LastEvaluatedKey": {name: page[-1][name] for name in ("pk", "sk")}} if len(page) < len(found) else {}
        return {"Items": copy.deepcopy(page), **more}

    def scan(self, **_request: Any) -> dict[str, Any]:
        return {"Items": [copy.deepcopy(item) for item in self._items.values()]}

    # -- writing -----------------------------------------------------------------------------------------------------

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._write("Put", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._write("Update", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        return self._write("Delete", request)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        if request["ClientRequestToken"] in self._tokens and not self.forgets_tokens:
            return {}
        writes = [next(iter(write.items())) for write in request["TransactItems"]]
        reasons = [self._refusal(write) for _, write in writes]
        if any(reason["Code"] != "None" for reason in reasons):
            raise _error("TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons)
        for kind, write in writes:
            self._apply(kind, write)
        self._tokens.add(request["ClientRequestToken"])
        return {}

    def _write(self, kind: str, request: Mapping[str, Any]) -> dict[str, Any]:
        reason = self._refusal(request)
        if reason["Code"] != "None":
            found = {"Item": reason["Item"]} if "Item" in reason else {}
            raise _error("ConditionalCheckFailedException", f"{kind}Item", **found)
        old = copy.deepcopy(self._items.get(_target(request)))
        self._apply(kind, request)
        return {"Attributes": old} if old and request.get("ReturnValues") == "ALL_OLD" else {}

    def _refusal(self, request: Mapping[str, Any]) -> dict[str, Any]:
        item = self._items.get(_target(request), {})
        if holds(request, item, request.get("ConditionExpression")):
            return {"Code": "None"}
        return {"Code": "ConditionalCheckFailed", **({"Item": copy.deepcopy(item)} if item else {})}

    def _apply(self, kind: str, request: Mapping[str, Any]) -> None:
        key = _target(request)
        if kind == "Put":
            self._items[key] = copy.deepcopy(request["Item"])
        elif kind == "Delete":
            self._items.pop(key, None)
        elif kind == "Update":
            self._items[key] = updated(request, self._items.get(key, {"pk": {"S": key[0]}, "sk": {"S": key[1]}}))


def _key(item: Mapping[str, Any]) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def _target(request: Mapping[str, Any]) -> Key:
    return _key(request["Key"] if "Key" in request else request["Item"])


def _error(code: str, operation: str, **more: Any) -> ClientError:
    answer = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": 400}, **more}
    return ClientError(answer, operation)  # type: ignore[arg-type] # the stubs know only the common part of an answer
