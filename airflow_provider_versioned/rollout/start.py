"""The first task of a rollout: from which version to which it goes, and whether it may."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.assets.announce import announce_move
from airflow_provider_versioned.links import DynamoDBItemLink, link_to_alias
from airflow_provider_versioned.repository.errors import AliasNotFoundError, ConflictError
from airflow_provider_versioned.rollout import rules
from airflow_provider_versioned.rollout.handover import UI_COLOR
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import optional
from airflow_provider_versioned.task.identity import author

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Alias


class StartRolloutOperator(RepositoryOperator):
    """Finds out from which version the rollout starts; moves nothing, unless an own canary is in the way.

    Cleared together with a later task, it takes the rollout up where the alias stands.

    Args:
        version: The canary.
        group: Full id of the task group.
        steps: Checked here too, so that a bad one fails before anything moves.
    """

    operator_extra_links = (DynamoDBItemLink(),)
    ui_color = UI_COLOR
    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "alias",
        "version",
        "steps",
        "reason",
    )

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        version: int | str,
        group: str,
        steps: Sequence[int | str],
        reason: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.version = version
        self.group = group
        self.steps = steps
        self.reason = reason

    def execute(self, context: Context) -> dict[str, Any]:
        """Begin the rollout, take it up again, or say that nothing is to be done."""
        with no_vain_retry(ConflictError):
            rules.check_weights(self.steps)
            canary, rollout_id = rules.check_canary(optional(self.version)), self._rollout_id(context)
            self.hook.repository.get_artifact_version(self.name, canary)
            alias = self._without_own_other_canary(self._alias(), canary, rollout_id, author(context))
            rollout = rules.begin(alias, canary, rollout_id)
        link_to_alias(self, alias)
        announce_move(self, context, alias)
        if rollout.promoted:
            self.log.info("Alias %r of %r is at version %s alone: nothing to do.", self.alias, self.name, canary)
        else:
            self.log.info("Rollout %r of version %s begins at %s.", rollout_id, canary, rules.state(alias))
        return replace(rollout, attempt=context["ti"].try_number, reason=optional(self.reason)).to_dict()

    def _alias(self) -> Alias:
        alias = self.hook.find_alias(self.name, self.alias)
        if alias is None:
            raise AliasNotFoundError(
                f"Artifact {self.name!r} has no alias {self.alias!r}, so a rollout has no stable version to start from "
                "and to go back to; create the alias with PromoteAliasOperator.",
                name=self.name,
                alias=self.alias,
            )
        return alias

    def _without_own_other_canary(self, alias: Alias, canary: str, rollout_id: str, changed_by: str) -> Alias:
        """Drop the canary that an earlier run of this very task brought, if the version asked for is now another."""
        if not rules.carries(alias, rollout_id) or alias.secondary_version == canary:
            return alias
        return self.hook.repository.rollback_alias(
            *(self.name, self.alias),
            to_version=alias.version,
            if_revision=alias.revision,
            reason=f"rollout begun anew with version {canary}",
            changed_by=changed_by,
        )

    def _rollout_id(self, context: Context) -> str:
        ti = context["ti"]
        mapped = "" if ti.map_index in (None, -1) else f"[{ti.map_index}]"
        return f"{ti.dag_id}/{ti.run_id}/{self.group}{mapped}"
