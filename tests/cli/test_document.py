"""What docs/command-line.md shows is true, and its reference is that of the program."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from tests.cli.conftest import Program, environment_of
from tests.cli.document import DOCUMENT, with_real_answers, with_reference
from tests.cli.test_process import PROGRAM
from tests.isolation import isolate_environment
from tests.servers import MINISTACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments


@contextmanager
def answers() -> Iterator[Callable[[list[str]], str]]:
    """Give a way to run the program as the reader of the document would, in an AWS account and folder of its own."""
    before = dict(os.environ)
    program = Program()

    def run(arguments: list[str]) -> str:
        outcome = program(*arguments, typed="y\n", together=True)
        assert outcome.code == 0, outcome.out
        return outcome.out.replace("[y/N] ", "[y/N] y\n")

    try:
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            isolate_environment(Path(folder))
            Path("model.joblib").write_bytes(b"weights of a model")
            Path("better.joblib").write_bytes(b"better weights of a model")
            with mock_aws():
                yield run
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_console_blocks_of_the_document_show_what_the_program_answers() -> None:
    text = DOCUMENT.read_text()
    with answers() as run:
        assert with_real_answers(text, run) == text


def test_reference_of_the_document_is_that_of_the_program() -> None:
    text = DOCUMENT.read_text()
    assert with_reference(text) == text, "run `python -m tests.cli.document`"


@pytest.mark.backends(MINISTACK)
def test_shell_blocks_of_the_document_run(
    aws: Aws, unique_place: PlaceArguments, repository: Repository, tmp_path: Path
) -> None:
    repository.publish_artifact_version("churn-model", content=b"one")
    repository.put_alias("churn-model", "prod", 1)
    (tmp_path / "folder").mkdir()
    blocks = re.findall(r"```bash\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    keys = {"AWS_ACCESS_KEY_ID": str(aws.access_key), "AWS_SECRET_ACCESS_KEY": str(aws.secret_key)}
    path = f"{Path(PROGRAM).parent}:{os.environ['PATH']}"
    environment = {**os.environ, **keys, **environment_of(aws, unique_place), "PATH": path}
    assert blocks
    for block in blocks:
        done = subprocess.run(
            ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
    assert [artifact.version for artifact in repository.list_artifact_versions("churn-model")] == ["LATEST", "2", "1"]
