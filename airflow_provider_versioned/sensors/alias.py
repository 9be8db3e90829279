"""Waiting for an alias.

Decides what is waited for and until when. Whether an alias meets it is
:class:`~airflow_provider_versioned.repository.alias_wait.AliasCondition`, the same for every mode.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    conf,
)
from airflow.sdk import BaseSensorOperator, PokeReturnValue

from airflow_provider_versioned.repository import errors
from airflow_provider_versioned.repository.errors import InvalidInputError, NotFoundError, StorageUnavailableError
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import (
    optional,
    parse_bool,
    parse_optional_int,
    parse_optional_version,
    parse_since,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository.alias_wait import AliasCondition


class AliasVersionSensor(RepositoryOperator, BaseSensorOperator):
    """Waits until an alias points at a version, at least at a version, or has moved.

    Returns the alias as :meth:`Alias.to_dict`. Give one of ``version``, ``min_version`` and ``changed_since``, or none:
    then any move since this Dag run started counts, whichever try, reschedule or deferral sees it. An alias that does
    not exist is waited for. A missing table or denied access fails at once; throttling and outages of AWS are waited
    through, all until ``timeout``.

    Args:
        name: Artifact name.
        alias: Alias to watch.
        version: The alias points at this version.
        min_version: The alias points at this number or a higher one.
        changed_since: The alias moved at or after this moment (ISO 8601, UTC when it names no zone) by the clock of who
            moved it, or no longer has this revision.
        include_canary: Let the secondary version count too. When waiting for a move: let a move count that changed only
            the secondary version or its weight.
        deferrable: Wait in the triggerer, after one look from the worker.
        kwargs: Also those of every sensor: ``poke_interval``, ``timeout``, ``mode``, ``soft_fail``, …
    """

    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "alias",
        "version",
        "min_version",
        "changed_since",
        "include_canary",
    )

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        version: int | str | None = None,
        min_version: int | str | None = None,
        changed_since: datetime | str | None = None,
        include_canary: bool | str = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.version = version
        self.min_version = min_version
        self.changed_since = changed_since
        self.include_canary = include_canary
        self.deferrable = deferrable
        self._waited_for: AliasCondition | None = None

    def execute(self, context: Context) -> Any:
        """Look, and wait on in the way that was chosen."""
        if not self.deferrable:
            return self.keep_version(context, super().execute(context))
        found = self._first_look(context)
        return self._defer(context) if found is None else self.keep_version(context, found)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        with no_vain_retry():
            try:
                condition = self._condition(context)
                alias = self.hook.find_alias(self.name, self.alias)
            except StorageUnavailableError as error:
                self.log.warning("%s Looking again.", error)
                return PokeReturnValue(is_done=False)
        if alias is None:
            self.log.info("Artifact %r has no alias %r yet.", self.name, self.alias)
            return PokeReturnValue(is_done=False)
        met = condition.met_by(alias)
        self.log.info(
            "Alias %r of %r is at version %s (canary %s); waiting until it %s.",
            *(self.alias, self.name, alias.version, alias.secondary_version, condition.describe()),
        )
        return PokeReturnValue(is_done=met, xcom_value=alias.to_dict() if met else None)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Take up what the trigger found."""
        if event["status"] == "success":
            found: dict[str, Any] = event["alias"]
            self.log.info("Alias %r of %r is at version %s.", self.alias, self.name, found["version"])
            return self.keep_version(context, found)
        if event["status"] == "timeout":
            raise AirflowSensorTimeout(
                f"Alias {self.alias!r} of {self.name!r} was waited for during {self.timeout:g} seconds in vain."
            )
        with no_vain_retry():
            raise _error_of(event)

    def _condition_when_readable(self, context: Context) -> AliasCondition:
        """Return what is waited for; an outage of AWS that hides the alias's history is waited through."""
        begun = time.monotonic()
        while True:
            try:
                return self._condition(context)
            except StorageUnavailableError as error:
                if time.monotonic() - begun > self.timeout:
                    raise
                self.log.warning("%s Looking again.", error)
                time.sleep(self.poke_interval)

    def _first_look(self, context: Context) -> dict[str, Any] | None:
        """Poke before deferring, under the same rules as every other poke of a sensor."""
        try:
            return self.poke(context).xcom_value
        except AirflowFailException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(f"Skipping instead of failing: {error}") from error
            raise

    def _defer(self, context: Context) -> NoReturn:
        from airflow_provider_versioned.triggers.alias import AliasVersionTrigger  # noqa: PLC0415 -- loads AWS libraries

        timeout = timedelta(seconds=self.timeout)
        self.defer(
            trigger=AliasVersionTrigger(
                name=self.name,
                alias=self.alias,
                condition=self._condition_when_readable(context).to_dict(),
                poke_interval=self.poke_interval,
                deadline=(datetime.now(UTC) + timeout).isoformat(),
                **self.hook_arguments(),
            ),
            method_name="execute_complete",
            timeout=timeout,
        )

    def _condition(self, context: Context) -> AliasCondition:
        """Return what is waited for; read once per process, because it may need the alias's history."""
        if self._waited_for is None:
            self._waited_for = self._read_condition(context["dag_run"].start_date)
        return self._waited_for

    def _read_condition(self, run_start: datetime | None) -> AliasCondition:
        from airflow_provider_versioned.repository.alias_wait import AliasCondition  # noqa: PLC0415 -- not needed to parse a Dag file

        version, since = parse_optional_version(self.version), optional(self.changed_since)
        min_version = parse_optional_int("min_version", self.min_version)
        include_canary = parse_bool("include_canary", self.include_canary)
        if version is not None or min_version is not None:
            return AliasCondition(version, min_version, since, include_canary)
        moment = parse_since(run_start if since is None else since)
        known = None if include_canary else self._version_at(moment)
        return AliasCondition(changed_since=moment, include_canary=include_canary, known_version=known)

    def _version_at(self, moment: datetime | str) -> str | None:
        """Return what the alias pointed at then, None if its history does not tell."""
        repository = self.hook.repository
        if isinstance(moment, str):
            history = repository.list_alias_history(self.name, self.alias)
            return next((change.version for change in history if change.revision == moment), None)
        try:
            return repository.get_alias_at(self.name, self.alias, moment).version
        except NotFoundError:
            return None


def _error_of(event: dict[str, Any]) -> Exception:
    """Make the error again that the trigger met."""
    known = getattr(errors, str(event.get("error")), None)
    return known(event["message"]) if known is not None else InvalidInputError(f"Trigger event not understood: {event}")
