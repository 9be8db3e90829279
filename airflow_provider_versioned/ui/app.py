"""The application behind the page: files, the API that reads, the API that acts; nothing of it for the anonymous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException

from airflow_provider_versioned.repository.errors import VersionedError
from airflow_provider_versioned.ui import actions, failures, files, reading

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Everything comes from this server, nothing is written into the page as HTML, and only Airflow may frame it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class SafeHeaders:
    """Adds the headers that tell a browser what not to do; answers are not cached unless they say so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _make() -> Any:
    made = FastAPI(title="Versioned artifacts", docs_url=None, redoc_url=None, openapi_url=None)
    made.include_router(files.router)
    made.include_router(reading.router, prefix="/api")
    made.include_router(actions.router, prefix="/api")
    made.add_exception_handler(VersionedError, failures.told_of_ours)
    made.add_exception_handler(HTTPException, failures.told_of_refusal)
    made.add_exception_handler(RequestValidationError, failures.told_of_input)
    made.add_exception_handler(Exception, failures.told_of_surprise)
    return SafeHeaders(made)


app = _make()
