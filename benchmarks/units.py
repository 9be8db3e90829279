"""DynamoDB's units and their price, from a request and its answer.

A write unit is an item of up to 1 KB, twice that within a transaction; a read unit is up to 4 KB, read strongly
consistently, half of that otherwise; what is not found costs as the least that is:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html.
The size of an item that an update or a delete meets is not in the request: it counts as up to 1 KB, which holds for all
items that this package and the library ``versioned`` write, unless a user gives them long reasons.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

# On demand, us-east-1, in dollars: https://aws.amazon.com/dynamodb/pricing/on-demand/ (since November 2024)
DOLLARS_PER_MILLION_READS = 0.125
DOLLARS_PER_MILLION_WRITES = 0.625

_PAGE, _WRITTEN = 4096, 1024


@dataclass(frozen=True)
class Units:
    """Read and write units."""

    reads: float = 0.0
    writes: float = 0.0

    def __add__(self, other: Units) -> Units:
        """Add up."""
        return Units(self.reads + other.reads, self.writes + other.writes)

    @property
    def dollars(self) -> float:
        """What they cost on demand."""
        return (self.reads * DOLLARS_PER_MILLION_READS + self.writes * DOLLARS_PER_MILLION_WRITES) / 1e6


def units_of(operation: str, request: dict[str, Any], answer: dict[str, Any]) -> Units:
    """Return what a request cost; nothing for S3's, which are billed otherwise."""
    if operation in {"GetItem", "Query", "Scan"}:
        size = sum(map(item_size, answer.get("Items", [answer.get("Item", {})])))
        return Units(reads=_pages(size) * _consistency(request))
    if operation == "BatchGetItem":
        return Units(reads=sum(_batch(table, wanted, answer) for table, wanted in request["RequestItems"].items()))
    if operation in {"PutItem", "UpdateItem", "DeleteItem"}:
        return Units(writes=_written(request))
    if operation == "TransactWriteItems":
        return Units(writes=sum(2 * _written(next(iter(item.values()))) for item in request["TransactItems"]))
    if operation == "BatchWriteItem":
        puts_and_deletes = [next(iter(entry.values())) for table in request["RequestItems"].values() for entry in table]
        return Units(writes=sum(map(_written, puts_and_deletes)))
    return Units()


def item_size(item: dict[str, Any]) -> int:
    """Return an item's size as DynamoDB counts it: names and values.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    [(kind, content)] = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return math.ceil(len(content.lstrip("-").replace(".", "")) / 2) + 1
    if kind in {"BOOL", "NULL"}:
        return 1
    return sum(len(entry.encode()) for entry in content) if kind == "SS" else len(str(content))


def _written(request: dict[str, Any]) -> int:
    return max(1, math.ceil(item_size(request.get("Item", {})) / _WRITTEN))


def _pages(size: int) -> int:
    return max(1, math.ceil(size / _PAGE))


def _consistency(request: dict[str, Any]) -> float:
    return 1.0 if request.get("ConsistentRead") else 0.5


def _batch(table: str, wanted: dict[str, Any], answer: dict[str, Any]) -> float:
    """Return the cost of each key by itself, found or not."""
    found = answer.get("Responses", {}).get(table, [])
    missing = len(wanted["Keys"]) - len(found)
    return (sum(_pages(item_size(item)) for item in found) + missing) * _consistency(wanted)
