"""The repository's methods on outcomes: check what the caller passes, hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from airflow_provider_versioned.repository import inputs
from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.model import Alias
from airflow_provider_versioned.repository.outcomes import inputs as outcome_inputs
from airflow_provider_versioned.repository.outcomes.store import Report, Scope
from airflow_provider_versioned.repository.outcomes.use import AliasUse
from airflow_provider_versioned.repository.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_versioned.repository.outcomes.facts import AliasOutcomes, Evidence
    from airflow_provider_versioned.repository.outcomes.use import OutcomeRecorder
    from airflow_provider_versioned.repository.routing import Side


class OutcomeMethods(Parts):
    """Report what became of the uses of an alias, read the counts, delete them."""

    def record_outcome(
        self,
        name: str,
        alias: str | Alias,
        version: int | str,
        *,
        success: bool,
        count: int = 1,
        metrics: Mapping[str, float | Sequence[float]] | None = None,
        rollout: str | None = None,
        weight: int | None = None,
        idempotency_key: str | None = None,
    ) -> bool:
        """Count one success or failure of a version, or ``count`` of them; as :meth:`record_outcomes`."""
        successes, failures = (count, 0) if success else (0, count)
        return self.record_outcomes(
            *(name, alias, version),
            successes=successes,
            failures=failures,
            metrics=metrics,
            rollout=rollout,
            weight=weight,
            idempotency_key=idempotency_key,
        )

    def record_outcomes(
        self,
        name: str,
        alias: str | Alias,
        version: int | str,
        *,
        successes: int = 0,
        failures: int = 0,
        metrics: Mapping[str, float | Sequence[float]] | None = None,
        rollout: str | None = None,
        weight: int | None = None,
        idempotency_key: str | None = None,
    ) -> bool:
        """Count outcomes of a version that an alias led to.

        Args:
            alias: The :class:`Alias` as it was read when the version was chosen; or its name, with ``rollout`` and
                ``weight`` of that moment or, without ``rollout``, read now (one request more).
            metrics: Numbers that judges may compare: a value, or a list of values, by name. At most 10 names, values up
                to 1e50.
            rollout: :attr:`Alias.counted_under`.
            weight: ``secondary_version_weight``; None: the version was alone, or chosen by hand.
            idempotency_key: The caller's identity for this report: what was counted once under a key in a rollout is
                never counted again, also if the numbers differ.

        Returns:
            False when the key was counted before, so nothing was written.

        Raises:
            InvalidInputError: An argument is not allowed; nothing was written.
            InvalidTypeError: An argument has the wrong type; nothing was written.
            AliasNotFoundError: The alias was given by name without ``rollout`` and does not exist.
            ConflictError: Too many others reported the same metrics at once; nothing was counted.
        """
        counts = outcome_inputs.check_counts(successes, failures)
        checked = outcome_inputs.check_metrics(metrics)
        number, key = inputs.check_version(version), inputs.check_text("idempotency_key", idempotency_key)
        scope = self._scope(name, alias, rollout, weight)
        return self._outcomes.record(Report(scope, number, counts, checked, key))

    def outcome(
        self,
        name: str,
        alias: str | Alias,
        version: int | str | None = None,
        *,
        key: str | bytes | None = None,
        side: Side | None = None,
        idempotency_key: str | None = None,
    ) -> AliasUse:
        """Use an alias in a ``with`` block or as decorator: success is counted when it ends, failure when it raises.

        The block gets an :class:`~airflow_provider_versioned.repository.outcomes.use.AliasUse` with the version chosen.
        As decorator, each call of the function is a use of its own, and an alias given by name is read for each.

        Args:
            alias: Name of the alias, read when the block begins, or an :class:`Alias` that was read before.
            version: The version that was chosen already; None: chosen by ``key``, ``side``, or by chance.
            key: Routing key, see :meth:`Alias.route`.
            side: Take this side whatever its weight; such uses count without a weight.
            idempotency_key: As in :meth:`record_outcomes`.

        Raises:
            InvalidInputError: ``version`` was given together with ``key`` or ``side``.
        """
        repository = cast("OutcomeRecorder", self)  # it has the other methods too
        return AliasUse(repository, name, alias, version, key=key, side=side, idempotency_key=idempotency_key)

    def get_outcomes(self, name: str, alias: str | Alias, *, rollout: str | None = None) -> AliasOutcomes:
        """Read what was counted in a rollout.

        Args:
            alias: Name of the alias, or the alias as it was read.
            rollout: :attr:`Alias.counted_under`; None: that of the alias, read now if given by name.

        Raises:
            AliasNotFoundError: The alias was given by name without ``rollout`` and does not exist.
        """
        return self._outcomes.get(self._scope(name, alias, rollout, None))

    def look_at_outcomes(
        self,
        name: str,
        alias: str,
        *,
        stable: int | str,
        canary: int | str,
        rollout: str,
        weight: int | None = None,
        attempt: int = 1,
    ) -> Evidence:
        """Read what judges need, and keep that somebody looked.

        The sequential test is valid at every look because each look ends a block of outcomes; so looks are kept beside
        the counts. Reading with :meth:`get_outcomes` is no look.

        Args:
            weight: Weight of the step that is judged.
            attempt: Which attempt of the rollout this is; another one than before begins its evidence anew.

        Raises:
            ConflictError: Too many others looked at once; try again.
        """
        scope = self._scope(name, alias, rollout, weight)
        versions = inputs.check_version(stable), inputs.check_version(canary)
        return self._outcomes.look(scope, *versions, attempt)

    def delete_outcomes(self, name: str, alias: str, *, rollout: str) -> int:
        """Delete everything counted in a rollout that is over: counts, looks and idempotency keys.

        Returns:
            How many items were deleted.
        """
        return self._outcomes.delete(self._scope(name, alias, rollout, None))

    def _scope(self, name: str, alias: str | Alias, rollout: str | None, weight: int | None) -> Scope:
        given = inputs.check_text("rollout", rollout)
        checked = outcome_inputs.check_weight(weight)
        if isinstance(alias, str) and given is not None:
            return Scope(inputs.check_stored_name(name), inputs.check_stored_alias(alias), given, checked)
        if checked is not None:
            raise InvalidInputError(f"weight={weight} was given without rollout; give both or neither.", weight=weight)
        if not isinstance(alias, Alias):
            alias = self._aliases.get(inputs.check_stored_name(name), inputs.check_stored_alias(alias))
        if alias.name != name:
            raise InvalidInputError(f"The alias given is of {alias.name!r}, not of {name!r}.", name=name)
        return Scope(name, alias.alias, given or alias.counted_under, alias.secondary_version_weight)
