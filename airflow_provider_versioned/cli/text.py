"""Values as text for people: times in UTC, sizes in units, targets of aliases, tables; safe to show on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_UNITS = ("kB", "MB", "GB", "TB")
_STEP = 1000
_ABSENT = "-"


def moment(value: datetime) -> str:
    """Return a time in UTC, to the second."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def size(count: int | None) -> str:
    """Return a number of bytes in decimal units, as S3's console shows them."""
    if count is None or count < _STEP:
        return _ABSENT if count is None else f"{count} B"
    amount, units = count / _STEP, list(_UNITS)
    while round(amount, 1) >= _STEP and len(units) > 1:
        amount, units = amount / _STEP, units[1:]
    return f"{amount:.1f} {units[0]}"


def targets(version: str | None, secondary: str | None, weight: int | None) -> str:
    """Return what an alias points at: ``7``, or ``7 (80 %) + 8 (20 %)``."""
    if version is None or secondary is None:
        return version or "deleted"
    return f"{version} ({100 - (weight or 0)} %) + {secondary} ({weight or 0} %)"


def count(number: int, singular: str) -> str:
    """Return ``1 version``, ``2 versions``."""
    return f"{number} {singular}{'' if number == 1 else 's'}"


def printable(value: object) -> str:
    """Return a value as one line; control characters are spelt out, so that what others wrote steers no terminal."""
    if value is None or value == "":
        return _ABSENT
    text = moment(value) if isinstance(value, datetime) else str(value)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lay out rows in columns, as wide as needed."""
    lines = [list(header), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def record(fields: Iterable[tuple[str, object]]) -> list[str]:
    """Lay out one thing's fields, those without a value left out."""
    given = [(label, value) for label, value in fields if value is not None]
    width = max((len(label) for label, _ in given), default=0)
    return [f"{label.ljust(width)}  {printable(value)}" for label, value in given]
