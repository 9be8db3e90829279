"""Who may see and do what: Airflow's auth manager is asked, nothing is decided here beyond which question it is asked.

=========  ==========================================================================================================
to see     ``GET`` on assets: artifacts, like assets, are what Dags make
to act     ``POST`` on assets (a move of an alias is an asset event), and ``GET`` on the repository's connection,
           by its id, so that auth managers with rules by connection or team can keep repositories apart
=========  ==========================================================================================================

Why: docs/decisions/010-who-may-act-on-the-page.md.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser  # noqa: TC002 -- FastAPI reads the annotations
from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_asset
from airflow.models.connection import Connection
from airflow.providers.common.compat.sdk import conf
from fastapi import Depends, HTTPException, Path, Request, status

from airflow_provider_versioned.ui.settings import ui_connections

ACTION_HEADER = "X-Versioned-Artifacts"  # any value: a form or an image of another site cannot send it

may_see = Depends(requires_access_asset("GET"))


def known_connection(connection_id: Annotated[str, Path()]) -> str:
    """Refuse connections that the configuration does not name: the page must not lead to all that Airflow knows."""
    if connection_id not in ui_connections():
        raise HTTPException(
            status.HTTP_404_NOT_FOUND,
            f"Connection {connection_id!r} is not among those that [versioned] ui_connections names.",
        )
    return connection_id


KnownConnection = Annotated[str, Depends(known_connection)]


def may_act(user: BaseUser, connection_id: str) -> bool:
    """Tell whether a user may change what is in the repository of a connection."""
    team = Connection.get_team_name(connection_id) if conf.getboolean("core", "multi_team", fallback=False) else None
    details = ConnectionDetails(conn_id=connection_id, team_name=team)
    manager = get_auth_manager()
    return manager.is_authorized_asset(method="POST", user=user) and manager.is_authorized_connection(
        method="GET", details=details, user=user
    )


def demand_actor(connection_id: KnownConnection, user: GetUserDep) -> None:
    """Refuse users who may only look."""
    if not may_act(user, connection_id):
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            "You may look, but not change anything here: that takes the permission to create asset events and to see "
            f"connection {connection_id!r}.",
        )


def demand_own_page(request: Request) -> None:
    """Refuse requests that another site makes a user's browser send.

    The session's cookie is ``SameSite=Lax`` already; but some auth managers know their users without a cookie, and a
    neighbour below the same domain is the same site. A header of our own cannot be sent across origins unless Airflow's
    CORS settings allow that origin, and a browser says itself where a request comes from.
    """
    fetched_from = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if (
        ACTION_HEADER not in request.headers
        or fetched_from != "same-origin"
        or (origin is not None and urlsplit(origin).netloc not in _own_hosts(request))
    ):
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            f"This request does not come from the page itself; a program sends the header {ACTION_HEADER} with it.",
        )


def _own_hosts(request: Request) -> set[str]:
    configured = conf.get("api", "base_url", fallback="") or ""
    forwarded = request.headers.get("x-forwarded-host", "")
    return {request.headers.get("host", ""), urlsplit(configured).netloc, forwarded} - {""}


def author_of(user: BaseUser) -> str:
    """Return what the records say of who did it."""
    return f"airflow-user:{user.get_name()}"
