"""A reader who does what a page says: types its commands, runs its Python, puts its Dags into a Dags folder.

What a block may take for granted is what a reader has who came this far: a repository with something in it, the hook,
the usual imports, a model of one's own. A Dag stands on its own: it is loaded as Airflow loads it.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import yaml
from packaging.requirements import Requirement

from tests.cli.conftest import Program
from tests.docs.pages import Block

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository

_DIFFERENT_EACH_TIME = re.compile(r"\b[0-9a-f]{32}\b|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+\d\d:?\d\d)")

_NEEDS_A_MARK = re.compile(r"\b(make|pip|docker|aws|sudo|curl|rm)\s")


@dataclass
class Reader:
    """Reads one page.

    Attributes:
        repository: What ``repository`` is before the page says so itself.
        folder: Where the reader works; also of the Dags.
    """

    repository: Repository
    folder: Path
    space: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Import what pieces of Dags take for granted."""
        from airflow.sdk import task  # noqa: PLC0415 -- after pytest_configure has set the environment

        from airflow_provider_versioned import operators  # noqa: PLC0415 -- as above
        from airflow_provider_versioned.hooks import VersionedRepositoryHook  # noqa: PLC0415 -- as above

        self.space |= {name: getattr(operators, name) for name in operators.__all__}
        self.space |= {"task": task, "timedelta": timedelta, "VersionedRepositoryHook": VersionedRepositoryHook}
        self.space |= {"repository": self.repository, "hook": VersionedRepositoryHook(), "customer": "customer-42"}
        self.space["load"] = lambda _: SimpleNamespace(score=lambda _: 0.5)

    def read(self, block: Block) -> None:
        """Do what a block says, or only parse it if it says why."""
        if block.why_not_run is None and block.language in {"python", "bash", "console"}:
            self._run(block)
        else:
            parse(block)

    def _run(self, block: Block) -> None:
        if block.is_dag:
            self._load(block)
        elif block.language == "python":
            self._execute(block)
        elif block.language == "console":
            self._type(block)
        else:
            self._shell(block.code)

    def _execute(self, block: Block) -> None:
        from airflow.sdk import DAG  # noqa: PLC0415 -- after pytest_configure has set the environment

        with DAG(f"line_{block.line}"):  # a piece of a Dag has one around it
            exec(block.compiled(), self.space)  # type: ignore[arg-type] # noqa: S102 -- the page's own code

    def _load(self, block: Block) -> None:
        from airflow.dag_processing.dagbag import DagBag  # noqa: PLC0415 -- after pytest_configure has set the environment

        dags = self.folder / "dags"
        dags.mkdir(exist_ok=True)
        path = dags / f"line_{block.line}.py"
        path.write_text(block.code)
        bag = DagBag(str(path))
        assert not bag.import_errors, (block.page, bag.import_errors)
        assert bag.dags, (block.page, block.line)

    def _type(self, block: Block) -> None:
        program = Program()
        for command, shown in block.answers:
            words = shlex.split(command)
            if words[0] == "export":
                os.environ.update(dict(word.split("=", 1) for word in words[1:]))
                continue
            assert words[0] == "versioned-artifacts", (block.page, command)
            outcome = program(*words[1:], typed="y\n", together=True)
            assert outcome.code == 0, (block.page, command, outcome.out)
            if shown:
                assert _comparable(outcome.out.replace("[y/N] ", "[y/N] y\n")) == _comparable(shown), command

    def _shell(self, code: str) -> None:
        assert not _NEEDS_A_MARK.search(code), f"say above the block why it is not run: {code}"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        script = ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", code]
        done = subprocess.run(
            script, cwd=self.folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (code, done.stdout, done.stderr)


def _comparable(answer: str) -> str:
    return re.sub(r" +\n| +", " ", _DIFFERENT_EACH_TIME.sub("…", answer)).replace("…", "").strip()


def parse(block: Block) -> None:
    """Read a block without doing what it says; raise when it is not what its language wants."""
    _PARSERS[block.language](block)


def _parse_shell(block: Block) -> None:
    code = block.code if block.language == "bash" else "\n".join(command for command, _ in block.answers)
    done = subprocess.run(["/usr/bin/env", "bash", "-n"], input=code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (block.page, done.stderr)


def _parse_requirements(block: Block) -> None:
    for line in block.code.splitlines():
        if line and not line.startswith(("#", "--constraint ")):
            Requirement(line)


_PARSERS: dict[str, Callable[[Block], object]] = {
    "python": Block.compiled,
    "bash": _parse_shell,
    "console": _parse_shell,
    "json": lambda block: json.loads(block.code),
    "yaml": lambda block: yaml.safe_load(block.code),
    "ini": lambda block: configparser.ConfigParser().read_string(block.code),
    "requirements": _parse_requirements,
    "text": lambda block: block.code,
}
