"""One local server as a child process: started on free loopback ports, waited for, and never left behind.

A subclass says what to run and how to tell that it answers; this module owns the process. The server gets a private
folder (its HOME, TMPDIR and data) and an environment without the caller's AWS settings. It dies with the caller: at the
end of the ``with`` block, at interpreter exit, and on Linux also when the caller is killed.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Self

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
_PR_SET_PDEATHSIG = 1
_ATTEMPTS = 3
_POLL_SECS = 0.05
_LOG_TAIL_LINES = 15


class ServerError(RuntimeError):
    """A server cannot be installed or started; the message says what to do."""


class ServerProcess:
    """A server that listens on loopback while this object is started.

    Start it from a thread that lives as long as the server is wanted: Linux ties the child to the thread that made it.

    Args:
        port: Where to listen; 0 takes a free port.
    """

    title: ClassVar[str]
    ready_secs: ClassVar[float] = 60
    stop_secs: ClassVar[float] = 5
    port_count: ClassVar[int] = 1

    def __init__(self, port: int = 0) -> None:
        self._wanted_port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: list[int] = []
        self._folder: Path | None = None

    @classmethod
    def unavailable(cls) -> str | None:
        """Return in one line why this server cannot run here, or None when it can."""
        raise NotImplementedError

    def command(self, folder: Path, ports: list[int]) -> list[str]:
        """Return the command line that runs the server in the foreground."""
        raise NotImplementedError

    def environment(self, folder: Path, ports: list[int]) -> dict[str, str]:
        """Return the environment variables that this server needs beyond the common ones."""
        return {}

    def answers(self) -> bool:
        """Tell whether the server is ready for requests."""
        return http_answers(self.endpoint_url)

    @property
    def endpoint_url(self) -> str:
        """Where clients reach the started server."""
        return f"http://{LOOPBACK}:{self._started()[0]}"

    @property
    def pid(self) -> int:
        """Process id of the started server."""
        self._started()
        assert self._process is not None
        return self._process.pid

    def _started(self) -> list[int]:
        if self._process is None:
            raise ServerError(f"{self.title} is not started: call start() or use it as a context manager.")
        return self._ports

    def start(self) -> Self:
        """Start the server and return when it answers.

        Raises:
            ServerError: It is not installed, or ended before it answered (with the end of its log).
        """
        reason = self.unavailable()
        if reason is not None:
            raise ServerError(reason)
        # A free port may be taken by somebody else before the server gets to it; another one then will do.
        failure = ""
        for _ in range(1 if self._wanted_port else _ATTEMPTS):
            atexit.register(self.stop)
            self._launch()
            if self._wait_until_ready():
                return self
            failure = self._failure()
            self.stop()
        raise ServerError(failure)

    def _launch(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"{self.title.lower().replace(' ', '-')}-"))
        self._ports = free_ports(self.port_count)
        if self._wanted_port:
            self._ports[0] = self._wanted_port
        with self._log_path().open("wb") as log:
            self._process = self._spawn(self._folder, log)

    def _spawn(self, folder: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        common = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "TMPDIR": str(folder)}
        return subprocess.Popen(
            self.command(folder, self._ports),
            cwd=folder,
            env=common | self.environment(folder, self._ports),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 -- it makes one system call, prepared before the fork
        )

    def _wait_until_ready(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + self.ready_secs
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.answers():
                return True
            time.sleep(_POLL_SECS)
        return False

    def _log_path(self) -> Path:
        assert self._folder is not None
        return self._folder / "server.log"

    def _failure(self) -> str:
        assert self._process is not None
        code = self._process.poll()
        found = f"did not answer within {self.ready_secs:g} s" if code is None else f"ended with code {code}"
        lines = self._log_path().read_text(errors="replace").splitlines()
        tail = "\n".join(f"  {line}" for line in lines[-_LOG_TAIL_LINES:]) or "  (nothing)"
        return f"{self.title} {found} while it was being started; its log ends with:\n{tail}"

    def stop(self) -> None:
        """End the server with everything it started, and remove its folder; harmless when it is not running."""
        process, self._process = self._process, None
        if process is not None:
            end_process_group(process, self.stop_secs)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        atexit.unregister(self.stop)

    def __enter__(self) -> Self:
        """Start the server."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self.stop()


def end_process_group(process: subprocess.Popen[bytes], patience_secs: float) -> None:
    """Ask the process and its children to end, then kill what is left of them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_secs)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def die_with_parent() -> Callable[[], None] | None:
    """Return what a Linux child runs first so that the kernel kills it when its parent dies; None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: after it, only plain calls are safe

    def run_in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return run_in_child


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on right now, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def http_answers(url: str) -> bool:
    """Tell whether an HTTP server answers at all there; any status will do."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def run_until_stopped(server: ServerProcess) -> int:
    """Run a server in the foreground until Ctrl-C or SIGTERM, printing its endpoint once it answers."""
    signal.signal(signal.SIGTERM, _exit_on_signal)
    try:
        with server:
            print(server.endpoint_url, flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
