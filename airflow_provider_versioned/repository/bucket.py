"""Requests to S3 on many objects at once: listing and removing them.

What is listed is not sorted out here: whether an object is a version's is told by its key and its metadata.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from airflow_provider_versioned.repository.aws import CONTENDED, code_of, translated, was_repeated
from airflow_provider_versioned.repository.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from airflow_provider_versioned.repository.clients import Clients
    from airflow_provider_versioned.repository.keys import Place

MAX_DELETE = 1000  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
LOST = frozenset({"PreconditionFailed", "412"})
NO_OBJECT = frozenset({"NoSuchKey", "404", "NotFound"})
_CONTENTION_TRIES = 8


class PreconditionLost(Exception):  # noqa: N818 -- a signal inside the package, no error of ours
    """The object is not (or no longer) the one that the request named.

    ``repeated``: the SDK had sent the request before and got no answer, so it may have been carried out.
    """

    def __init__(self, *, repeated: bool = False) -> None:
        super().__init__()
        self.repeated = repeated


@dataclass(frozen=True)
class Listed:
    """An object as S3 lists it: no metadata; ``written_at`` by S3's clock."""

    key: str
    etag: str
    size: int
    written_at: datetime


@dataclass(frozen=True)
class Upload:
    """An upload in parts that was not completed; ``begun_at`` by S3's clock."""

    key: str
    upload_id: str
    begun_at: datetime


class Bucket:
    """The bucket of one repository."""

    def __init__(self, clients: Clients, place: Place) -> None:
        self._clients = clients
        self._place = place
        self.resource = f"bucket {place.s3_bucket!r}"

    def list_names(self, asked: str) -> Iterator[str]:
        """List the folders under the repository's prefix, in the order of their bytes."""
        root = self._place.root()
        with self._translated(asked):
            pages = self._clients.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._place.s3_bucket, Prefix=root, Delimiter="/"
            )
            for page in pages:
                for folder in page.get("CommonPrefixes", []):
                    yield folder["Prefix"][len(root) : -1]

    def list_beside(self, asked: str) -> Iterator[str]:
        """List the keys directly under the repository's prefix, beside the artifacts' folders."""
        with self._translated(asked):
            pages = self._clients.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._place.s3_bucket, Prefix=self._place.root(), Delimiter="/"
            )
            for page in pages:
                for entry in page.get("Contents", []):
                    yield entry["Key"]

    def list_within(self, asked: str, answers: int) -> Sequence[Listed] | None:
        """List everything under the repository's prefix, if it comes in so many answers, of 1,000 each; None: no."""
        objects: list[Listed] = []
        with self._translated(asked):
            pages = self._clients.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._place.s3_bucket, Prefix=self._place.root()
            )
            for number, page in enumerate(pages):
                objects += map(_listed, page.get("Contents", []))
                if number + 1 == answers and page["IsTruncated"]:
                    return None
        return objects

    def list(self, asked: str, name: str) -> Iterator[Listed]:
        """List the objects directly in an artifact's folder, in the order of their keys."""
        with self._translated(asked):
            pages = self._clients.s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._place.s3_bucket, Prefix=self._place.folder(name), Delimiter="/"
            )
            for page in pages:
                yield from map(_listed, page.get("Contents", []))

    def list_uploads(self, asked: str, name: str) -> Iterator[Upload]:
        """List the uploads in parts into an artifact's folder that were begun and not completed."""
        with self._translated(asked):
            pages = self._clients.s3.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._place.s3_bucket, Prefix=self._place.folder(name)
            )
            for page in pages:
                for entry in page.get("Uploads", []):
                    yield Upload(entry["Key"], entry["UploadId"], whole_seconds(entry["Initiated"]))

    def abort(self, asked: str, upload: Upload) -> None:
        """Give up an upload in parts, with the parts that have arrived; silent if it is gone."""
        with self._translated(asked):
            try:
                self._clients.s3.abort_multipart_upload(
                    Bucket=self._place.s3_bucket, Key=upload.key, UploadId=upload.upload_id
                )
            except ClientError as error:
                if code_of(error) not in NO_OBJECT | {"NoSuchUpload"}:
                    raise

    def delete_keys(self, asked: str, keys: Sequence[str]) -> None:
        """Delete objects for which nobody can have a use any more.

        Raises:
            StorageError: S3 kept some of them.
        """
        self._demand_gone(asked, self._delete(asked, [{"Key": key} for key in keys]))

    def delete_each_if(self, asked: str, etags: Mapping[str, str]) -> None:
        """Delete objects of which each has still the ETag that is given for its key; the others stay.

        Raises:
            StorageError: S3 kept others.
        """
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
        errors = self._delete(asked, [{"Key": key, "ETag": etag} for key, etag in etags.items()])
        others = LOST | CONTENDED | NO_OBJECT
        self._demand_gone(asked, [error for error in errors if error.get("Code") not in others])
        for error in errors:
            self.delete_if(asked, error["Key"], etags[error["Key"]])  # which says how an ETag is written

    def _delete(self, asked: str, objects: Sequence[Any]) -> Sequence[Any]:
        """Delete objects; return what S3 says of those that it kept."""
        errors: tuple[Any, ...] = ()
        for start in range(0, len(objects), MAX_DELETE):
            request: Any = {"Objects": objects[start : start + MAX_DELETE], "Quiet": True}
            with self._translated(asked):
                answer = self._clients.s3.delete_objects(Bucket=self._place.s3_bucket, Delete=request)
            errors += tuple(answer.get("Errors", []))
        return errors

    def _demand_gone(self, asked: str, errors: Sequence[Any]) -> None:
        if errors:
            raise StorageError(
                f"{asked} failed: {self.resource} kept {len(errors)} objects, the first being "
                f"{errors[0].get('Key')!r} ({errors[0].get('Code')}); repeat the call.",
                operation="DeleteObjects",
                code=errors[0].get("Code"),
                resource=self.resource,
            )

    def delete_if(self, asked: str, key: str, etag: str) -> bool:
        """Delete an object if it is still that one; tell whether it is gone."""
        with self._translated(asked):
            try:
                self._clients.s3.delete_object(Bucket=self._place.s3_bucket, Key=key, IfMatch=etag)
            except ClientError as error:
                if code_of(error) in LOST | CONTENDED:
                    return False
                if code_of(error) not in NO_OBJECT:
                    raise
        return True

    def _contend(self, operation: str, request: dict[str, Any], fresh: Any = dict) -> dict[str, Any]:
        """Send a conditional write; send it again while another write to the key is under way (409)."""
        conditional = {"IfMatch", "IfNoneMatch", "CopySourceIfMatch"} & request.keys()
        attempt = 0
        while True:
            try:
                return dict(getattr(self._clients.s3, operation)(**request, **fresh()))
            except ClientError as error:
                if code_of(error) in LOST or (conditional and code_of(error) in NO_OBJECT):
                    raise PreconditionLost(repeated=was_repeated(error)) from error
                if code_of(error) not in CONTENDED or attempt == _CONTENTION_TRIES:
                    raise
            time.sleep(0.05 * 2**attempt)
            attempt += 1

    def _translated(self, asked: str) -> AbstractContextManager[None]:
        return translated(asked, self.resource, self._clients.expected_bucket_owner)


def _listed(entry: Mapping[str, Any]) -> Listed:
    return Listed(entry["Key"], quoted(entry["ETag"]), entry["Size"], whole_seconds(entry["LastModified"]))


def quoted(etag: str) -> str:
    """Return an ETag in its one form; some servers leave the quotes out of some answers."""
    return f'"{etag.strip(chr(34))}"'


def whole_seconds(moment: datetime) -> datetime:
    """Return a time in UTC without its fraction, as S3 gives it."""
    return moment.astimezone(UTC).replace(microsecond=0)
