"""The code blocks of README.md and of every page in docs/, as a reader meets them.

A block whose fence stands under ``<!-- not run: why -->`` is only parsed: it needs an AWS account, or a machine of its
own. Every other block is run, in the order of its page; :mod:`tests.docs.reader` does that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")))
_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>[^>]+?) -->\n+)?```(?P<language>[\w{}-]*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE
)
_OF_THE_BUILD = {"{toctree}", "{eval-rst}"}
_ANSWER = re.compile(r"^\$ (?P<command>(?:.*\\\n)*.*)\n(?P<answer>(?:(?!\$ ).*\n)*)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        line: Where its code begins in the page.
        why_not_run: Why it is only parsed; None: it is run.
    """

    page: str
    line: int
    language: str
    code: str
    why_not_run: str | None

    @property
    def is_dag(self) -> bool:
        """Whether it is the file of a Dag, and not a piece of one."""
        return self.language == "python" and bool(re.search(r"^(with DAG\(|@dag\b)", self.code, re.MULTILINE))

    @cached_property
    def answers(self) -> list[tuple[str, str]]:
        """Of a console: each command with the answer that is shown, if one is."""
        return [(found["command"].replace("\\\n", " "), found["answer"]) for found in _ANSWER.finditer(self.code)]

    def compiled(self) -> object:
        """Return a Python block as code whose tracebacks name the page and the line."""
        return compile("\n" * (self.line - 1) + self.code, self.page, "exec")


def blocks_of(page: str) -> list[Block]:
    """Return the code blocks of a page in their order."""
    text = (ROOT / page).read_text()
    return [
        Block(page, text[: found.start("code")].count("\n") + 1, found["language"], found["code"], found["why"])
        for found in _BLOCK.finditer(text)
        if found["language"] not in _OF_THE_BUILD
    ]
