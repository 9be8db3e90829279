"""An S3 bucket in memory, with the client's methods that the repository calls; one request at a time.

All conditions are kept, on the target of a copy too, as Amazon does and several local servers do not. ``test_memory``
compares it with servers.
"""

from __future__ import annotations

import hashlib
import io
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_Answer = dict[str, Any]


@dataclass
class Clock:
    """S3's clock, which goes on by so many seconds with each object."""

    tick: float = 0.0
    # The past, so that it stays behind the clock by which the age of objects is told.
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1))

    def next(self) -> datetime:
        """Return the time of the next object."""
        self.now += timedelta(seconds=self.tick)
        return self.now.replace(microsecond=0)


@dataclass(frozen=True)
class _Object:
    body: bytes
    etag: str
    written_at: datetime
    attributes: Mapping[str, Any]


@dataclass
class _Upload:
    key: str
    attributes: Mapping[str, Any]
    begun_at: datetime
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryS3:
    """One bucket, whatever it is called."""

    def __init__(self) -> None:
        self.clock = Clock()
        self._objects: dict[str, _Object] = {}
        self._uploads: dict[str, _Upload] = {}
        self._upload_ids = map(str, itertools.count(1))

    def clear(self) -> None:
        """Forget everything, and begin with a new clock."""
        self._objects.clear()
        self._uploads.clear()
        self.clock = Clock()

    def stored(self) -> list[str]:
        """Return the keys of all objects."""
        return sorted(self._objects)

    # -- reading -----------------------------------------------------------------------------------------------------

    def head_object(self, **request: Any) -> _Answer:
        return self._described(self._get(request["Key"], "HeadObject"))

    def get_object(self, **request: Any) -> _Answer:
        found = self._get(request["Key"], "GetObject")
        if request.get("IfMatch", found.etag) != found.etag:
            raise _error("PreconditionFailed", "GetObject")
        body = StreamingBody(io.BytesIO(found.body), len(found.body))
        return {**self._described(found), "Body": body}

    def get_object_tagging(self, **_request: Any) -> _Answer:
        return self._answer(TagSet=[])

    def get_paginator(self, operation: str) -> Paginator:
        return Paginator(self, operation)

    def page(self, operation: str, request: Mapping[str, Any]) -> _Answer:
        """Answer a request for a list, all in one page."""
        prefix = request.get("Prefix", "")
        if operation == "list_multipart_uploads":
            begun = self._uploads.items()
            entries = [
                {"Key": upload.key, "UploadId": upload_id, "Initiated": upload.begun_at} for upload_id, upload in begun
            ]
            return {"Uploads": [entry for entry in entries if str(entry["Key"]).startswith(prefix)]}
        assert operation == "list_objects_v2"
        keys = [key for key in sorted(self._objects) if key.startswith(prefix)]
        below = [key for key in keys if request.get("Delimiter") and "/" in key[len(prefix) :]]
        folders = {key[: key.index("/", len(prefix)) + 1] for key in below}
        there = [(key, self._objects[key]) for key in keys if key not in below]
        return {
            "IsTruncated": False,
            "CommonPrefixes": [{"Prefix": folder} for folder in sorted(folders)],
            "Contents": [
                {"Key": key, "ETag": found.etag, "Size": len(found.body), "LastModified": found.written_at}
                for key, found in there
            ],
        }

    # -- writing -----------------------------------------------------------------------------------------------------

    def put_object(self, **request: Any) -> _Answer:
        self._demand("PutObject", request)
        return self._answer(ETag=self._store(request["Key"], _bytes(request["Body"]), request).etag)

    def copy_object(self, **request: Any) -> _Answer:
        source = self._source("CopyObject", request)
        self._demand("CopyObject", request)
        made = self._store(request["Key"], source.body, source.attributes)
        return self._answer(CopyObjectResult={"ETag": made.etag, "LastModified": made.written_at})

    def delete_object(self, **request: Any) -> _Answer:
        if request["Key"] in self._objects or "IfMatch" in request:
            self._demand("DeleteObject", request)
        self._objects.pop(request["Key"], None)
        return self._answer()

    def delete_objects(self, **request: Any) -> _Answer:
        errors = []
        for entry in request["Delete"]["Objects"]:
            there = self._objects.get(entry["Key"])
            if there is not None and entry.get("ETag", there.etag) != there.etag:
                errors.append({"Key": entry["Key"], "Code": "PreconditionFailed"})
            else:
                self._objects.pop(entry["Key"], None)
        return self._answer(**({"Errors": errors} if errors else {}))

    def create_multipart_upload(self, **request: Any) -> _Answer:
        upload_id = next(self._upload_ids)
        self._uploads[upload_id] = _Upload(request["Key"], _attributes(request), self.clock.next())
        return self._answer(UploadId=upload_id)

    def upload_part(self, **request: Any) -> _Answer:
        upload = self._upload(request, "UploadPart")
        upload.parts[request["PartNumber"]] = part = _bytes(request["Body"])
        return self._answer(ETag=_etag(part))

    def upload_part_copy(self, **request: Any) -> _Answer:
        upload = self._upload(request, "UploadPartCopy")
        part = self._source("UploadPartCopy", request).body
        if wanted := request.get("CopySourceRange"):
            begin, end = map(int, wanted.removeprefix("bytes=").split("-"))
            part = part[begin : end + 1]
        upload.parts[request["PartNumber"]] = part
        return self._answer(CopyPartResult={"ETag": _etag(part)})

    def complete_multipart_upload(self, **request: Any) -> _Answer:
        upload = self._upload(request, "CompleteMultipartUpload")
        self._demand("CompleteMultipartUpload", request)
        assert upload.parts
        del self._uploads[request["UploadId"]]
        parts = [part for _, part in sorted(upload.parts.items())]
        digests = b"".join(hashlib.md5(part).digest() for part in parts)  # noqa: S324 -- that is what an ETag is
        etag = f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'  # noqa: S324
        # Amazon dates what came in parts to the beginning of its upload.
        made = _Object(b"".join(parts), etag, upload.begun_at, upload.attributes)
        self._objects[upload.key] = made
        return self._answer(ETag=made.etag)

    def abort_multipart_upload(self, **request: Any) -> _Answer:
        self._uploads.pop(request["UploadId"], None)
        return self._answer()

    # ----------------------------------------------------------------------------------------------------------------

    def _store(self, key: str, body: bytes, attributes: Mapping[str, Any]) -> _Object:
        made = _Object(body, _etag(body), self.clock.next(), _attributes(attributes))
        self._objects[key] = made
        return made

    def _get(self, key: str, operation: str) -> _Object:
        if key not in self._objects:
            raise _error("404" if operation == "HeadObject" else "NoSuchKey", operation, 404)
        return self._objects[key]

    def _source(self, operation: str, request: Mapping[str, Any]) -> _Object:
        source = self._get(request["CopySource"]["Key"], operation)
        if request.get("CopySourceIfMatch", source.etag) != source.etag:
            raise _error("PreconditionFailed", operation)
        return source

    def _upload(self, request: Mapping[str, Any], operation: str) -> _Upload:
        if request["UploadId"] not in self._uploads:
            raise _error("NoSuchUpload", operation, 404)
        return self._uploads[request["UploadId"]]

    def _demand(self, operation: str, request: Mapping[str, Any]) -> None:
        there = self._objects.get(request["Key"])
        if "IfMatch" in request and there is None:
            raise _error("NoSuchKey", operation, 404)
        if "IfMatch" in request and there is not None and there.etag != request["IfMatch"]:
            raise _error("PreconditionFailed", operation)
        if "IfNoneMatch" in request and there is not None:
            raise _error("PreconditionFailed", operation)

    def _described(self, found: _Object) -> _Answer:
        size, moment = len(found.body), found.written_at
        return self._answer(ETag=found.etag, ContentLength=size, LastModified=moment, **found.attributes)

    def _answer(self, **more: Any) -> _Answer:
        date = format_datetime(self.clock.now.replace(microsecond=0), usegmt=True)
        return {"ResponseMetadata": {"HTTPHeaders": {"date": date}}, **more}


class Paginator:
    """Lists, in one page."""

    def __init__(self, s3: MemoryS3, operation: str) -> None:
        self._s3 = s3
        self._operation = operation

    def paginate(self, **request: Any) -> Iterator[_Answer]:
        """Return the pages."""
        return iter([self._s3.page(self._operation, request)])


def _attributes(request: Mapping[str, Any]) -> dict[str, Any]:
    return {"Metadata": {}, "ContentType": "binary/octet-stream"} | {
        name: request[name] for name in ("Metadata", "ContentType") if name in request
    }


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'  # noqa: S324 -- that is what an ETag is


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else bytes(body.read())


def _error(code: str, operation: str, status: int = 412) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item] # the rest is not asked for
        operation,
    )
