"""PostgreSQL and Redis as Debian packages them, in place of the images of ``docker-compose.yaml``.

PostgreSQL does not run as root, so root starts it as the user that its package makes.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.server_process import LOOPBACK, ServerProcess

if TYPE_CHECKING:
    from typing import Self

_ACCOUNT = "postgres"


class _Store(ServerProcess):
    @property
    def port(self) -> int:
        """Where the started server listens."""
        return self._started()[0]


class Postgres(_Store):
    """A new database server with one user and one database of that name.

    Args:
        user: Name of both.
        password: The user's password.
    """

    title = "PostgreSQL"

    def __init__(self, user: str, password: str) -> None:
        super().__init__()
        self._user = user
        self._password = password

    @classmethod
    def unavailable(cls) -> str | None:
        """Return why it cannot run here: its package is not installed."""
        if _programs() is None:
            return "PostgreSQL is not installed (Debian: postgresql)."
        if os.geteuid() == 0 and _account() is None:
            return f"PostgreSQL does not run as root, and there is no user {_ACCOUNT} (Debian: postgresql)."
        return None

    def command(self, folder: Path, ports: list[int]) -> list[str]:
        """Return the command line, after making the data folder."""
        data, secret = folder / "data", folder / "password"
        secret.write_text(self._password)
        secret.chmod(0o600)
        as_account = _hand_over(folder, secret)
        initdb = [_program("initdb"), "-D", str(data), "-U", self._user, "--auth=scram-sha-256"]
        options = [f"--pwfile={secret}", "--encoding=UTF8", "--no-locale", "--no-sync"]
        subprocess.run([*as_account, *initdb, *options], cwd=folder, check=True, capture_output=True)
        listen = [f"--listen_addresses={LOOPBACK}", f"--port={ports[0]}", f"--unix_socket_directories={folder}"]
        return [*as_account, _program("postgres"), "-D", str(data), *listen, "--fsync=off"]

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        command = [_program("pg_isready"), "-h", LOOPBACK, "-p", str(self.port), "-U", self._user]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def start(self) -> Self:
        """Start the server and make the database."""
        super().start()
        arguments = ["-h", LOOPBACK, "-p", str(self.port), "-U", self._user, self._user]
        password = {"PGPASSWORD": self._password}
        subprocess.run([_program("createdb"), *arguments], env=os.environ | password, check=True)
        return self


class Redis(_Store):
    """A Redis that keeps nothing on disk."""

    title = "Redis"

    @classmethod
    def unavailable(cls) -> str | None:
        """Return why it cannot run here: its package is not installed."""
        return None if shutil.which("redis-server") else "Redis is not installed (Debian: redis-server)."

    def command(self, folder: Path, ports: list[int]) -> list[str]:
        """Return the command line."""
        return ["redis-server", "--bind", LOOPBACK, "--port", str(ports[0]), "--save", "", "--dir", str(folder)]

    def answers(self) -> bool:
        """Tell whether it answers to a ping."""
        command = ["redis-cli", "-h", LOOPBACK, "-p", str(self.port), "ping"]
        return subprocess.run(command, capture_output=True, check=False).stdout == b"PONG\n"


def _programs() -> Path | None:
    """Return the folder of the newest installed PostgreSQL; Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if found:
        return found[-1]
    server = shutil.which("postgres")
    return Path(server).parent if server else None


def _program(name: str) -> str:
    folder = _programs()
    assert folder is not None
    return str(folder / name)


def _account() -> pwd.struct_passwd | None:
    return next((entry for entry in pwd.getpwall() if entry.pw_name == _ACCOUNT), None)


def _hand_over(folder: Path, *files: Path) -> list[str]:
    """Return what runs a program as another user if we are root; the folder is that user's from now on."""
    if os.geteuid() != 0:
        return []
    for path in (folder, *files):
        shutil.chown(path, _ACCOUNT, _ACCOUNT)
    # Linux forgets on a change of user that the program shall die with its parent.
    return ["setpriv", f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--clear-groups", "--pdeathsig", "KILL"]
