"""Fixtures of the command line's tests: the installed program, in this process or another, with streams of our own."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore.loaders import create_loader

from airflow_provider_versioned.cli import connection
from tests.repository.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

_LOADER = create_loader()


@pytest.fixture(autouse=True)
def _quick_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program's sessions share the descriptions of services: parsing them takes most of a session's time."""

    def session(**arguments: Any) -> boto3.Session:
        core = botocore.session.Session(profile=arguments.pop("profile_name", None))
        core.register_component("data_loader", _LOADER)
        return boto3.Session(**arguments, botocore_session=core)

    monkeypatch.setattr(connection, "boto3", SimpleNamespace(Session=session))


class _Stream(io.TextIOWrapper):
    """A standard stream that may claim to be a terminal."""

    def __init__(self, content: bytes = b"", *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def content(self) -> bytes:
        buffer: Any = self.buffer
        return bytes(buffer.getvalue())


@dataclass(frozen=True)
class Outcome:
    """What a run of the program did."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """What it answered."""
        return self.raw.decode()

    @property
    def json(self) -> Any:
        """The same as values."""
        return json.loads(self.raw)


@dataclass
class Program:
    """The program, as its entry point names it.

    Attributes:
        environment: Variables for its runs.
    """

    environment: dict[str, str] = field(default_factory=dict)

    def __call__(
        self,
        *arguments: object,
        typed: str | bytes | None = None,
        piped: str | bytes = b"",
        together: bool = False,
    ) -> Outcome:
        """Run it.

        Args:
            typed: What a person types at a terminal; None: there is none.
            piped: What comes through a pipe.
            together: Take messages with the answer, in their order, as a person sees them.
        """
        given = piped if typed is None else typed
        stdin = _Stream(given.encode() if isinstance(given, str) else given, terminal=typed is not None)
        stdout = _Stream()
        stderr = stdout if together else _Stream()
        main: Any = entry_points(group="console_scripts")["versioned-artifacts"].load()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            for name, stream in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr)):
                patch.setattr(sys, name, stream)
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments], prog_name="versioned-artifacts")
        return Outcome(int(str(ended.value.code)), stdout.content(), stderr.content().decode())

    def ok(self, *arguments: object, **streams: Any) -> Outcome:
        """Run it; it must succeed."""
        outcome = self(*arguments, **streams)
        assert outcome.code == 0, outcome.err
        return outcome

    def json(self, *arguments: object, **streams: Any) -> Any:
        """Run it with ``--json``; it must succeed."""
        return self.ok(*arguments, "--json", **streams).json


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program in an empty folder, for nowhere in particular."""
    monkeypatch.chdir(tmp_path)
    return Program({"VERSIONED_BY": "tester"})


@pytest.fixture
def cli(program: Program, aws: Aws, unique_place: PlaceArguments, repository: Repository) -> Program:
    """The program at a bootstrapped, empty repository: ``repository``."""
    program.environment |= environment_of(aws, unique_place)
    return program


def environment_of(aws: Aws, place: PlaceArguments) -> dict[str, str]:
    """Return the variables that lead the program to a place."""
    endpoints = {"AWS_ENDPOINT_URL_S3": aws.s3_endpoint, "AWS_ENDPOINT_URL_DYNAMODB": aws.dynamodb_endpoint}
    return {
        "VERSIONED_BUCKET": place["s3_bucket"],
        "VERSIONED_PREFIX": place["s3_prefix"],
        "VERSIONED_TABLE": place["dynamodb_table_name"],
        "VERSIONED_SUFFIX": place["suffix"],
        **{name: endpoint for name, endpoint in endpoints.items() if endpoint},
    }


@pytest.fixture
def store(aws: Aws, unique_place: PlaceArguments, repository: Repository) -> Store:
    """The raw side of ``repository``."""
    return Store(aws, unique_place)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    """Makes a file with some content."""

    def made(content: bytes) -> Path:
        path = tmp_path / f"content-{sum(1 for _ in tmp_path.iterdir())}"
        path.write_bytes(content)
        return path

    return made
