"""Content that lies somewhere else: brought to a local file before it is published.

A local file is used where it is. Everything remote is first copied to a temporary file, in constant memory, so that the
bytes that are hashed and the bytes that are stored are the same even if the source changes meanwhile.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow.sdk import ObjectStoragePath
    from mypy_boto3_s3 import S3Client

    Source = str | os.PathLike[str] | ObjectStoragePath

_CHUNK = 1024 * 1024


@contextmanager
def local_file(source: Source, conn_id: str | None, s3_client: Callable[[str | None], S3Client]) -> Iterator[Path]:
    """Make the content of a source readable as a local file for as long as the block lasts.

    Args:
        source: A local path, a ``file://`` or ``s3://`` URI, or any URI or path that Airflow's object storage reads.
        conn_id: Connection for a remote source; one written into the URI (``s3://conn_id@bucket/key``) goes first.
        s3_client: Returns the S3 client of a connection; None: the client of the repository.

    Raises:
        InvalidInputError: There is no such source.
    """
    local = _local_path(source)
    if local is not None:
        yield local
        return
    with tempfile.TemporaryDirectory(prefix="versioned-source-") as folder:
        copy = Path(folder) / "content"
        with _opened(source, conn_id, s3_client) as stream, copy.open("wb") as file:
            shutil.copyfileobj(stream, file, _CHUNK)
        yield copy


def _local_path(source: Source) -> Path | None:
    """Return the path of a source that is a local file, None for a remote one."""
    if _is_object_storage_path(source):
        uri = str(source)
    elif isinstance(source, (str, os.PathLike)):
        uri = os.fspath(source)
    else:
        raise InvalidTypeError(f"source must be a path or a URI, got {source!r}.")
    if "://" not in uri:
        return Path(uri)
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _is_object_storage_path(source: Any) -> bool:
    # By name: importing the class would load fsspec in every Dag file; who holds an instance has it loaded already.
    return any(cls.__name__ == "ObjectStoragePath" for cls in type(source).__mro__)


@contextmanager
def _opened(source: Source, conn_id: str | None, s3_client: Callable[[str | None], S3Client]) -> Iterator[Any]:
    if not _is_object_storage_path(source) and str(source).startswith("s3://"):
        with _opened_s3(str(source), conn_id, s3_client) as body:
            yield body
        return
    from airflow.sdk import ObjectStoragePath  # noqa: PLC0415 -- loads fsspec

    try:
        path = source if isinstance(source, ObjectStoragePath) else ObjectStoragePath(str(source), conn_id=conn_id)
        opened = path.open("rb")  # type: ignore[no-untyped-call] # Airflow has no types here
    except (FileNotFoundError, ValueError) as error:
        raise InvalidInputError(f"Source {str(source)!r} cannot be read: {error}.") from error
    with opened as stream:
        yield stream


@contextmanager
def _opened_s3(uri: str, conn_id: str | None, s3_client: Callable[[str | None], S3Client]) -> Iterator[Any]:
    """Read through boto3, so that an S3 URI needs no more than the amazon provider (Airflow's own way needs s3fs)."""
    from airflow_provider_versioned.repository.aws import translated  # noqa: PLC0415 -- loads botocore

    parts = urlsplit(uri, allow_fragments=False)
    written_conn_id, _, bucket = parts.netloc.rpartition("@")
    # An S3 key may hold a question mark.
    key = parts.path.removeprefix("/") + (f"?{parts.query}" if parts.query else "")
    if not bucket or not key:
        raise InvalidInputError(f"Source {uri!r} must name a bucket and a key: s3://bucket/key.")
    with translated(f"Reading source {uri!r}", f"bucket {bucket!r}"):
        body = s3_client(written_conn_id or conn_id).get_object(Bucket=bucket, Key=key)["Body"]
        with body:
            yield body
