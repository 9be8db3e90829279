"""One use of an alias: which version it got, and what became of it."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import TYPE_CHECKING, Protocol, Self

from airflow_provider_versioned.repository import inputs
from airflow_provider_versioned.repository.errors import InvalidInputError, VersionedError
from airflow_provider_versioned.repository.routing import Side, check_side

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from airflow_provider_versioned.repository.model import Alias, Artifact


class OutcomeRecorder(Protocol):
    """What a use needs of its repository."""

    def get_alias(self, name: str, alias: str) -> Alias:
        """Read an alias."""

    def get_artifact_version(self, name: str, version: int | str | None = None) -> Artifact:
        """Read a version's record."""

    def record_outcome(
        self,
        name: str,
        alias: str | Alias,
        version: int | str,
        *,
        success: bool,
        metrics: Mapping[str, float | Sequence[float]] | None = None,
        rollout: str | None = None,
        weight: int | None = None,
        idempotency_key: str | None = None,
    ) -> bool:
        """Count an outcome."""


class AliasUse(ContextDecorator):
    """What :meth:`Repository.outcome` hands to its ``with`` block.

    When the block ends, its outcome is counted: success; failure when it raised an ``Exception`` or :meth:`fail` was
    called; nothing when it was stopped from outside (``KeyboardInterrupt``, ``SystemExit``) or raised one of
    ``no_outcome``. If an outcome cannot be counted, a block that succeeded raises that error; one that failed keeps its
    own, with a note.

    Args:
        failures: What counts as failure when the block raises it.
        no_outcome: What counts as nothing, though it is among ``failures``.

    Attributes:
        alias: The alias as it was resolved.
        version: The version chosen.
    """

    def __init__(
        self,
        repository: OutcomeRecorder,
        name: str,
        alias: str | Alias,
        version: int | str | None = None,
        *,
        key: str | bytes | None = None,
        side: Side | None = None,
        idempotency_key: str | None = None,
        failures: tuple[type[BaseException], ...] = (Exception,),
        no_outcome: tuple[type[BaseException], ...] = (),
    ) -> None:
        if version is not None and (key is not None or side is not None):
            raise InvalidInputError(f"version={version!r} was given with key or side, which choose it; give one.")
        self._repository = repository
        self._name = name
        self._asked = alias
        self._given = None if version is None else inputs.check_version(version)
        self._key = key
        self._side = None if side is None else check_side(side)
        self._idempotency_key = idempotency_key
        self._failures = failures
        self._no_outcome = no_outcome
        self._metrics: dict[str, list[float]] = {}
        self._failed = False
        self.alias: Alias
        self.version: str

    def __enter__(self) -> Self:
        self.alias = (
            self._repository.get_alias(self._name, self._asked) if isinstance(self._asked, str) else self._asked
        )
        self.version = self._given or self._choose()
        return self

    @property
    def artifact(self) -> Artifact:
        """The version's record, read when asked for, with its content at hand."""
        return self._repository.get_artifact_version(self._name, self.version)

    def measure(self, metric: str, value: float) -> None:
        """Report a number together with the outcome, such as a latency or a score; may be called again."""
        self._metrics.setdefault(metric, []).append(value)

    def fail(self) -> None:
        """Count this use as a failure although the block raises nothing."""
        self._failed = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._record(success=not self._failed)
        elif isinstance(error, self._failures) and not isinstance(error, self._no_outcome):
            try:
                self._record(success=False)
            except VersionedError as unrecorded:
                error.add_note(f"Moreover, this failure could not be counted: {unrecorded}")

    def _recreate_cm(self) -> Self:
        """Give each call of a decorated function a use of its own."""
        return type(self)(
            *(self._repository, self._name, self._asked, self._given),
            key=self._key,
            side=self._side,
            idempotency_key=self._idempotency_key,
            failures=self._failures,
            no_outcome=self._no_outcome,
        )

    def _choose(self) -> str:
        if self._side is not None or self._key is not None:
            return self.alias.route(self._key if self._key is not None else b"by hand", side=self._side)
        return self.alias.choose_version()

    def _record(self, *, success: bool) -> None:
        by_hand = self._side is not None
        self._repository.record_outcome(
            *(self._name, self.alias.alias, self.version),
            success=success,
            metrics=self._metrics,
            rollout=self.alias.counted_under,
            weight=None if by_hand else self.alias.secondary_version_weight,
            idempotency_key=self._report_key(),
        )

    def _report_key(self) -> str | None:
        """Return the idempotency key of the report."""
        return self._idempotency_key
