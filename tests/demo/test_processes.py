"""Nothing that the demo started survives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from demo.processes import Programs, processes_of_sessions, tree_memory_bytes
from demo.stop import StopFlag, Stopped
from scripts.embedded_servers import EmbeddedServers

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]

# Stands in for `python -m airflow`: a child in a process group of its own, as Airflow makes for each task, whose parent
# then ends, all deaf to SIGTERM.
STUBBORN_AIRFLOW = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    os._exit(0)
os.setpgid(0, 0)
open("started", "w").close()
time.sleep(600)
"""


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    (tmp_path / "airflow.py").write_text(STUBBORN_AIRFLOW)
    return Programs({"PYTHONPATH": str(tmp_path)}, tmp_path, tmp_path)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_kill_all_ends_orphans_in_process_groups_of_their_own(programs: Programs, tmp_path: Path) -> None:
    program = programs.start_airflow("scheduler")
    _wait((tmp_path / "started").exists)
    orphans = processes_of_sessions([program.popen.pid])
    assert orphans

    programs.kill_all()

    assert processes_of_sessions([program.popen.pid]) == []


KILLED_CALLER = """
import sys, time
from pathlib import Path
from demo.processes import Programs
folder = Path(sys.argv[1])
print(Programs({"PYTHONPATH": sys.argv[1]}, folder, folder).start_airflow("scheduler").popen.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child when its parent dies")
def test_program_ends_when_its_caller_is_killed(tmp_path: Path) -> None:
    (tmp_path / "airflow.py").write_text("import time; time.sleep(600)")
    command = [sys.executable, "-c", KILLED_CALLER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as caller:
        assert caller.stdout is not None
        program = psutil.Process(int(caller.stdout.readline()))
        assert _runs(program)
        caller.kill()

    _wait(lambda: not _runs(program))


def test_start_airflow_writes_what_the_program_says_to_its_log(tmp_path: Path) -> None:
    (tmp_path / "airflow.py").write_text("import sys; print(sys.argv[1:]); sys.exit(3)")
    programs = Programs({"PYTHONPATH": str(tmp_path)}, tmp_path, tmp_path)

    program = programs.start_airflow("db", "migrate")
    _wait(lambda: program.exit_code is not None)
    programs.kill_all()

    assert program.exit_code == 3
    assert program.log.read_text().strip() == "['db', 'migrate']"


def test_tree_memory_counts_this_process() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells the proportional set size")
    memory = tree_memory_bytes()
    assert memory is not None
    assert memory > 10_000_000


def test_stop_flag_ends_a_wait_when_a_signal_comes() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with StopFlag().listening() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped, match="SIGTERM"):
            stop.wait_until(lambda: False, timeout_secs=30)
    assert signal.getsignal(signal.SIGTERM) == before


def test_stop_flag_wait_in_vain_says_so() -> None:
    assert not StopFlag().wait_until(lambda: False, timeout_secs=0, poll_secs=0)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["starting MiniStack", "creating its database", "waiting for the API server"])
def test_demo_that_is_stopped_while_it_starts_leaves_nothing(
    tmp_path: Path, moment: str, signum: signal.Signals
) -> None:
    if reason := EmbeddedServers.unavailable():
        pytest.skip(reason)
    demo = subprocess.Popen(
        [sys.executable, ROOT / "demo" / "run.py"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        if moment in line:
            break
    started = psutil.Process(demo.pid).children(recursive=True)

    demo.send_signal(signum)

    assert demo.wait(timeout=60) == 128 + signum
    assert [process for process in started if _runs(process)] == []
    assert list(tmp_path.iterdir()) == []
    demo.stdout.close()
