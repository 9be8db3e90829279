"""The Airflow plugin. Each task process loads it too, so the application behind it comes in with its first request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from airflow_provider_versioned.ui.address import ROUTE, URL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

_HERE = URL_PREFIX.strip("/")  # relative, so that it also works when Airflow stands below a path


class LazyApp:
    """An ASGI application that is imported when somebody asks it something."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand the request over."""
        from airflow_provider_versioned.ui.app import app  # noqa: PLC0415 -- seconds and megabytes, in every process

        await app(scope, receive, send)


class VersionedArtifactsPlugin(AirflowPlugin):
    """Adds the page "Artifacts" to Airflow."""

    name = "versioned_artifacts"
    fastapi_apps = [  # noqa: RUF012 -- how Airflow has it
        {"app": LazyApp(), "url_prefix": URL_PREFIX, "name": "Versioned artifacts"},
    ]
    external_views = [  # noqa: RUF012 -- as above
        {
            "name": "Artifacts",
            "href": f"{_HERE}/",
            "destination": "nav",
            "url_route": ROUTE,
            "nav_top_level": True,
            "icon": f"{_HERE}/assets/icon.svg",
            "icon_dark_mode": f"{_HERE}/assets/icon-dark.svg",
        }
    ]
