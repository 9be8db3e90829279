"""The embedded S3 and DynamoDB: MiniStack, one small process in its own environment ``.venv-servers``.

From code: ``with EmbeddedServers() as servers: servers.endpoint_url``. From a shell: ``make servers``, or
``python -m scripts.embedded_servers run [--port N]``, which prints the endpoint and runs until Ctrl-C.
Everything is in memory and gone at the end. Clients use the access key and secret ``test``.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from scripts.server_process import LOOPBACK, ROOT, ServerProcess, http_answers, run_until_stopped

if TYPE_CHECKING:
    from pathlib import Path

SERVERS_VENV = ROOT / ".venv-servers"
ACCESS_KEY = "test"
SECRET_KEY = "test"  # noqa: S105 -- no secret: the local servers accept any
REGION = "us-east-1"


class EmbeddedServers(ServerProcess):
    """MiniStack with S3, DynamoDB and STS on one loopback port."""

    title = "MiniStack"

    @classmethod
    def unavailable(cls) -> str | None:
        """Return why MiniStack cannot run here: its environment was not made."""
        if (SERVERS_VENV / "bin" / "ministack").exists():
            return None
        return "MiniStack is not installed in .venv-servers: run `make setup`."

    def command(self, folder: Path, ports: list[int]) -> list[str]:
        """Return the command line; settings go by environment variables."""
        return [str(SERVERS_VENV / "bin" / "python"), "-m", "ministack"]

    def environment(self, folder: Path, ports: list[int]) -> dict[str, str]:
        """Return the settings: four services, one port, loopback only, no extra listeners, no state to keep."""
        return {
            "BIND_HOST": LOOPBACK,
            "GATEWAY_PORT": str(ports[0]),
            "MINISTACK_HOST": LOOPBACK,
            "MINISTACK_REGION": REGION,
            "SERVICES": "s3,dynamodb,sts,monitoring",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "S3_DATA_DIR": str(folder / "s3"),
            "STATE_DIR": str(folder / "state"),
            "LOG_LEVEL": "WARNING",
        }

    def answers(self) -> bool:
        """Tell whether MiniStack says that it is healthy."""
        return http_answers(f"{self.endpoint_url}/_ministack/health")


def main(arguments: list[str]) -> int:
    """Run the embedded servers from a shell."""
    parser = argparse.ArgumentParser(description="S3 and DynamoDB on loopback, in memory, until Ctrl-C.")
    parser.add_argument("command", choices=["run"])
    parser.add_argument("--port", type=int, default=0, help="where to listen; default: a free port, printed when ready")
    return run_until_stopped(EmbeddedServers(parser.parse_args(arguments).port))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
