"""From an error to what the page shows: a kind and a sentence; never a traceback, never a secret."""

from __future__ import annotations

import logging
import re
from html import escape
from typing import Any

from fastapi import Request, Response, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from airflow_provider_versioned.repository.errors import (
    AccessDeniedError,
    ConflictError,
    IntegrityError,
    InUseError,
    InvalidInputError,
    NotFoundError,
    StorageError,
    StorageNotFoundError,
    StorageUnavailableError,
    VersionedError,
)

log = logging.getLogger(__name__)

# The first that fits: subclasses before their bases.
_KINDS: tuple[tuple[type[VersionedError], int, str], ...] = (
    (NotFoundError, status.HTTP_404_NOT_FOUND, "not_found"),
    (ConflictError, status.HTTP_409_CONFLICT, "conflict"),
    (InUseError, status.HTTP_409_CONFLICT, "in_use"),
    (InvalidInputError, status.HTTP_400_BAD_REQUEST, "input"),
    (IntegrityError, status.HTTP_500_INTERNAL_SERVER_ERROR, "integrity"),
    (StorageNotFoundError, status.HTTP_502_BAD_GATEWAY, "storage_missing"),
    (AccessDeniedError, status.HTTP_502_BAD_GATEWAY, "storage_denied"),
    (StorageUnavailableError, status.HTTP_503_SERVICE_UNAVAILABLE, "storage_unavailable"),
    (StorageError, status.HTTP_502_BAD_GATEWAY, "storage"),
    (VersionedError, status.HTTP_500_INTERNAL_SERVER_ERROR, "other"),
)
_OF_STATUS = {401: "anonymous", 403: "forbidden", 404: "not_found", 409: "conflict"}
_USER_IN_ADDRESS = re.compile(r"(?<=//)[^/\s@]*@")


def answer(code: int, kind: str, message: str) -> JSONResponse:
    """Return the one form in which the API says no."""
    told = {"error": {"kind": kind, "message": _USER_IN_ADDRESS.sub("", message)}}
    return JSONResponse(told, status_code=code)


async def told_of_ours(_request: Request, error: Exception) -> JSONResponse:
    """Answer with the sentence of an error of ours: it says what was asked, what was found and what to do."""
    code, kind = next((code, kind) for cls, code, kind in _KINDS if isinstance(error, cls))
    return answer(code, kind, str(error))


async def told_of_refusal(request: Request, error: Exception) -> Response:
    """Answer what is refused before it reaches the repository; a person who opens the page gets a line to read."""
    if not isinstance(error, HTTPException):
        raise error
    message = str(error.detail)
    if error.status_code == status.HTTP_401_UNAUTHORIZED:
        message = "You are not signed in to Airflow, or your session has ended; sign in again."
    elif message == "Forbidden":
        message = "Your role in Airflow does not allow this: seeing artifacts takes the permission to read assets."
    if "text/html" in request.headers.get("accept", ""):
        text = f'<!doctype html><title>Artifacts</title><p>{escape(message)} <a href="../">Airflow</a></p>'
        return HTMLResponse(text, status_code=error.status_code)
    return answer(error.status_code, _OF_STATUS.get(error.status_code, "other"), message)


async def told_of_input(_request: Request, error: Exception) -> JSONResponse:
    """Answer a request whose fields are not as they must be, without repeating what was sent."""
    if not isinstance(error, RequestValidationError):
        raise error
    wrong: list[dict[str, Any]] = list(error.errors())
    said = "; ".join(f"{entry['loc'][-1]}: {entry['msg']}" for entry in wrong)
    return answer(status.HTTP_400_BAD_REQUEST, "input", f"The request is not complete: {said}.")


async def told_of_surprise(_request: Request, error: Exception) -> JSONResponse:
    """Answer what nobody thought of; the API server's log has it."""
    log.error("The page of versioned artifacts failed", exc_info=error)
    message = f"Something went wrong that should not ({type(error).__name__}); the API server's log says more."
    return answer(status.HTTP_500_INTERNAL_SERVER_ERROR, "other", message)
