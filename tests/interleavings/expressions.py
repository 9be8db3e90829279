"""DynamoDB's condition and update expressions, as far as the repository writes them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RawItem = dict[str, dict[str, Any]]
_TOKEN = re.compile(r"\s*(\(|\)|,|<>|<=|>=|=|<|>|[#:]?\w+)")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
}


def holds(request: Mapping[str, Any], item: RawItem, expression: str | None) -> bool:
    """Tell whether an item meets a condition; without one it does."""
    return expression is None or _Reader(request, item, expression).condition()


def updated(request: Mapping[str, Any], item: RawItem) -> RawItem:
    """Return an item after an update expression; every right side sees the item as it was.

    Raises:
        ValueError: Two actions are about the same attribute, which DynamoDB refuses.
    """
    return _Reader(request, item, request["UpdateExpression"]).updated()


@functools.cache
def _tokens(expression: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(expression))


def _comparable(typed: dict[str, Any]) -> tuple[str, Any]:
    ((kind, value),) = typed.items()
    if kind == "N":
        return kind, float(value)
    return kind, frozenset(value) if kind == "SS" else value


class _Reader:
    def __init__(self, request: Mapping[str, Any], item: RawItem, expression: str) -> None:
        self._names = request.get("ExpressionAttributeNames") or {}
        self._values = request.get("ExpressionAttributeValues") or {}
        self._item = item
        self._rest = list(reversed(_tokens(expression)))

    def _peek(self) -> str | None:
        return self._rest[-1] if self._rest else None

    def _take(self, *expected: str) -> str:
        token = self._rest.pop()
        assert not expected or token in expected, f"{token}, not {expected}"
        return token

    # -- conditions --------------------------------------------------------------------------------------------------

    def condition(self) -> bool:
        found = self._conjunction()
        while self._peek() == "OR":
            self._take()
            found = self._conjunction() or found
        return found

    def _conjunction(self) -> bool:
        found = self._single()
        while self._peek() == "AND":
            self._take()
            found = self._single() and found
        return found

    def _single(self) -> bool:
        token = self._peek()
        if token == "NOT":
            self._take()
            return not self._single()
        if token == "(":
            self._take()
            found = self.condition()
            self._take(")")
            return found
        if token in {"attribute_exists", "attribute_not_exists"}:
            self._take()
            self._take("(")
            there = self._name() in self._item
            self._take(")")
            return there == (token == "attribute_exists")
        if token in {"contains", "begins_with"}:
            return self._function(self._take())
        return self._comparison()

    def _function(self, function: str) -> bool:
        self._take("(")
        whole = self._operand()
        self._take(",")
        part = self._operand()
        self._take(")")
        if whole is None or part is None:
            return False
        return bool(part[1] in whole[1] if function == "contains" else whole[1].startswith(part[1]))

    def _comparison(self) -> bool:
        left, operator = self._operand(), self._take()
        if operator == "BETWEEN":
            low = self._operand()
            self._take("AND")
            high = self._operand()
            return left is not None and low is not None and high is not None and low[1] <= left[1] <= high[1]
        if operator == "IN":
            self._take("(")
            among = [self._operand()]
            while self._take(",", ")") == ",":
                among.append(self._operand())
            return left is not None and left in among
        right = self._operand()
        if operator == "=":
            return left is not None and left == right
        if operator == "<>":
            return left != right
        if left is None or right is None or left[0] != right[0]:
            return False
        return _COMPARISONS[operator](left[1], right[1])

    def _name(self) -> str:
        token = self._take()
        return str(self._names.get(token, token))

    def _operand(self) -> tuple[str, Any] | None:
        typed = self._typed()
        return None if typed is None else _comparable(typed)

    def _typed(self) -> dict[str, Any] | None:
        if self._peek() == "if_not_exists":
            self._take()
            self._take("(")
            there = self._item.get(self._name())
            self._take(",")
            other = self._typed()
            self._take(")")
            return there if there is not None else other
        if str(self._peek()).startswith(":"):
            return dict(self._values[self._take()])
        return self._item.get(self._name())

    # -- updates -----------------------------------------------------------------------------------------------------

    def updated(self) -> RawItem:
        after, clause, changed = dict(self._item), "", set()
        while self._rest:
            if self._peek() in {"SET", "REMOVE", "ADD", "DELETE", ","}:
                token = self._take()
                clause = clause if token == "," else token
                continue
            name = self._name()
            if name in changed:
                raise ValueError(f"two actions are about {name}")
            changed.add(name)
            self._act(clause, name, after)
        return after

    def _act(self, clause: str, name: str, after: RawItem) -> None:
        if clause == "REMOVE":
            after.pop(name, None)
            return
        if clause == "SET":
            self._take("=")
        value = self._typed()
        assert value is not None
        if clause == "SET":
            after[name] = value
            return
        members = set(after.pop(name, {"SS": []})["SS"])
        members = members | set(value["SS"]) if clause == "ADD" else members - set(value["SS"])
        if members:
            after[name] = {"SS": sorted(members)}
