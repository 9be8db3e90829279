"""Rollouts that nobody works on any more: what Airflow cannot clean up itself.

``dagrun_timeout`` skips every task of a run, teardowns too; a scheduler that is gone for good runs none. The callback
ends the rollout of a run that Airflow failed; the operator, in a Dag of its own, finds what is left all the same.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import ConflictError, RolloutNotFoundError
from airflow_provider_versioned.repository.rollouts.model import RolloutState
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import optional, parse_bool, parse_names, parse_seconds
from airflow_provider_versioned.task.identity import author

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Repository, Rollout


class AbortRolloutOfRun:
    """A callback for a Dag: ``DAG(..., dagrun_timeout=…, on_failure_callback=AbortRolloutOfRun("model", "prod"))``.

    When the run fails, its rollout of this alias is aborted if it is still on; a rollout of another run is left alone.

    Args:
        name: Artifact name.
        alias: Alias.
        hook: Arguments of :class:`VersionedRepositoryHook`, such as ``aws_conn_id``.
    """

    def __init__(self, name: str, alias: str, **hook: Any) -> None:
        self.name = name
        self.alias = alias
        self.hook = hook

    def __call__(self, context: Context | Mapping[str, Any]) -> None:
        """Abort the run's rollout."""
        from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook  # noqa: PLC0415 -- loads AWS libraries

        run = context["dag_run"]
        repository = VersionedRepositoryHook(**self.hook).repository
        try:
            rollout = repository.get_rollout(self.name, self.alias)
        except RolloutNotFoundError:
            return
        if not rollout.is_live or not rollout.id.startswith(f"{run.dag_id}/{run.run_id}/"):
            return
        repository.abort_rollout(
            *(self.name, self.alias),
            rollout_id=rollout.id,
            reason=f"the run failed ({context.get('reason') or 'no reason given'})",
            changed_by=f"airflow:{run.dag_id}/{run.run_id}",
        )


class AbortStaleRolloutsOperator(RepositoryOperator):
    """Aborts live rollouts that have not got on for too long, say, because the Airflow that ran them is gone.

    A rollout gets on when it begins, is given a weight, is judged, or is unfrozen. Returns the ``aborted`` and the
    ``kept``, each as :meth:`Rollout.to_dict`.

    Args:
        stale_after: Seconds, or a timedelta; more than the longest bake.
        name: One artifact, a list of them, or None: all of the repository.
        frozen_too: Also those that somebody has frozen on purpose.
    """

    template_fields: Sequence[str] = (*RepositoryOperator.template_fields, "stale_after", "name", "frozen_too")

    def __init__(
        self,
        *,
        stale_after: float | str | timedelta,
        name: str | Sequence[str] | None = None,
        frozen_too: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stale_after = stale_after
        self.name = name
        self.frozen_too = frozen_too

    def execute(self, context: Context) -> dict[str, Any]:
        """Look at all of them."""
        with no_vain_retry():
            patience = timedelta(seconds=parse_seconds("stale_after", self.stale_after))
            frozen_too = parse_bool("frozen_too", self.frozen_too)
            repository = self.hook.repository
            names = repository.list_artifact_names() if optional(self.name) is None else parse_names(self.name)
            aborted, kept = [], []
            for rollout in _live(repository, names):
                frozen = rollout.state is RolloutState.FROZEN and not frozen_too
                if frozen or datetime.now(UTC) - got_on_at(rollout) <= patience:
                    kept.append(rollout.to_dict())
                elif (ended := self._abort(context, repository, rollout)) is not None:
                    aborted.append(ended.to_dict())
        return {"aborted": aborted, "kept": kept}

    def _abort(self, context: Context, repository: Repository, rollout: Rollout) -> Rollout | None:
        why = f"it has not got on since {got_on_at(rollout):%Y-%m-%d %H:%M:%S}Z"
        try:
            ended = repository.abort_rollout(
                *(rollout.name, rollout.alias), rollout_id=rollout.id, reason=why, changed_by=author(context)
            )
        except ConflictError as error:
            self.log.info("%s", error)  # it got on meanwhile
            return None
        self.log.warning("Rollout %r of %s.", ended.id, ended)
        return ended


def got_on_at(rollout: Rollout) -> datetime:
    """Return when a rollout last showed that somebody works on it."""
    judged = (rollout.judgement or {}).get("judged_at")
    moments = [rollout.began_at, rollout.stepped_at, rollout.frozen_at]
    moments.append(datetime.fromisoformat(judged) if judged else None)
    return max(moment for moment in moments if moment is not None) + timedelta(seconds=rollout.frozen_secs)


def _live(repository: Repository, names: Sequence[str]) -> Iterator[Rollout]:
    for name in names:
        yield from (rollout for rollout in repository.list_rollouts(name) if rollout.is_live)
