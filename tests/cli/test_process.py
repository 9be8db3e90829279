"""The program as a process: pipes, signals, terminals."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.cli.progress import WORTH_A_BAR
from tests.cli.conftest import environment_of
from tests.servers import MINISTACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

pytestmark = pytest.mark.backends(MINISTACK)
PROGRAM = str(Path(sys.executable).with_name("versioned-artifacts"))


@pytest.fixture
def environment(aws: Aws, unique_place: PlaceArguments, repository: Repository) -> dict[str, str]:
    """Variables that lead a process to ``repository``."""
    assert repository.s3_bucket == unique_place["s3_bucket"]
    keys = {"AWS_ACCESS_KEY_ID": str(aws.access_key), "AWS_SECRET_ACCESS_KEY": str(aws.secret_key)}
    return {**os.environ, **keys, **environment_of(aws, unique_place), "COLUMNS": "100"}


def at_a_terminal(environment: dict[str, str], *arguments: str, typed: bytes = b"") -> tuple[int, str]:
    """Run the program at a terminal of its own; returns exit code and everything shown."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [PROGRAM, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        os.write(ours, typed)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        code = process.wait()
    os.close(ours)
    return code, shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that nobody is at the other side any more
        return b""


def test_program_runs_from_a_pipe_into_a_pipe(environment: dict[str, str]) -> None:
    published = subprocess.run(
        [PROGRAM, "publish", "model", "-", "--json"], input=b"one", env=environment, capture_output=True, check=True
    )
    assert b'"version": "1"' in published.stdout
    assert published.stderr == b""
    read = subprocess.run([PROGRAM, "download", "model", "-o", "-"], env=environment, capture_output=True, check=True)
    assert read.stdout == b"one"


def test_reader_that_stops_reading_ends_the_program_quietly(
    environment: dict[str, str], repository: Repository
) -> None:
    repository.publish_artifact_version("model", content=b"x" * 4_000_000)
    with subprocess.Popen(
        [PROGRAM, "download", "model", "-o", "-"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(10) == b"x" * 10
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_ctrl_c_ends_the_program_with_one_line(environment: dict[str, str]) -> None:
    # Whoever runs the tests may ignore the signal, and processes inherit that.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from airflow_provider_versioned.cli.main import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "publish", "model", "-"],
        env=environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        # More than a pipe holds: when all of it is gone, the program is reading.
        process.stdin.write(b"x" * 1_000_000)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        process.stdin.close()  # Python looks for signals after a read, and not before the one that would block
        said = process.stderr.read().decode()
    assert process.returncode == 130
    assert said.strip().splitlines() == [
        "Interrupted; what had been sent may have landed, and the same command takes it up."
    ]


def test_question_is_answered_at_a_terminal(environment: dict[str, str], repository: Repository) -> None:
    repository.publish_artifact_version("model", content=b"one")
    code, shown = at_a_terminal(environment, "delete", "model", "1", typed=b"n\n")
    assert code == 8
    assert "Delete version 1 of 'model'?" in shown
    code, shown = at_a_terminal(environment, "delete", "model", "1", typed=b"y\n")
    assert code == 0
    assert "is deleted" in shown


def test_progress_of_large_content_is_shown_at_a_terminal_only(
    environment: dict[str, str], tmp_path: Path, file: Callable[[bytes], Path]
) -> None:
    large, copy = str(file(b"x" * WORTH_A_BAR)), str(tmp_path / "copy")
    code, shown = at_a_terminal(environment, "publish", "model", large)
    assert code == 0
    assert "Publishing model" in shown
    assert "100%" in shown
    code, shown = at_a_terminal(environment, "download", "model", "-o", copy)
    assert code == 0
    assert "Downloading model" in shown
    assert "100%" in shown
    assert Path(copy).stat().st_size == WORTH_A_BAR
    code, shown = at_a_terminal(environment, "download", "model", "-o", copy, "--quiet")
    assert (code, "Downloading" in shown) == (0, False)
    piped = subprocess.run([PROGRAM, "download", "model", "-o", copy], env=environment, capture_output=True, check=True)
    assert piped.stderr == b""


def test_progress_over_many_artifacts_is_shown_at_a_terminal(
    environment: dict[str, str], repository: Repository
) -> None:
    for number in range(6):
        repository.put_artifact(f"model-{number}", b"one")
    code, shown = at_a_terminal(environment, "purge", "plan", "--all")
    assert code == 0
    assert "Planning" in shown
    assert "100%" in shown
    code, shown = at_a_terminal(environment, "verify")
    assert (code, "All is well." in shown) == (0, True)
