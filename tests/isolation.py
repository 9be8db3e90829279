"""Keeps the tests away from the user's Airflow, AWS account and network."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FOREIGN = ("AWS_", "AIRFLOW_")


class OutsideNetworkError(RuntimeError):
    """A test tried to leave the loopback interface. Not an OSError, so that no client takes it for a network fault."""


def isolate_environment(home: Path) -> None:
    """Point Airflow and AWS settings at an empty folder; must run before airflow or boto3 is imported."""
    for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
        del os.environ[name]
    os.environ |= {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(home / "no-aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / "no-aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def guard_network() -> None:
    """Make every connection or name look-up beyond loopback fail with :class:`OutsideNetworkError`."""
    socket.socket.connect = _guarded_connect(socket.socket.connect)  # type: ignore[method-assign]  # the guard
    socket.socket.connect_ex = _guarded_connect(socket.socket.connect_ex)  # type: ignore[method-assign]  # the guard
    socket.getaddrinfo = _guarded_lookup(socket.getaddrinfo)


def _guarded_connect(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            _refuse_outside(address[0])
        return connect(self, address)

    return guarded


def _guarded_lookup(lookup: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_outside(host)
        return lookup(host, *args, **kwargs)

    return guarded


def _refuse_outside(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost", "0.0.0.0", "::"}:  # noqa: S104 -- compared, not bound
        return
    try:
        loopback = ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise OutsideNetworkError(f"a test tried to reach {name}; tests may use the loopback interface only")
