"""Reading many aliases at once through one asynchronous client.

Only the requests: up to 100 aliases in one strongly consistent BatchGetItem, one alone by GetItem. How often, and on
whose behalf, is decided by :mod:`~airflow_provider_versioned.triggers.shared`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.aws import translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_versioned.repository import Alias, Repository

Pair = tuple[str, str]  # artifact name and alias


class AliasReader:
    """Reads aliases of one repository.

    Args:
        client: An open DynamoDB client of aiobotocore.
    """

    def __init__(self, repository: Repository, client: Any) -> None:
        self._repository = repository
        self._client = client

    async def find(self, name: str, alias: str) -> Alias | None:
        """Return an alias, or None when it does not exist."""
        request = self._repository.alias_request(name, alias)
        with translated(f"Reading alias {alias!r} of {name!r}", f"table {request['TableName']!r}"):
            response = await self._client.get_item(**request)
        return self._repository.alias_from_response(name, response)

    async def find_many(self, pairs: Sequence[Pair]) -> dict[Pair, Alias | None]:
        """Return up to 100 different aliases, None for what does not exist; DynamoDB may leave some out."""
        if len(pairs) == 1:
            return {pairs[0]: await self.find(*pairs[0])}
        requests = {pair: self._repository.alias_request(*pair) for pair in pairs}
        table = next(iter(requests.values()))["TableName"]
        wanted = {table: {"Keys": [request["Key"] for request in requests.values()], "ConsistentRead": True}}
        with translated(f"Reading {len(pairs)} aliases", f"table {table!r}"):
            response = await self._client.batch_get_item(RequestItems=wanted)
        items = {_key(item): item for item in response["Responses"].get(table, [])}
        unread = {_key(key) for key in response.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])}
        keys = {pair: _key(request["Key"]) for pair, request in requests.items()}
        return {pair: self._decoded(pair, items.get(key)) for pair, key in keys.items() if key not in unread}

    def _decoded(self, pair: Pair, item: Mapping[str, Any] | None) -> Alias | None:
        return self._repository.alias_from_response(pair[0], {"Item": item})


def _key(item: Mapping[str, Any]) -> Pair:
    return item["pk"]["S"], item["sk"]["S"]
