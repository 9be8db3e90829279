"""The local servers: on loopback only, ready when they say so, and gone with whoever started them."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.embedded_servers import EmbeddedServers
from scripts.server_process import LOOPBACK, ROOT, ServerError, ServerProcess, free_ports, http_answers

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_linux = pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="reads /proc")
_LISTEN = "0A"


class _PythonServer(ServerProcess):
    """A file server of the standard library; stands for any server, in a tenth of a second."""

    title = "Python"
    ready_secs = 10

    @classmethod
    def unavailable(cls) -> str | None:
        return None

    def command(self, folder: Path, ports: list[int]) -> list[str]:
        return [sys.executable, "-m", "http.server", str(ports[0]), "--bind", LOOPBACK]


class _Broken(_PythonServer):
    def command(self, folder: Path, ports: list[int]) -> list[str]:
        return [sys.executable, "-c", "raise SystemExit('no such thing as a free port')"]


class _Missing(_PythonServer):
    @classmethod
    def unavailable(cls) -> str | None:
        return "Python is not installed: install it."


@pytest.fixture
def embedded() -> Iterator[EmbeddedServers]:
    if EmbeddedServers.unavailable():
        pytest.skip(str(EmbeddedServers.unavailable()))
    with EmbeddedServers() as servers:
        yield servers


def _listening(pid: int) -> list[tuple[str, int]]:
    sockets = {_socket_inode(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and fields[9] in sockets:
                address, port = fields[1].split(":")
                found.append((address, int(port, 16)))
    return found


def _socket_inode(fd: Path) -> str | None:
    try:
        kind, _, inode = str(fd.readlink()).partition(":")
    except FileNotFoundError:
        return None
    return inode.strip("[]") if kind == "socket" else None


def _wait_until_gone(url: str) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not http_answers(url):
            return True
        time.sleep(0.05)
    return False


@needs_linux
def test_embedded_servers_started_listen_on_one_loopback_port_only(embedded: EmbeddedServers) -> None:
    port = int(embedded.endpoint_url.rsplit(":", 1)[1])

    assert _listening(embedded.pid) == [("0100007F", port)]


def test_embedded_servers_ready_answer_their_health_page(embedded: EmbeddedServers) -> None:
    connection = http.client.HTTPConnection(embedded.endpoint_url.removeprefix("http://"))
    connection.request("GET", "/_ministack/health")

    assert connection.getresponse().status == 200


def test_server_stopped_leaves_neither_process_nor_folder() -> None:
    with _PythonServer() as server:
        url, folder = server.endpoint_url, server._folder
        assert folder is not None
        assert folder.exists()

    assert not http_answers(url)
    assert not folder.exists()


def test_server_stopped_twice_is_harmless() -> None:
    server = _PythonServer().start()
    server.stop()

    server.stop()

    with pytest.raises(ServerError, match="Python is not started"):
        _ = server.endpoint_url


def test_server_on_a_given_port_listens_there() -> None:
    (port,) = free_ports(1)

    with _PythonServer(port) as server:
        assert server.endpoint_url == f"http://{LOOPBACK}:{port}"


def test_server_that_ends_at_once_is_reported_with_its_log() -> None:
    with pytest.raises(ServerError, match=r"ended with code 1 (.|\n)*no such thing as a free port"):
        _Broken().start()


def test_server_not_installed_is_reported_with_the_way_out() -> None:
    with pytest.raises(ServerError, match="install it"):
        _Missing().start()


def test_server_gets_no_aws_settings_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")

    with _PythonServer() as server:
        environment = Path(f"/proc/{server.pid}/environ")
        if environment.exists():
            assert b"AWS_PROFILE" not in environment.read_bytes()


# Whoever runs the tests may ignore Ctrl-C, and processes inherit that.
_HEED_SIGNALS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"

_CALLER = f"""
import time
{_HEED_SIGNALS}
from tests.test_servers import _PythonServer
print(_PythonServer().start().endpoint_url, flush=True)
time.sleep(60)
"""


@needs_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_caller_ended_by_signal_takes_its_server_along(number: signal.Signals) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", _CALLER], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with caller:
        assert caller.stdout is not None
        url = caller.stdout.readline().decode().strip()
        assert http_answers(url)

        caller.send_signal(number)
        caller.wait(10)

    assert _wait_until_gone(url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_line_stopped_by_signal_stops_the_server(embedded: EmbeddedServers, number: signal.Signals) -> None:
    code = f"{_HEED_SIGNALS}; import runpy; runpy.run_module('scripts.embedded_servers', run_name='__main__')"
    command = [sys.executable, "-c", code, "run"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        url = running.stdout.readline().decode().strip()
        assert http_answers(url)
        assert url != embedded.endpoint_url

        running.send_signal(number)
        running.wait(20)

    assert not http_answers(url)
