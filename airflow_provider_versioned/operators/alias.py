"""Moving aliases at once; in stages it is :func:`~airflow_provider_versioned.rollout.staged_promotion`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.assets.announce import announce_move
from airflow_provider_versioned.links import ArtifactPageLink, DynamoDBItemLink, link_to_alias
from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import (
    optional,
    parse_approval,
    parse_optional_int,
    parse_optional_version,
    parse_version,
)
from airflow_provider_versioned.task.identity import author, clearing_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Alias


class PromoteAliasOperator(RepositoryOperator):
    """Points an alias at a version, or at two that share the traffic; creates the alias if there is none.

    A retry never applies a change that has landed before, even if somebody moved the alias since; a person who clears
    the task gets it applied again. Returns the alias as :meth:`Alias.to_dict`.

    Args:
        name: Artifact name.
        alias: Alias to move.
        version: Version to point at.
        secondary_version: Second version.
        secondary_version_weight: Its share in whole percent, 0 to 99.
        if_revision: Move only if the alias has this revision; a conflict otherwise.
        reason: Why, for the alias's history.
        approval: The ``output`` of a :class:`~airflow_provider_versioned.gates.ApprovePromotionOperator`: exactly what
            was approved is moved, or nothing, and the alias's history keeps who approved. Or a mapping with
            ``approved_by``, ``approved_at`` and ``comment``. If it turns out to be empty, nothing is moved.
    """

    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "alias",
        "version",
        "secondary_version",
        "secondary_version_weight",
        "if_revision",
        "reason",
        "approval",
    )
    operator_extra_links = (ArtifactPageLink(), DynamoDBItemLink())

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        version: int | str,
        secondary_version: int | str | None = None,
        secondary_version_weight: int | str | None = None,
        if_revision: str | None = None,
        reason: str | None = None,
        approval: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.version = version
        self.secondary_version = secondary_version
        self.secondary_version_weight = secondary_version_weight
        self.if_revision = if_revision
        self.reason = reason
        self.approval = approval
        self.needs_approval = approval is not None

    def execute(self, context: Context) -> dict[str, Any]:
        """Move the alias."""
        # What was approved stays what it is, however often it is tried.
        with no_vain_retry(*([ConflictError] if self.needs_approval else [])):
            alias = self.hook.repository.put_alias(
                self.name,
                self.alias,
                parse_version("version", self.version),
                parse_optional_version(self.secondary_version),
                parse_optional_int("secondary_version_weight", self.secondary_version_weight),
                if_revision=optional(self.if_revision),
                reason=optional(self.reason),
                changed_by=author(context),
                idempotency_key=clearing_key(context),
                approval=parse_approval(self.approval, needed=self.needs_approval),
            )
        self.log.info("Alias %r of %r is at %s.", self.alias, self.name, _state(alias))
        link_to_alias(self, alias)
        announce_move(self, context, alias)
        return self.keep_version(context, alias.to_dict())


class RollbackAliasOperator(RepositoryOperator):
    """Points an alias back: drops its canary or, if it has none, restores the version before.

    Retries and clearing as in :class:`PromoteAliasOperator`. Returns the alias as :meth:`Alias.to_dict`.

    Args:
        name: Artifact name.
        alias: Alias to move.
        to_version: Go to this version instead.
        if_revision: Move only if the alias has this revision; a conflict otherwise.
        reason: Why, for the alias's history.
    """

    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "alias",
        "to_version",
        "if_revision",
        "reason",
    )
    operator_extra_links = (ArtifactPageLink(), DynamoDBItemLink())

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        to_version: int | str | None = None,
        if_revision: str | None = None,
        reason: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.to_version = to_version
        self.if_revision = if_revision
        self.reason = reason

    def execute(self, context: Context) -> dict[str, Any]:
        """Roll the alias back."""
        with no_vain_retry():
            alias = self.hook.repository.rollback_alias(
                self.name,
                self.alias,
                to_version=parse_optional_version(self.to_version),
                if_revision=optional(self.if_revision),
                reason=optional(self.reason),
                changed_by=author(context),
                idempotency_key=clearing_key(context),
            )
        self.log.info("Alias %r of %r is back at %s.", self.alias, self.name, _state(alias))
        link_to_alias(self, alias)
        announce_move(self, context, alias)
        return self.keep_version(context, alias.to_dict())


def _state(alias: Alias) -> str:
    if alias.secondary_version is None:
        return f"version {alias.version} (revision {alias.revision})"
    split = f"version {alias.version} with version {alias.secondary_version} at {alias.secondary_version_weight} %"
    return f"{split} (revision {alias.revision})"
