"""The repository's methods that remove: by rule, one artifact, or everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository import inputs, retention
from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError
from airflow_provider_versioned.repository.parts import Parts

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.model import Alias, Artifact
    from airflow_provider_versioned.repository.retention import PurgePlan, PurgeResult


class RetentionMethods(Parts):
    """Plan, apply, purge."""

    def plan_purge(
        self,
        name: str,
        keep_last_n: int = retention.DEFAULT_KEEP_LAST_N,
        purge_older_than_secs: float | timedelta = retention.DEFAULT_PURGE_OLDER_THAN_SECS,
    ) -> PurgePlan:
        """Say what :meth:`purge_artifact_versions` would do now to each numbered version, and why; writes nothing.

        Raises:
            InvalidInputError: The rule is not allowed.
        """
        return self._plan(name, keep_last_n, purge_older_than_secs)[0]

    def apply_purge(self, plan: PurgePlan) -> PurgeResult:
        """Carry out a plan: nothing goes but what it names, and nothing that an alias points at by now.

        Raises:
            InvalidInputError: The plan names LATEST or what is no version; nothing was written.
        """
        if not isinstance(plan, retention.PurgePlan):
            raise InvalidTypeError(
                f"A plan must be a PurgePlan, got {plan!r}; PurgePlan.from_dict makes one of a dict."
            )
        name = inputs.check_stored_name(plan.name)
        if inputs.LATEST in [inputs.check_version(decision.version) for decision in plan.to_purge]:
            raise InvalidInputError(f"The plan for {name!r} names LATEST, which never is purged; plan anew.", name=name)
        return self._purger.apply(plan, list(self._versions.list(name)), list(self._aliases.list(name)))

    def purge_artifact_versions(
        self,
        name: str,
        keep_last_n: int = retention.DEFAULT_KEEP_LAST_N,
        purge_older_than_secs: float | timedelta = retention.DEFAULT_PURGE_OLDER_THAN_SECS,
    ) -> tuple[datetime, list[Artifact]]:
        """Hide the versions that are neither among the newest nor young nor in use by an alias; LATEST never goes.

        Args:
            keep_last_n: How many of the highest live numbers stay in any case, 0 or more.
            purge_older_than_secs: Age by S3's clock from which a version may go, 0 or more.

        Returns:
            The time from which ages were counted, and the versions that went, newest first. They can be restored.

        Raises:
            InvalidInputError: The rule is not allowed; nothing was written.
        """
        plan, artifacts, aliases = self._plan(name, keep_last_n, purge_older_than_secs)
        return plan.planned_at, list(self._purger.apply(plan, artifacts, aliases).purged)

    def _plan(
        self, name: str, keep_last_n: int, purge_older_than_secs: float | timedelta
    ) -> tuple[PurgePlan, list[Artifact], list[Alias]]:
        inputs.check_stored_name(name)
        count, seconds = inputs.check_retention(keep_last_n, purge_older_than_secs)
        now = datetime.now(UTC)
        artifacts, aliases = list(self._versions.list(name)), list(self._aliases.list(name))
        plan = retention.plan(name, artifacts, aliases, now=now, keep_last_n=count, purge_older_than_secs=seconds)
        return plan, artifacts, aliases

    def purge_artifact(self, name: str) -> None:
        """Destroy an artifact for good: aliases, versions, bytes. Repeat it if it dies; numbers are not used again.

        The history of its aliases stays.

        Raises:
            InvalidInputError: The name has no S3 folder of its own.
            ConflictError: Others kept pointing aliases at its versions.
        """
        self._purger.destroy(inputs.check_flat_name(name))

    def purge_all(self) -> None:
        """Destroy every artifact of the repository; the bucket, the table and what is not ours in them stay."""
        self._purger.destroy_all()
