"""Start programs that can be stopped for certain, and weigh them.

Each program gets its own session, and so do its descendants by inheritance, whatever process groups they make
(Airflow gives each task its own). Stopping means killing every process of those sessions, orphans included. Nothing
here deserves a graceful end: all that they write goes away with the workspace. Where this process is itself killed,
Linux kills the programs that it started.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from scripts.server_process import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

KILL_WAIT_SECS = 10.0


@dataclass(frozen=True)
class Program:
    """A started program and where its output goes."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.popen.poll()


class Programs:
    """All programs that were started, so that none is left behind."""

    def __init__(self, environment: Mapping[str, str], logs: Path, working_folder: Path) -> None:
        self.environment = dict(environment)
        self._logs = logs
        self._working_folder = working_folder
        self._started: list[Program] = []

    def start_airflow(self, *arguments: str) -> Program:
        """Start ``airflow <arguments>`` with the interpreter that runs the demo."""
        return self._start(arguments[0], [sys.executable, "-m", "airflow", *arguments])

    def _start(self, name: str, command: Sequence[str]) -> Program:
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(
                command,
                env=self.environment,
                cwd=self._working_folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 -- it makes one system call, prepared before the fork
            )
        program = Program(name, popen, log)
        self._started.append(program)
        return program

    def kill_all(self) -> None:
        """Kill every program with all its descendants; returns when they are gone."""
        sessions = {program.popen.pid for program in self._started}
        deadline = time.monotonic() + KILL_WAIT_SECS
        while (alive := processes_of_sessions(sessions)) and time.monotonic() < deadline:
            for process in alive:
                _kill(process)
            for program in self._started:
                program.popen.poll()
            time.sleep(0.05)
        for program in self._started:
            program.popen.wait()
        self._started.clear()


def processes_of_sessions(sessions: Iterable[int]) -> list[psutil.Process]:
    """The living processes (no zombies) whose session is one of `sessions`."""
    wanted = set(sessions)
    return [process for pid in psutil.pids() if _session(pid) in wanted and (process := _living(pid)) is not None]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _living(pid: int) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.Error:
        return None


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def tree_memory_bytes() -> int | None:
    """Memory of this process and its descendants, shared pages counted once; None where the system does not tell."""
    me = psutil.Process()
    sizes = [_pss(process) for process in (me, *me.children(recursive=True))]
    known = [size for size in sizes if size is not None]
    return sum(known) or None


def _pss(process: psutil.Process) -> int | None:
    try:
        pss = getattr(process.memory_full_info(), "pss", None)
    except psutil.Error:
        return None
    return None if pss is None else int(pss)
