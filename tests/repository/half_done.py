"""Writes of LATEST that die or wait half-way, of an artifact ``m``, and what readers see."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import ArtifactNotFoundError
from tests.repository.fault_wire import Died
from tests.repository.interruption import interrupting

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository


def latest(repository: Repository) -> bytes:
    """Return what LATEST is to a reader."""
    return repository.get_artifact_version("m").get_content()


def seen_by(repository: Repository) -> bytes | None:
    """Return the same, or None when there is none."""
    try:
        return latest(repository)
    except ArtifactNotFoundError:
        return None


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


def put_and_die_after_the_object(repository: Repository, content: bytes) -> None:
    """Put, and die when the object is written and the item does not say so."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(repository._latest, "say", die)
        with pytest.raises(Died):
            repository.put_artifact("m", content)


class Held:
    """An operation in a thread that waits before a step until it is let go; begun when this is made."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, part: object, step: str, operation: Callable[[], object]
    ) -> None:
        self._at, self._go = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        self._operation = operation
        interrupting(monkeypatch, part, step, self._wait)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._at.wait(20)

    def _wait(self) -> None:
        self._at.set()
        assert self._go.wait(30)

    def _run(self) -> None:
        try:
            self._operation()
        except BaseException as error:  # noqa: BLE001 -- raised where its end is waited for
            self._error = error

    def end(self) -> None:
        """Let it go, and wait until it has ended; raises what it raised, its own death excepted."""
        self._go.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self._error is not None and not isinstance(self._error, Died):
            raise self._error
