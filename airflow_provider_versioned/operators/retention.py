"""Purging old versions, freeing the bytes of what was purged long ago, and sweeping up after dead processes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_versioned.repository.errors import InvalidInputError, PartlyFailedError
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import (
    parse_bool,
    parse_count,
    parse_names,
    parse_optional_rate,
    parse_optional_seconds,
    parse_plans,
    parse_seconds,
    parse_workers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.operators.retention_tally import Tally
    from airflow_provider_versioned.operators.retention_work import Retention, Treated
    from airflow_provider_versioned.repository import Repository

Entry = TypeVar("Entry")


class _RetentionOperator(RepositoryOperator):
    """What both have in common: several artifacts at a time, at a limited rate, each failing for itself.

    Args:
        max_workers: How many artifacts are worked on at a time. With more than 10, give the clients as many
            connections: ``botocore_config={"max_pool_connections": …}``.
        writes_per_second: How many items of the table the task writes a second, on average; each version that is purged
            is one. None: as fast as the table takes them. When the table throttles, the task halves its rate, and
            raises it again slowly.
    """

    template_fields: Sequence[str] = (*RepositoryOperator.template_fields, "max_workers", "writes_per_second")

    def __init__(
        self, *, max_workers: int | str = 8, writes_per_second: float | str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.max_workers = max_workers
        self.writes_per_second = writes_per_second

    def _treat_all(
        self,
        entries: Iterable[Entry],
        treat: Callable[[Repository, Entry], Treated],
        name_of: Callable[[Entry], str],
        tally: Tally,
    ) -> None:
        """Treat artifacts, several at a time, and fail once all had their turn if one failed."""
        from airflow_provider_versioned.repository.many import for_each  # noqa: PLC0415 -- not needed to parse a Dag file
        from airflow_provider_versioned.repository.pace import Pace  # noqa: PLC0415 -- not needed to parse a Dag file

        workers = parse_workers("max_workers", self.max_workers)
        pace = Pace(parse_optional_rate("writes_per_second", self.writes_per_second))
        repository = self.hook.repository.paced(pace)
        for done in for_each(entries, lambda entry: treat(repository, entry), workers, pace.stop):
            if done.result is None:
                tally.add_failure(name_of(done.entry), done.error or RuntimeError("no result"))
            else:
                tally.add(done.result)
        self.log.info("%s Throttled %s times.", tally.summary(), pace.throttles)
        _raise_failure(tally)


def _raise_failure(tally: Tally) -> None:
    if not tally.failed:
        return
    errors = list(tally.errors.values())
    if tally.failed == 1 and not tally.artifacts:
        raise errors[0]
    if tally.failed == len(errors) and all(isinstance(error, InvalidInputError) for error in errors):
        raise AirflowFailException(tally.failures())
    raise PartlyFailedError(f"{tally.failures()} Repeat the task: what is done stays done.", failed=tally.failed)


class PurgeVersionsOperator(_RetentionOperator):
    """Purges what a retention rule removes, and afterwards, if asked, frees and sweeps.

    A version stays if it is protected, if an alias points at it or did so lately, if it is among the newest, or if it
    is young. Purging hides it; it can be restored until its bytes are freed. Each decision is logged with its reason.
    An artifact that fails stops no other; the task then fails at the end. Repeating the task is safe and goes on.

    Returns the rule, the numbers of versions kept, purged and freed, and the list ``purged_versions`` of
    ``{"name", "version", "reason"}``; a dry run also returns ``kept_versions``, and ``plans`` for
    :class:`ApplyPurgePlanOperator`. Lists end after 200 entries; ``plans`` is whole, or None when it would name more
    than 5,000 versions (some 200 bytes each). The log has everything, and a line on the progress every ten seconds.

    Args:
        name: One artifact name, several, or None for all artifacts of the repository.
        keep_last_n: How many of the newest versions stay, whatever their age.
        older_than: Age in seconds, or a timedelta, up to which a version stays.
        keep_previous: For so long, in seconds or as a timedelta, what an alias pointed at stays after the alias moved
            on, so that it can be rolled back to.
        keep_published: So long, likewise, a new version stays, even if ``older_than`` is shorter.
        free_after: So long after its deletion, likewise, the bytes of a version are removed for good, and with them the
            possibility to restore it. None: never.
        sweep_after: So long, likewise, after a process died, what it left is removed: claimed numbers, objects without
            a record, unfinished uploads. None: never.
        dry_run: Only say what would be done.
        kwargs: Also ``max_workers`` (8), how many artifacts are worked on at a time, and ``writes_per_second`` (None:
            no limit), how many items of the table are written a second, each version that is purged being one.
    """

    template_fields: Sequence[str] = (
        *_RetentionOperator.template_fields,
        "name",
        "keep_last_n",
        "older_than",
        "keep_previous",
        "keep_published",
        "free_after",
        "sweep_after",
        "dry_run",
    )

    def __init__(
        self,
        *,
        name: str | Sequence[str] | None,
        keep_last_n: int | str = 10,
        older_than: float | str | timedelta = timedelta(days=90),
        keep_previous: float | str | timedelta = timedelta(days=7),
        keep_published: float | str | timedelta = 0,
        free_after: float | str | timedelta | None = None,
        sweep_after: float | str | timedelta | None = None,
        dry_run: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.keep_last_n = keep_last_n
        self.older_than = older_than
        self.keep_previous = keep_previous
        self.keep_published = keep_published
        self.free_after = free_after
        self.sweep_after = sweep_after
        # BaseOperator has an unused method of that name; a template field must be the attribute of its argument.
        self.dry_run = dry_run  # type: ignore[assignment,method-assign]

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 -- Airflow passes it
        """Plan for each artifact and, unless it is a dry run, purge, free and sweep."""
        from airflow_provider_versioned.operators.retention_tally import Tally  # noqa: PLC0415 -- not needed to parse a Dag file

        with no_vain_retry():
            retention = self._retention()
            names = None if self.name is None else parse_names(self.name)
            tally = Tally(dry_run=retention.dry_run, say=self.log.info, total=None if names is None else len(names))
            found = self.hook.repository.iter_artifact_names() if names is None else names
            self._treat_all(found, retention.treat, str, tally)
        return {**retention.to_dict(), **tally.to_dict()}

    def _retention(self) -> Retention:
        from airflow_provider_versioned.operators.retention_work import Retention  # noqa: PLC0415 -- not needed to parse a Dag file

        keep = {
            "keep_previous_secs": parse_seconds("keep_previous", self.keep_previous),
            "keep_published_secs": parse_seconds("keep_published", self.keep_published),
        }
        return Retention(
            keep_last_n=parse_count("keep_last_n", self.keep_last_n),
            older_than_secs=parse_seconds("older_than", self.older_than),
            keep=keep,
            free_after_secs=parse_optional_seconds("free_after", self.free_after),
            sweep_after_secs=parse_optional_seconds("sweep_after", self.sweep_after),
            dry_run=parse_bool("dry_run", self.dry_run),
        )


class ApplyPurgePlanOperator(_RetentionOperator):
    """Carries out retention plans exactly as they were made, for instance after a person approved them.

    Nothing goes but what a plan names; and of that stays, with its reason in the log, what came into use, was protected
    or was restored since. Repeating the task is safe. Returns the numbers of versions kept and purged, and the list
    ``purged_versions``, which ends after 200 entries.

    Args:
        plan: One plan as ``PurgePlan.to_dict()`` gives it, or a list of them, or either as JSON: the ``plans`` that a
            dry run of :class:`PurgeVersionsOperator` returned.
        kwargs: Also ``max_workers`` and ``writes_per_second``, as there.
    """

    template_fields: Sequence[str] = (*_RetentionOperator.template_fields, "plan")

    def __init__(self, *, plan: dict[str, Any] | list[dict[str, Any]] | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 -- Airflow passes it
        """Read all plans before carrying out the first."""
        from airflow_provider_versioned.operators.retention_tally import Tally  # noqa: PLC0415 -- not needed to parse a Dag file
        from airflow_provider_versioned.operators.retention_work import carry_out  # noqa: PLC0415 -- not needed to parse a Dag file

        with no_vain_retry():
            plans = parse_plans(self.plan)
            tally = Tally(dry_run=False, say=self.log.info, total=len(plans))
            self._treat_all(plans, carry_out, lambda plan: plan.name, tally)
        return tally.to_dict()
