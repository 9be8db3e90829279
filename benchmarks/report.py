"""Rows of figures, and where they go: Markdown tables between marks in the documents.

A document says with ``<!-- bench: NAME -->`` and ``<!-- /bench -->`` where a benchmark's tables stand; everything in
between is replaced by each run.
"""

from __future__ import annotations

import json
import os
import platform
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DOCS = Path(__file__).parent.parent / "docs"
FIGURES = DOCS / "benchmarks"  # pictures and raw figures
_MILLION = 1e6

Value = str | float | None


@dataclass
class Table:
    """Rows under headings; a number is written with three significant digits, or whole.

    Attributes:
        note: A sentence below it.
    """

    headings: Sequence[str]
    rows: list[Sequence[Value]] = field(default_factory=list)
    title: str = ""
    note: str = ""

    def markdown(self) -> str:
        """Return the table."""
        lines = [f"**{self.title}**", ""] if self.title else []
        lines += [_line(self.headings), _line(["---"] + ["---:"] * (len(self.headings) - 1))]
        lines += [_line([text(value) for value in row]) for row in self.rows]
        return "\n".join([*lines, *(["", self.note] if self.note else [])])


def text(value: Value) -> str:
    """Write a value."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if value == int(value) and abs(value) < _MILLION * _MILLION:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 -- three digits


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def ratio(ours: float, theirs: float) -> float | None:
    """Return ours as a share of theirs, None when there is nothing to compare with."""
    return ours / theirs if theirs else None


def setting(command: str) -> str:
    """Say what the figures come from."""
    return f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, {machine()}."


def machine() -> str:
    """Say what this machine is, as far as it matters."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def keep(name: str, found: Any) -> None:
    """Write raw figures as JSON, with the date and the machine."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    whole = {"date": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}", "machine": machine(), "figures": found}
    (FIGURES / f"{name}.json").write_text(f"{json.dumps(whole, indent=1)}\n", encoding="utf-8")


def write(name: str, tables: Iterable[Table], command: str, docs: Path = DOCS) -> list[Path]:
    """Put tables into every document that has a place for them; return which those are."""
    found = "\n\n".join([*(table.markdown() for table in tables), setting(command)])
    place = re.compile(rf"(<!-- bench: {re.escape(name)} -->\n).*?(<!-- /bench -->)", re.DOTALL)
    written = []
    for document in sorted(docs.glob("*.md")):
        before = document.read_text(encoding="utf-8")
        after = place.sub(lambda mark: f"{mark[1]}\n{found}\n\n{mark[2]}", before)
        if place.search(before):
            document.write_text(after, encoding="utf-8")
            written.append(document)
    return written
