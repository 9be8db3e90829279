"""What the page reads. Every list is a page of a list; nothing here writes.

The artifact's name is a query parameter, not a part of the path: names of older repositories may hold a slash, which
proxies decode.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep  # noqa: TC002 -- FastAPI reads the annotations
from fastapi import APIRouter, Query

from airflow_provider_versioned.repository.errors import AliasNotFoundError, InvalidInputError
from airflow_provider_versioned.repository.retention import RetentionRule
from airflow_provider_versioned.ui import shown
from airflow_provider_versioned.ui.access import KnownConnection, may_act, may_see
from airflow_provider_versioned.ui.plans import plan_of
from airflow_provider_versioned.ui.repositories import repository_of
from airflow_provider_versioned.ui.settings import ui_connections

router = APIRouter(dependencies=[may_see])

ArtifactName = Annotated[str, Query(alias="artifact", min_length=1, max_length=1024)]
AliasName = Annotated[str, Query(alias="alias", min_length=1, max_length=255)]
Limit = Annotated[int, Query(ge=1, le=200)]
Offset = Annotated[int, Query(ge=0)]
Days = Annotated[float, Query(ge=0, le=36500)]

_AT_ONCE = 8  # requests to AWS for one page
_MOST_PAGES = 10  # read to fill one page of live versions


@router.get("/session")
def session(user: GetUserDep) -> dict[str, Any]:
    """Who looks, and at which repositories."""
    found = [{"id": connection_id, "may_act": may_act(user, connection_id)} for connection_id in ui_connections()]
    return {"user": user.get_name(), "repositories": found, "now": datetime.now(UTC).isoformat()}


@router.get("/repositories/{connection_id}/artifacts")
def artifacts(
    connection_id: KnownConnection, search: str = "", offset: Offset = 0, limit: Limit = 20
) -> dict[str, Any]:
    """A page of the artifacts whose name has every word searched for, each with its newest version and aliases."""
    repository = repository_of(connection_id)
    words = search.lower().split()
    names = repository.list_artifact_names()
    found = [name for name in names if all(word in name.lower() for word in words)]

    def look(name: str) -> dict[str, Any]:
        aliases = [shown.alias(alias) for alias in repository.list_aliases(name)]
        return {"name": name, "newest": shown.newest(repository, name), "aliases": aliases}

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        looked = list(pool.map(look, found[offset : offset + limit]))
    return {"total": len(names), "matching": len(found), "artifacts": looked}


@router.get("/repositories/{connection_id}/artifact")
def artifact(connection_id: KnownConnection, name: ArtifactName, user: GetUserDep) -> dict[str, Any]:
    """One artifact: LATEST, the newest version, aliases with the way back, rollouts, and what its aliases have been."""
    repository = repository_of(connection_id)

    def look(alias: Any) -> dict[str, Any]:
        return {**shown.alias(alias), "way_back": shown.way_back(repository, name, alias.alias)}

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        newest = pool.submit(shown.newest, repository, name)
        latest = pool.submit(shown.latest, repository, name)
        traces = pool.submit(repository.list_alias_traces, name)
        rollouts = pool.submit(shown.rollouts, repository, name)
        aliases = list(pool.map(look, repository.list_aliases(name)))
        return {
            "name": name,
            "may_act": may_act(user, connection_id),
            "newest": newest.result(),
            "latest": latest.result(),
            "aliases": aliases,
            "rollouts": rollouts.result(),
            "traces": [shown.trace(trace) for trace in traces.result()],
            "now": datetime.now(UTC).isoformat(),
        }


@router.get("/repositories/{connection_id}/versions")
def versions(
    connection_id: KnownConnection,
    name: ArtifactName,
    below: Annotated[int | None, Query(ge=1)] = None,
    limit: Limit = 25,
    *,
    deleted: bool = False,
) -> dict[str, Any]:
    """A page of versions from the highest number down; ``below`` of the answer asks for the next."""
    repository = repository_of(connection_id)
    found: list[dict[str, Any]] = []
    following = None if below is None else str(below)
    for _ in range(_MOST_PAGES):
        page = repository.page_artifact_versions(name, limit, below=following)
        wanted = [shown.version(record) for record in page.records if record.live or deleted]
        room = limit - len(found)
        found += wanted[:room]
        following = found[-1]["version"] if len(wanted) > room else page.below
        if following is None or len(found) == limit:
            break
    return {"versions": found, "below": following}


@router.get("/repositories/{connection_id}/history")
def history(
    connection_id: KnownConnection,
    name: ArtifactName,
    alias: AliasName,
    below: Annotated[int | None, Query(ge=0)] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Changes of an alias, newest first."""
    found = repository_of(connection_id).page_alias_history(name, alias, limit, below=below)
    more = len(found) == limit and found[-1].sequence > 1
    return {"changes": [shown.change(change) for change in found], "below": found[-1].sequence if more else None}


@router.get("/repositories/{connection_id}/at")
def at(connection_id: KnownConnection, name: ArtifactName, when: datetime) -> dict[str, Any]:
    """What each alias was at a time; null for one that did not exist then, as far as its history tells."""
    if when.tzinfo is None:
        raise InvalidInputError(f"The time {when.isoformat()} has no time zone; give one, such as +00:00.", at=when)
    repository = repository_of(connection_id)

    def look(alias: str) -> dict[str, Any]:
        try:
            return {"alias": alias, "change": shown.change(repository.get_alias_at(name, alias, when))}
        except AliasNotFoundError:
            return {"alias": alias, "change": None}

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        looked = list(pool.map(look, [trace.alias for trace in repository.list_alias_traces(name)]))
    return {"when": when.isoformat(), "aliases": looked}


@router.get("/repositories/{connection_id}/retention")
def retention(
    connection_id: KnownConnection,
    name: ArtifactName,
    keep_last_n: Annotated[int, Query(ge=0, le=999999)] = 10,
    purge_older_than_days: Days = 90,
    keep_previous_days: Days = 0,
    keep_published_days: Days = 0,
    version: Annotated[str | None, Query(max_length=6)] = None,
    only: Annotated[str, Query(pattern="^(all|stay|go)$")] = "all",
    offset: Offset = 0,
    limit: Limit = 25,
) -> dict[str, Any]:
    """Part of what a retention rule would do now, version by version, with the reason; writes nothing."""
    days = (purge_older_than_days, keep_previous_days, keep_published_days)
    rule = RetentionRule(keep_last_n, *(timedelta(days=count).total_seconds() for count in days))
    plan = plan_of(repository_of(connection_id), connection_id, name, rule, anew=offset == 0)
    found = [
        decision
        for decision in plan.decisions
        if only in {"all", "go" if decision.purge else "stay"} and version in {None, decision.version}
    ]
    return shown.plan(plan, found[offset : offset + limit], len(found))
