"""Writes of LATEST that die half-way, of an artifact ``m``, and what readers see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.repository.fault_wire import Died

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository


def latest(repository: Repository) -> bytes:
    """Return what LATEST is to a reader."""
    return repository.get_artifact_version("m").get_content()


def die(*_arguments: object, **_keywords: object) -> None:
    """Stand for a step at which the process dies."""
    raise Died


def publish_and_die_before_the_copy(repository: Repository, content: bytes, key: str | None = None) -> None:
    """Publish, and die when the number is visible and LATEST has not been copied."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(repository._objects, "copy", die)
        with pytest.raises(Died):
            repository.publish_artifact_version("m", content=content, idempotency_key=key)


def put_and_die(repository: Repository, content: bytes) -> None:
    """Put, and die when that is announced and the object not written."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(repository._objects, "put_latest", die)
        with pytest.raises(Died):
            repository.put_artifact("m", content)
