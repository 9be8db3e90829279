"""The repository's methods that remove: by rule, after a grace period, one artifact, or everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository import inputs, retention
from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError
from airflow_provider_versioned.repository.parts import Parts
from airflow_provider_versioned.repository.retention_plan import PurgePlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_versioned.repository.model import Alias, Artifact
    from airflow_provider_versioned.repository.retention_plan import FreeResult, PurgeResult, SweepResult


class RetentionMethods(Parts):
    """Protect, plan, apply, free, sweep, purge."""

    def protect(self, name: str, version: int | str, reason: str = "by request") -> Artifact:
        """Keep a live numbered version from being deleted, purged or destroyed, until :meth:`unprotect`.

        The library ``versioned`` does not know of it and can hide the version; its bytes then stay, and it can be
        restored.

        Args:
            reason: Kept in the version's record and said to whoever tries.

        Raises:
            ArtifactNotFoundError: The version does not exist or is deleted.
            InvalidInputError: It is LATEST, which changes anyway.
        """
        why = inputs.check_text("reason", reason) or ""
        return self._versions.protect(inputs.check_stored_name(name), _number(version), why)

    def unprotect(self, name: str, version: int | str) -> None:
        """Undo :meth:`protect`; silent if nothing protects the version.

        Raises:
            InvalidInputError: It is LATEST.
        """
        self._versions.unprotect(inputs.check_stored_name(name), _number(version))

    def plan_purge(
        self,
        name: str,
        keep_last_n: int = retention.DEFAULT_KEEP_LAST_N,
        purge_older_than_secs: float | timedelta = retention.DEFAULT_PURGE_OLDER_THAN_SECS,
        *,
        keep_previous_secs: float | timedelta = 0.0,
        keep_published_secs: float | timedelta = 0.0,
    ) -> PurgePlan:
        """Say for each live version whether a retention rule would remove it now, and why; writes nothing.

        Args:
            keep_last_n: How many of the highest live numbers stay in any case, 0 or more.
            purge_older_than_secs: Age by S3's clock up to which a version stays, 0 or more.
            keep_previous_secs: What an alias pointed at less than so long ago stays, so that it can be rolled back to.
            keep_published_secs: What was written less than so long ago stays; a floor for ``purge_older_than_secs``.

        Returns:
            LATEST first, then from the highest number down. Store it with ``to_dict``, and :meth:`apply_purge` it once
            it is approved.

        Raises:
            InvalidInputError: The rule is not allowed.
        """
        rule = _rule(keep_last_n, purge_older_than_secs, keep_previous_secs, keep_published_secs)
        return self._plan(inputs.check_stored_name(name), rule)[0]

    def apply_purge(self, plan: PurgePlan) -> PurgeResult:
        """Carry out a plan, however old: what it keeps stays, and what it purges goes, with these exceptions.

        A version stays, and is reported with the reason, if by now an alias points at it, or did so less than the
        plan's ``keep_previous_secs`` ago, or it is protected, or it was restored or written anew since.

        Raises:
            InvalidInputError: The plan names LATEST or what is no version; nothing was written.
        """
        if not isinstance(plan, PurgePlan):
            raise InvalidTypeError(
                f"A plan must be a PurgePlan, got {plan!r}; PurgePlan.from_dict makes one of a dict."
            )
        name = inputs.check_stored_name(plan.name)
        if inputs.LATEST in [inputs.check_version(decision.version) for decision in plan.to_purge]:
            raise InvalidInputError(f"The plan for {name!r} names LATEST, which never is purged; plan anew.", name=name)
        artifacts, aliases = list(self._versions.list(name)), list(self._aliases.list(name))
        keep_secs = inputs.check_secs("keep_previous_secs", plan.keep_previous_secs)
        return self._purger.apply(plan, artifacts, aliases, self._departures(name, keep_secs, datetime.now(UTC)))

    def purge_artifact_versions(
        self,
        name: str,
        keep_last_n: int = retention.DEFAULT_KEEP_LAST_N,
        purge_older_than_secs: float | timedelta = retention.DEFAULT_PURGE_OLDER_THAN_SECS,
    ) -> tuple[datetime, list[Artifact]]:
        """Plan and apply at once, by count and age alone: hide what is neither among the newest nor young nor in use.

        Args:
            keep_last_n: How many of the highest live numbers stay in any case, 0 or more.
            purge_older_than_secs: Age by S3's clock up to which a version stays, 0 or more.

        Returns:
            The time from which ages were counted, and the versions that went, newest first. They can be restored.

        Raises:
            InvalidInputError: The rule is not allowed; nothing was written.
        """
        rule = _rule(keep_last_n, purge_older_than_secs)
        plan, artifacts, aliases = self._plan(inputs.check_stored_name(name), rule)
        return plan.planned_at, list(self._purger.apply(plan, artifacts, aliases, {}).purged)

    def _plan(self, name: str, rule: retention.RetentionRule) -> tuple[PurgePlan, list[Artifact], list[Alias]]:
        now = datetime.now(UTC)
        left = self._departures(name, rule.keep_previous_secs, now)
        artifacts, aliases = list(self._versions.list(name)), list(self._aliases.list(name))
        return retention.plan(name, artifacts, aliases, left, rule, now=now), artifacts, aliases

    def _departures(self, name: str, secs: float, now: datetime) -> Mapping[str, retention.Departure]:
        if secs == 0:
            return {}
        return self._aliases.departures(name, _before(now, secs))

    def free_artifact_versions(
        self, name: str, grace_secs: float | timedelta = retention.DEFAULT_GRACE_SECS, *, dry_run: bool = False
    ) -> FreeResult:
        """Remove for good the bytes and records of versions that were deleted or purged long enough ago.

        What the library ``versioned`` deleted has no date: the period counts from the first call that sees it. LATEST
        is never freed. Repeat the call if it dies. In a bucket with S3 Versioning the old object versions stay until a
        lifecycle rule removes them.

        Args:
            grace_secs: How long a deletion can be undone; 0: free what is deleted now.
            dry_run: Only say what would go; nothing is written.

        Raises:
            InvalidInputError: The period is not allowed; nothing was written.
        """
        secs = inputs.check_secs("grace_secs", grace_secs)
        return self._freer.free(inputs.check_flat_name(name), secs, datetime.now(UTC), dry_run=dry_run)

    def sweep_artifact(
        self,
        name: str,
        older_than_secs: float | timedelta = retention.DEFAULT_SWEEP_OLDER_THAN_SECS,
        *,
        dry_run: bool = False,
    ) -> SweepResult:
        """Remove what processes that died left behind: claimed numbers, objects without a record, unfinished uploads.

        None of it was ever visible. A publisher that is alive after all takes another number and loses nothing but
        time.

        Args:
            older_than_secs: Safety age, by S3's clock for objects and uploads and by the publisher's for claims.
            dry_run: Only say what would go; nothing is written.

        Raises:
            InvalidInputError: The age is not allowed; nothing was written.
        """
        secs = inputs.check_secs("older_than_secs", older_than_secs)
        before = _before(datetime.now(UTC), secs)
        return self._sweeper.sweep(inputs.check_flat_name(name), secs, before, dry_run=dry_run)

    def purge_artifact(self, name: str) -> None:
        """Destroy an artifact for good: aliases, versions, bytes. Repeat it if it dies; numbers are not used again.

        The history of its aliases stays.

        Raises:
            InvalidInputError: The name has no S3 folder of its own.
            InUseError: A version is protected; nothing was removed.
            ConflictError: Others kept changing its aliases, versions or LATEST.
        """
        self._destroyer.destroy(inputs.check_flat_name(name))

    def purge_all(self) -> None:
        """Destroy every artifact of the repository; the bucket, the table and what is not ours in them stay.

        Raises:
            InUseError: Artifacts with protected versions are left; all others are gone.
        """
        self._emptier.destroy_all()


def _rule(
    keep_last_n: int,
    purge_older_than_secs: float | timedelta,
    keep_previous_secs: float | timedelta = 0.0,
    keep_published_secs: float | timedelta = 0.0,
) -> retention.RetentionRule:
    return retention.RetentionRule(
        inputs.check_count("keep_last_n", keep_last_n),
        inputs.check_secs("purge_older_than_secs", purge_older_than_secs),
        inputs.check_secs("keep_previous_secs", keep_previous_secs),
        inputs.check_secs("keep_published_secs", keep_published_secs),
    )


def _number(version: int | str) -> str:
    checked = inputs.check_version(version)
    if checked == inputs.LATEST:
        raise InvalidInputError("LATEST cannot be protected, because it changes; publish it and protect the number.")
    return checked


def _before(now: datetime, secs: float) -> datetime:
    """Return the moment so long ago; one before the calendar is its beginning."""
    try:
        return now - timedelta(seconds=secs)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
