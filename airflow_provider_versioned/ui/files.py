"""The page itself and its scripts, styles and pictures: plain files of this package, as the browser takes them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep  # noqa: TC002 -- FastAPI reads the annotations
from fastapi import APIRouter, Header, HTTPException, Response, status

from airflow_provider_versioned.ui.access import may_see

router = APIRouter()

_FOLDER = Path(__file__).with_name("assets")
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@router.get("/", dependencies=[may_see])
def page() -> Response:
    """The page; what it shows comes through the API."""
    content, _ = _read("page.html")
    return Response(content, media_type=_TYPES[".html"])


@router.get("/assets/{name}")
def asset(name: str, _user: GetUserDep, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """A file that the page is made of; the browser asks each time whether it has changed."""
    if name not in _names():
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such file.")
    content, etag = _read(name)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if if_none_match == etag:
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in _FOLDER.iterdir() if path.suffix in _TYPES)


@cache
def _read(name: str) -> tuple[bytes, str]:
    content = (_FOLDER / name).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
