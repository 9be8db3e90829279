"""The cluster of ``docker-compose.yaml`` as processes of this machine, one session for each container.

Commands, settings, connection and health checks are those of the file. What a container has for itself is given by
settings of ours: folders, ports, a host name. A few waits are shorter than Airflow's, and a few numbers of processes
smaller.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psutil
from botocore.config import Config

from airflow_provider_versioned.repository import Repository
from demo.airflow_server import unhealthy_components
from demo.processes import Program, Programs
from demo.rest import RUN_ENDED, AirflowApi
from demo.stop import StopFlag
from scripts.dynamodb_local import DynamoDBLocal
from scripts.seaweedfs import SeaweedFS
from scripts.server_process import LOOPBACK, free_ports
from tests.cluster.compose import ROOT, SERVICES, Addresses, command, health_check, path_of_programs
from tests.cluster.reaper import Reaper
from tests.cluster.stores import Postgres, Redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from scripts.server_process import ServerProcess

PATIENCE_SECS = 240.0  # a machine that stalls for seconds shall not fail a test
AIRFLOW_SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")
STORES = {"postgres": 5432, "redis": 6379, "dynamodb-local": 8000, "seaweedfs": 8333}


class Cluster:
    """The running services, and what a test does with them.

    Args:
        folder: For everything that is written.
        addresses: Where the services are.
        own: Settings that take the place of what a container has for itself.
        reaper: Kills the services if this process is killed.
    """

    def __init__(self, folder: Path, addresses: Addresses, own: Mapping[str, str], reaper: Reaper) -> None:
        self._folder = folder
        self._addresses = addresses
        self._own = dict(own)
        self._reaper = reaper
        self._running: dict[str, tuple[Programs, Program]] = {}
        self.words = Path(own["CLUSTER_TEST_WORDS"])
        self.api = AirflowApi(addresses.translate("http://api-server:8080"), StopFlag())

    def start(self, service: str, **settings: str) -> Program:
        """Start a service with its command and environment, and with further settings if any."""
        environment = self._own | self._addresses.environment(service) | settings
        programs = Programs(environment, self._folder / "output", self._folder)
        program = programs._start(service, command(service))
        self._reaper.note("session", program.popen.pid)
        self._running[service] = (programs, program)
        return program

    def kill(self, service: str) -> None:
        """Kill a service and all that it started, as happens to a container whose machine goes."""
        programs, _ = self._running.pop(service)
        programs.kill_all()

    def kill_all(self) -> None:
        """Kill every service."""
        for service in list(self._running):
            self.kill(service)

    def run_job(self, service: str) -> None:
        """Run a service that ends by itself, and well."""
        program = self.start(service)
        assert program.popen.wait(PATIENCE_SECS) == 0, self.output(service)

    def output(self, service: str, characters: int = 3000) -> str:
        """Return the end of what a service has said."""
        return (self._folder / "output" / f"{service}.log").read_text(errors="replace")[-characters:]

    def is_healthy(self, service: str) -> bool:
        """Ask a service's health check."""
        environment = self._own | self._addresses.environment(service)
        check = health_check(service, self._addresses)
        return subprocess.run(check, env=environment, capture_output=True, check=False).returncode == 0

    def log_in(self) -> None:
        """Become the admin that everybody is."""
        token = self.api._call("GET", "/auth/token")["access_token"]
        self.api._client.headers["Authorization"] = f"Bearer {token}"

    def unhealthy(self) -> list[str]:
        """Return what is not healthy, as Airflow's own monitor says; what has ended fails the test."""
        for service, (_, program) in self._running.items():
            if service in AIRFLOW_SERVICES:
                assert program.exit_code is None, f"{service} ended:\n{self.output(service)}"
        return unhealthy_components(self.api)

    def wait_until(self, condition: Callable[[], bool], what: str, found: Callable[[], object] = str) -> None:
        """Wait for something; when it does not come, show what is there instead and how the services' output ends."""
        deadline = time.monotonic() + PATIENCE_SECS
        while not condition():
            if time.monotonic() > deadline:
                unhealthy = [name.replace(" ", "-") for name in self.unhealthy()]
                said = [f"--- {name}:\n{self.output(name)}" for name in self._running if name not in unhealthy]
                said += [f"--- {name}, unhealthy:\n{self._stacks(name)}" for name in unhealthy if name in self._running]
                raise AssertionError("\n".join([f"{what} did not come {found()}; unhealthy: {unhealthy}", *said]))
            time.sleep(0.5)

    def _stacks(self, service: str) -> str:
        """End a service's processes with the stacks of their threads; return what it has said."""
        main = psutil.Process(self._running[service][1].popen.pid)
        for process in [*reversed(main.children(recursive=True)), main]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGABRT)  # for which PYTHONFAULTHANDLER has a handler
            time.sleep(1)  # what a child says goes through its parent
        return self.output(service, 12000)

    def run(self, dag_id: str, run_id: str, **conf: Any) -> None:
        """Let a Dag be scheduled, and start a run of it."""
        self.api._call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})
        self.api.trigger(dag_id, run_id, conf)

    def tasks(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Return the states of a run's tasks, without the name of the task group."""
        return {task.label: task.state for task in self.api.task_instances(dag_id, run_id)}

    def wait_for_end(self, dag_id: str, run_id: str) -> str:
        """Wait until a run has ended; returns how."""

        def ended() -> bool:
            return self.api.run_state(dag_id, run_id) in RUN_ENDED

        self.wait_until(ended, f"the end of {dag_id} {run_id}", lambda: self.tasks(dag_id, run_id))
        return self.api.run_state(dag_id, run_id)

    def repository(self) -> Repository:
        """Return the repository that the connection of the file names."""
        connection = json.loads(self._addresses.environment("worker")["AIRFLOW_CONN_AWS_DEFAULT"])
        extra = connection["extra"]
        session = boto3.Session(connection["login"], connection["password"], region_name=extra["region_name"])
        config, services = Config(**extra["config_kwargs"]), extra["service_config"]
        s3: S3Client = session.client("s3", endpoint_url=services["s3"]["endpoint_url"], config=config)
        endpoint = services["dynamodb"]["endpoint_url"]
        dynamodb: DynamoDBClient = session.client("dynamodb", endpoint_url=endpoint)
        return Repository(**services["versioned"], s3_client=s3, dynamodb_client=dynamodb)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start everything in the order of the file, and end it."""
    with ExitStack() as stack:
        reaper = Reaper()
        stack.callback(reaper.close)
        folder = Path(tempfile.mkdtemp(prefix="versioned-cluster-"))
        reaper.note("folder", folder)
        ports = dict(zip((("api-server", 8080), ("scheduler", 8974)), free_ports(2), strict=True))
        for name, server in _stores().items():
            started = stack.enter_context(server)
            ports[name, STORES[name]] = started._started()[0]
        made = Cluster(folder, Addresses(ports), _own_settings(folder, ports), reaper)
        stack.callback(made.kill_all)
        for job in ("migrate", "bootstrap"):
            made.run_job(job)
        for service in AIRFLOW_SERVICES:
            made.start(service)
        made.wait_until(lambda: not made.unhealthy(), "health")
        made.log_in()
        yield made


def _stores() -> dict[str, ServerProcess]:
    environment = SERVICES["postgres"]["environment"]
    assert environment["POSTGRES_DB"] == environment["POSTGRES_USER"]
    postgres = Postgres(environment["POSTGRES_USER"], environment["POSTGRES_PASSWORD"])
    return {"postgres": postgres, "redis": Redis(), "dynamodb-local": DynamoDBLocal(), "seaweedfs": SeaweedFS()}


def _own_settings(folder: Path, ports: Mapping[tuple[str, int], int]) -> dict[str, str]:
    home, words = folder / "airflow", folder / "words"
    for each in (home, words, folder / "output", folder / "tmp"):
        each.mkdir()
    dags = shutil.copytree(ROOT / "dags", home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "cluster" / "dags", dags, dirs_exist_ok=True)
    worker_logs, trigger_logs = free_ports(2)
    settings = {
        ("API", "HOST"): LOOPBACK,
        ("API", "PORT"): ports["api-server", 8080],
        ("API", "WORKERS"): 1,
        ("CORE", "HOSTNAME_CALLABLE"): "socket.gethostname",  # as $HOSTNAME in a container
        ("CORE", "PARALLELISM"): 4,
        ("CELERY", "WORKER_CONCURRENCY"): 4,
        ("DAG_PROCESSOR", "MIN_FILE_PROCESS_INTERVAL"): 300,
        ("LOGGING", "WORKER_LOG_SERVER_PORT"): worker_logs,
        ("LOGGING", "TRIGGER_LOG_SERVER_PORT"): trigger_logs,
        ("SCHEDULER", "SCHEDULER_HEALTH_CHECK_SERVER_PORT"): ports["scheduler", 8974],
        # How soon it is noticed that the machine of a scheduler, a task or a triggerer is gone.
        ("SCHEDULER", "ORPHANED_TASKS_CHECK_INTERVAL"): 10,
        ("SCHEDULER", "TASK_INSTANCE_HEARTBEAT_TIMEOUT"): 30,
        ("SCHEDULER", "TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL"): 5,
        ("TRIGGERER", "JOB_HEARTBEAT_SEC"): 1,
        ("TRIGGERER", "TRIGGERER_HEALTH_CHECK_THRESHOLD"): 5,
        ("USAGE_DATA_COLLECTION", "ENABLED"): False,
    }
    return {f"AIRFLOW__{section}__{option}": str(value) for (section, option), value in settings.items()} | {
        "AIRFLOW_HOME": str(home),
        "AWS_EC2_METADATA_DISABLED": "true",
        "CLUSTER_TEST_WORDS": str(words),
        "HOME": str(folder),
        "HOSTNAME": socket.gethostname(),
        "PATH": path_of_programs(),
        "PYTHONFAULTHANDLER": "1",
        "PYTHONUNBUFFERED": "1",
        "SCARF_ANALYTICS": "false",
        "TMPDIR": str(folder / "tmp"),
    }
