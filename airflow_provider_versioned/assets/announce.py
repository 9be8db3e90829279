"""Asset events of a task: told when the task changed something, once, however often it is tried or cleared.

Airflow records the events of a task when it succeeds, and those of a failed try never. So a try that finds what an
earlier one did tells of it, unless the task has succeeded with that before and a person has cleared it since: then the
event is there already. See ``docs/decisions/008-events-through-asset-aliases.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.assets.names import SCHEME, AssetName
from airflow_provider_versioned.repository.errors import AccessDeniedError, ArtifactNotFoundError
from airflow_provider_versioned.task.identity import author

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Asset, Context

    from airflow_provider_versioned.repository import Alias, Artifact, Repository
    from airflow_provider_versioned.repository.alias_moves import Move
    from airflow_provider_versioned.task.base import RepositoryOperator

MOVE_KEY = "alias_move"  # XCom that tells of a move
_FACTS = ("name", "version", "sha256", "size", "s3uri", "revision", "published_by")


def announce_version(operator: RepositoryOperator, context: Context, artifact: Artifact) -> None:
    """Tell that the task published a version, if it did."""
    if artifact.published_by == author(context):
        facts = artifact.to_dict()
        _emit(operator, context, None, {"action": "publish", **{fact: facts[fact] for fact in _FACTS}})


def announce_move(
    operator: RepositoryOperator, context: Context, alias: Alias | None, *, by: str | None = None
) -> None:
    """Tell that the task moved an alias, if the alias is still as the task left it.

    The facts are kept as XCom too, for notifications.

    Args:
        by: In whose name the task moved it; None: in its own.
    """
    if alias is None or alias.changed_by != (by or author(context)):
        return
    repository = operator.hook.repository
    told = _move(operator, alias).to_dict()
    told["sha256"] = _sha256(repository, alias.name, alias.version)
    told["secondary_sha256"] = _sha256(repository, alias.name, alias.secondary_version)
    if _emit(operator, context, alias.alias, told) and operator.do_xcom_push:
        context["ti"].xcom_push(key=MOVE_KEY, value=told)


def _move(operator: RepositoryOperator, alias: Alias) -> Move:
    from airflow_provider_versioned.repository.alias_moves import move_to  # noqa: PLC0415 -- not needed to parse a Dag file

    try:
        return move_to(alias, operator.hook.repository.list_alias_history(alias.name, alias.alias))
    except AccessDeniedError as error:
        # Moving an alias needs no right to read its history, and it has moved.
        operator.log.warning("%s The event will not tell from where the alias was moved.", error)
        return move_to(alias, ())


def _emit(operator: RepositoryOperator, context: Context, alias: str | None, facts: dict[str, Any]) -> bool:
    from airflow.sdk import Asset, AssetAlias  # noqa: PLC0415 -- only tasks that changed something need it

    repository, name = operator.hook.repository, facts["name"]
    asset = Asset(uri=AssetName(repository.s3_bucket, repository.s3_prefix, name, alias).uri)
    if _emitted_before(context, asset, facts["revision"]):
        return False
    outlet = AssetAlias(f"{SCHEME}:{name}" + (f"@{alias}" if alias else ""))
    if outlet not in operator.outlets:
        operator.outlets = [*operator.outlets, outlet]  # Airflow takes no event of what is no outlet
    context["outlet_events"][outlet].add(asset, extra=facts)
    return True


def _emitted_before(context: Context, asset: Asset, revision: str) -> bool:
    """Tell whether the task has succeeded with this change before; it cannot have, unless somebody cleared it."""
    if not context["dag_run"].clear_number:
        return False
    return any(event.extra.get("revision") == revision for event in recorded_events(asset))


def recorded_events(asset: Asset) -> Iterable[Any]:
    """Return the events of an asset that Airflow has recorded."""
    # The context hands out events of declared inlets only, and what a templated task changes is not known before.
    from airflow.sdk.execution_time.context import InletEventsAccessor  # noqa: PLC0415 -- as above

    return InletEventsAccessor(asset_name=asset.name, asset_uri=asset.uri)


def _sha256(repository: Repository, name: str, version: str | None) -> str | None:
    if version is None:
        return None
    try:
        return repository.get_artifact_version(name, version).sha256
    except ArtifactNotFoundError:
        return None  # somebody moved the alias on and deleted the version
