"""The first task of a rollout: from which version to which it goes, and whether it may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_versioned.assets.announce import announce_move
from airflow_provider_versioned.links import ArtifactPageLink, DynamoDBItemLink, link_to_alias
from airflow_provider_versioned.repository.errors import ConflictError, InvalidInputError
from airflow_provider_versioned.repository.rollouts.model import RolloutState
from airflow_provider_versioned.rollout.handover import UI_COLOR
from airflow_provider_versioned.rollout.steps import parse_steps
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import optional
from airflow_provider_versioned.task.identity import author

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


class StartRolloutOperator(RepositoryOperator):
    """Begins the rollout of a version (canary) from the alias's version (stable); the alias is not moved yet.

    Repeated, or cleared while the rollout is on, it takes that up where it stands. Cleared after its end, it begins
    anew. Returns the rollout as :meth:`Rollout.to_dict`.

    Args:
        name: Artifact name.
        alias: Alias to move.
        version: The canary, a number.
        steps: Weights in whole percent, 1 to 99, ascending: a list, or its text.
        on_live: What becomes of a live rollout of another run: ``refuse`` (this task fails), ``supersede`` (that one
            ends, and its canary leaves the alias), ``resume`` (it goes on here, if it is of the same version).
        reason: Why, for the record and the alias's history.
        rollout_id: Its identity; None: Dag, run and the group of this task.
        max_steps: Most steps that the tasks after this one can make; None: any.
    """

    operator_extra_links = (ArtifactPageLink(), DynamoDBItemLink())
    ui_color = UI_COLOR
    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "alias",
        "version",
        "steps",
        "on_live",
        "reason",
        "rollout_id",
    )

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        version: int | str,
        steps: Sequence[int | str] | str,
        on_live: str = "refuse",
        reason: str | None = None,
        rollout_id: str | None = None,
        max_steps: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.version = version
        self.steps = steps
        self.on_live = on_live
        self.reason = reason
        self.rollout_id = rollout_id
        self.max_steps = max_steps

    def execute(self, context: Context) -> dict[str, Any]:
        """Begin the rollout, take it up again, or say that nothing is to be done."""
        with no_vain_retry(ConflictError):
            rollout = self.hook.repository.start_rollout(
                self.name,
                self.alias,
                optional(self.version),
                self._weights(),
                rollout_id=optional(self.rollout_id) or self._default_id(context),
                on_live=self.on_live,  # type: ignore[arg-type] # checked there
                reason=optional(self.reason),
                started_by=author(context),
                attempt=(context["dag_run"].clear_number or 0) + 1,
            )
        alias = self.hook.find_alias(self.name, self.alias)
        link_to_alias(self, alias)
        announce_move(self, context, alias)
        if not rollout.is_live and rollout.state is not RolloutState.PROMOTED:
            raise AirflowFailException(f"The rollout of {rollout}; clear this task once more to begin anew.")
        self.log.info("Rollout %r of %s.", rollout.id, rollout)
        return rollout.to_dict()

    def _weights(self) -> tuple[int, ...]:
        weights = parse_steps(self.steps)
        if self.max_steps is not None and len(weights) > self.max_steps:
            raise InvalidInputError(
                f"The rollout has {len(weights)} steps {list(weights)}, and its tasks can make {self.max_steps}; give "
                "fewer, or raise max_steps."
            )
        return weights

    def _default_id(self, context: Context) -> str:
        ti = context["ti"]
        mapped = "" if ti.map_index in (None, -1) else f"[{ti.map_index}]"
        group = ti.task_id.rpartition(".")[0] or ti.task_id
        return f"{ti.dag_id}/{ti.run_id}/{group}{mapped}"
