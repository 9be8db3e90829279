"""Ends what the test started when the test itself was killed.

It reads lines from its standard input: ``session PID`` for each program, ``folder PATH`` for what to remove. The end of
the input is the end of the test, whatever the reason, because nobody else holds the other end of the pipe.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from demo.processes import processes_of_sessions

if TYPE_CHECKING:
    from collections.abc import Iterable

_ROUNDS = 100


class Reaper:
    """The process that waits for the end of this one."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.cluster.reaper"]
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=root, start_new_session=True, text=True)

    def note(self, kind: str, value: object) -> None:
        """Tell it of a ``session`` or a ``folder``."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{kind} {value}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Let it do its work and end."""
        self._process.communicate()


def reap(lines: Iterable[str]) -> None:
    """Read all lines, then kill and remove what they name."""
    noted = [line.rstrip("\n").split(" ", 1) for line in lines]
    sessions = {int(value) for kind, value in noted if kind == "session"}
    for _ in range(_ROUNDS):  # a program may start another one while it is being killed
        alive = processes_of_sessions(sessions)
        if not alive:
            break
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.05)
    for kind, value in noted:
        if kind == "folder":
            shutil.rmtree(value, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the test, whose end is what this waits for
    reap(sys.stdin)
