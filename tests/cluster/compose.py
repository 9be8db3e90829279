"""What ``docker-compose.yaml`` says about a service, for processes without containers: names become loopback ports."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from scripts.server_process import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
_POSTGRES = 5432
_DEFAULT = re.compile(r"\$\{[A-Z_]+:-([^}]*)\}")


class Addresses:
    """Where the services of the file are in truth.

    Args:
        ports: The port on loopback of each service, by the name and the port that the file has for it.
    """

    def __init__(self, ports: Mapping[tuple[str, int], int]) -> None:
        self._ports = dict(ports)

    def translate(self, text: str) -> str:
        """Return a text of the file with its defaults filled in and with true addresses.

        Raises:
            ValueError: It names a service whose address is not known.
        """
        text = _DEFAULT.sub(r"\1", text).replace("$$", "$").replace("@postgres/", f"@postgres:{_POSTGRES}/")
        for (name, port), actual in self._ports.items():
            text = re.sub(rf"(?<=[/@]){name}:{port}\b", f"{LOOPBACK}:{actual}", text)
            text = text.replace(f"//{LOOPBACK}:{port}/", f"//{LOOPBACK}:{actual}/")
        left = re.findall(r"(?<=//)[a-z-]+:[0-9]+|(?<=@)[a-z-]+:[0-9]+", text)
        if left:
            raise ValueError(f"Nobody says where {left} are.")
        return text

    def environment(self, service: str) -> dict[str, str]:
        """Return the environment of a service."""
        return {name: self.translate(str(value)) for name, value in SERVICES[service]["environment"].items()}


def command(service: str) -> list[str]:
    """Return what the entrypoint of Airflow's image makes of a service's command."""
    said = SERVICES[service]["command"]
    words = said.split() if isinstance(said, str) else [word.replace("$$", "$") for word in said]
    return [sys.executable, *words[1:]] if words[0] == "python" else [sys.executable, "-m", "airflow", *words]


def health_check(service: str, addresses: Addresses) -> list[str]:
    """Return the command that tells whether a service is healthy."""
    kind, *words = SERVICES[service]["healthcheck"]["test"]
    words = [addresses.translate(word) for word in words]
    return ["sh", "-c", *words] if kind == "CMD-SHELL" else words


def path_of_programs() -> str:
    """Return a PATH on which ``airflow`` and ``celery`` are those of this environment."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
