"""What the page changes, in the name of its user, with a reason, and only from the state that the user saw.

Every request is recorded in Airflow's audit log, whether it succeeds or not: who, what, why. A move of an alias also
stands in the alias's own history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep  # noqa: TC002 -- FastAPI reads the annotations
from airflow.api_fastapi.logging.decorators import action_logging
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, StringConstraints

from airflow_provider_versioned.repository.errors import ConflictError, NotFoundError
from airflow_provider_versioned.ui import shown
from airflow_provider_versioned.ui.access import KnownConnection, author_of, demand_actor, demand_own_page, may_see
from airflow_provider_versioned.ui.repositories import repository_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser

    from airflow_provider_versioned.repository import Repository
    from airflow_provider_versioned.repository.rollouts.model import Rollout

router = APIRouter(
    prefix="/repositories/{connection_id}",
    dependencies=[may_see, Depends(demand_actor), Depends(demand_own_page)],
)

Name = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Version = Annotated[str, StringConstraints(pattern="^[0-9]{1,6}$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    artifact: Name
    reason: Reason


class AliasMove(_Body):
    """A move of an alias, from the revision that the user saw."""

    alias: Name
    if_revision: Name


class Promotion(AliasMove):
    """Point an alias at one version."""

    version: Version


class RolloutMove(_Body):
    """Do something with the rollout that the user saw."""

    alias: Name
    rollout_id: Name


class VersionChange(_Body):
    """Change one version."""

    version: Version


def _recorded(action: str) -> list[Any]:
    return [Depends(action_logging(event=f"versioned_artifacts.{action}"))]


@router.post("/promote", dependencies=_recorded("promote"))
def promote(connection_id: KnownConnection, body: Promotion, user: GetUserDep) -> dict[str, Any]:
    """Point an alias at one version alone."""
    repository = repository_of(connection_id)
    _refuse_during_rollout(repository, body)
    moved = repository.put_alias(
        body.artifact,
        body.alias,
        body.version,
        if_revision=body.if_revision,
        reason=body.reason,
        changed_by=author_of(user),
    )
    return shown.alias(moved)


@router.post("/roll-back", dependencies=_recorded("roll_back"))
def roll_back(connection_id: KnownConnection, body: AliasMove, user: GetUserDep) -> dict[str, Any]:
    """Point an alias at the state before; with a canary on, drop the canary."""
    repository = repository_of(connection_id)
    _refuse_during_rollout(repository, body)
    moved = repository.rollback_alias(
        body.artifact, body.alias, if_revision=body.if_revision, reason=body.reason, changed_by=author_of(user)
    )
    return shown.alias(moved)


@router.post("/promote-rollout", dependencies=_recorded("promote_rollout"))
def promote_rollout(connection_id: KnownConnection, body: RolloutMove, user: GetUserDep) -> dict[str, Any]:
    """Give the canary of a live rollout all traffic now."""
    return _moved(repository_of(connection_id).promote_rollout, body, user)


@router.post("/abort-rollout", dependencies=_recorded("abort_rollout"))
def abort_rollout(connection_id: KnownConnection, body: RolloutMove, user: GetUserDep) -> dict[str, Any]:
    """Take the canary of a live rollout off, and end it."""
    return _moved(repository_of(connection_id).abort_rollout, body, user)


@router.post("/freeze-rollout", dependencies=_recorded("freeze_rollout"))
def freeze_rollout(connection_id: KnownConnection, body: RolloutMove, user: GetUserDep) -> dict[str, Any]:
    """Have a live rollout stay where it is."""
    return _moved(repository_of(connection_id).freeze_rollout, body, user)


@router.post("/unfreeze-rollout", dependencies=_recorded("unfreeze_rollout"))
def unfreeze_rollout(connection_id: KnownConnection, body: RolloutMove, user: GetUserDep) -> dict[str, Any]:
    """Have a frozen rollout go on."""
    return _moved(repository_of(connection_id).unfreeze_rollout, body, user)


@router.post("/protect", dependencies=_recorded("protect"))
def protect(connection_id: KnownConnection, body: VersionChange, user: GetUserDep) -> dict[str, Any]:
    """Keep a version from being deleted or purged."""
    why = f"{body.reason} ({author_of(user)})"
    return shown.artifact(repository_of(connection_id).protect(body.artifact, body.version, why))


@router.post("/unprotect", dependencies=_recorded("unprotect"))
def unprotect(connection_id: KnownConnection, body: VersionChange) -> dict[str, Any]:
    """Let a version be deleted and purged again."""
    repository = repository_of(connection_id)
    repository.unprotect(body.artifact, body.version)
    return shown.artifact(repository.get_artifact_version(body.artifact, body.version))


@router.post("/restore", dependencies=_recorded("restore"))
def restore(connection_id: KnownConnection, body: VersionChange) -> dict[str, Any]:
    """Undo a deletion."""
    return shown.artifact(repository_of(connection_id).restore_artifact_version(body.artifact, body.version))


def _moved(move: Callable[..., Rollout], body: RolloutMove, user: BaseUser) -> dict[str, Any]:
    by = author_of(user)
    return shown.rollout(move(body.artifact, body.alias, rollout_id=body.rollout_id, reason=body.reason, changed_by=by))


def _refuse_during_rollout(repository: Repository, body: AliasMove) -> None:
    """Refuse to move an alias under a live rollout; one that begins after this look changes the revision."""
    try:
        rollout = repository.get_rollout(body.artifact, body.alias)
    except NotFoundError:
        return
    if rollout.is_live:
        raise ConflictError(
            f"Alias {body.alias!r} of {body.artifact!r} is being moved by rollout {rollout.id!r}, from version "
            f"{rollout.stable} to {rollout.canary}; promote or abort the rollout instead.",
            rollout=rollout.id,
        )
