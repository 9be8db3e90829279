"""How the file's services become processes, and that nothing of them outlives the test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import psutil
import pytest

from tests.cluster.cluster import AIRFLOW_SERVICES, STORES
from tests.cluster.compose import ROOT, SERVICES, Addresses, command, health_check

PORTS = {("api-server", 8080): 41, ("scheduler", 8974): 42} | {
    (name, port): number for number, (name, port) in enumerate(STORES.items(), 50)
}
PATIENCE_SECS = 60.0


@pytest.mark.parametrize("service", [*AIRFLOW_SERVICES, "migrate", "bootstrap"])
def test_environment_of_a_service_names_only_loopback(service: str) -> None:
    environment = Addresses(PORTS).environment(service)

    assert set(environment) == set(SERVICES[service]["environment"])
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].endswith("@127.0.0.1:50/airflow")
    assert environment["AIRFLOW__CELERY__RESULT_BACKEND"].startswith("db+")
    assert environment["AIRFLOW__CELERY__BROKER_URL"] == "redis://127.0.0.1:51/0"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:41/execution/"
    assert "http://127.0.0.1:52" in environment["AIRFLOW_CONN_AWS_DEFAULT"]
    assert "http://127.0.0.1:53" in environment["AIRFLOW_CONN_AWS_DEFAULT"]
    assert "$" not in "".join(environment.values())


def test_service_whose_address_nobody_says_is_refused() -> None:
    with pytest.raises(ValueError, match="redis:6379"):
        Addresses({key: port for key, port in PORTS.items() if key[0] != "redis"}).environment("worker")


def test_commands_are_those_of_the_entrypoint_of_the_image() -> None:
    assert command("worker") == [sys.executable, "-m", "airflow", "celery", "worker"]
    assert command("migrate") == [sys.executable, "-m", "airflow", "db", "migrate"]
    assert command("bootstrap")[:2] == [sys.executable, "-c"]


def test_health_checks_ask_where_the_service_is() -> None:
    addresses = Addresses(PORTS)

    assert health_check("api-server", addresses)[-1] == "http://127.0.0.1:41/api/v2/version"
    assert health_check("scheduler", addresses)[-1] == "http://127.0.0.1:42/health"
    assert health_check("worker", addresses)[-1].endswith('"celery@${HOSTNAME}"')


def killed(program: str, folder: Path) -> list[int]:
    """Run a program until it has told the processes that it started, kill it, and return these."""
    with subprocess.Popen([sys.executable, "-c", program, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        told = [int(pid) for pid in run.stdout.readline().split()]
        assert told
        os.kill(run.pid, signal.SIGKILL)
    return told


def demand_gone(pids: list[int]) -> None:
    """Wait until processes are gone."""
    gone, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], PATIENCE_SECS)
    assert alive == [], gone


def test_programs_and_folder_are_gone_after_the_test_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    folder.mkdir()
    started = killed(
        textwrap.dedent("""
            import subprocess, sys, time
            from tests.cluster.reaper import Reaper
            reaper = Reaper()
            reaper.note("folder", sys.argv[1])
            child = "subprocess.Popen(['sleep', '600']).pid"
            command = [sys.executable, "-c", f"import subprocess; print({child}, flush=True); input()"]
            program = subprocess.Popen(command, start_new_session=True, stdin=-1, stdout=-1, text=True)
            reaper.note("session", program.pid)
            print(program.pid, program.stdout.readline().strip(), reaper._process.pid, flush=True)
            time.sleep(600)
        """),
        folder,
    )

    demand_gone(started)
    assert not folder.exists()


@pytest.mark.cluster
def test_stores_are_gone_after_the_test_was_killed() -> None:
    folder = Path(tempfile.mkdtemp(prefix="versioned-stores-"))
    folder.chmod(0o755)  # PostgreSQL is another user
    started = killed(
        textwrap.dedent("""
            import sys, tempfile, time
            tempfile.tempdir = sys.argv[1]
            from tests.cluster.stores import Postgres, Redis
            servers = [Postgres("airflow", "airflow").start(), Redis().start()]
            print(*(server.pid for server in servers), flush=True)
            time.sleep(600)
        """),
        folder,
    )

    demand_gone(started)
    shutil.rmtree(folder)
