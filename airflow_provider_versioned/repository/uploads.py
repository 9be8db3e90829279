"""Objects that go to S3 in parts, side by side, and appear on a condition.

boto3's own transfers know no condition on what they replace (https://github.com/boto/s3transfer). Here the last
request, which makes the object appear, is on condition, as one that puts a small object is.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from airflow_provider_versioned.repository.aws import CONTENDED, code_of, was_repeated
from airflow_provider_versioned.repository.bucket import LOST, NO_OBJECT, Bucket, PreconditionLost
from airflow_provider_versioned.repository.many import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

MIB = 1024**2
PARALLEL_FROM = 64 * MIB  # from here on content goes up in parts
MAX_PARTS = 10_000  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_AT_ONCE = 8  # of the ten connections that boto3 keeps open
_NO_UPLOAD = "NoSuchUpload"  # completed by an earlier try, whose answer was lost; or aborted


def part_size(size: int, least: int, avoid: Collection[str] = ()) -> int | None:
    """Return the bytes of a part; None: in whatever parts, the object could get an ETag that it must not get.

    The ETag of an object that came in parts ends in their number, so another number gives the same bytes another one.

    Args:
        size: Of the whole, in bytes.
        least: Of a part, but for the last.
        avoid: ETags that the object must not get.
    """
    taken = {etag.strip('"').rpartition("-")[2] for etag in avoid if "-" in etag}
    part = max(least, _quotient(size, MAX_PARTS))
    while str(count := max(_quotient(size, part), 1)) in taken:
        if count == 1:
            return None
        part = _quotient(size, count - 1)
    return part


class Begun:
    """An upload in parts that is begun before it is certain that it is wanted, while something else is done.

    Args:
        create: Begins it; returns what names it.
        abort: Gives it up.
    """

    def __init__(self, create: Callable[[], dict[str, Any]], abort: Callable[[Mapping[str, Any]], object]) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="versioned-parts")
        self._upload: Future[dict[str, Any]] | None = self._executor.submit(create)
        self._abort = abort

    def taken(self) -> dict[str, Any] | None:
        """Return what names it, and is the caller's from here on; None if it was taken before.

        Raises what went wrong when it was begun.
        """
        upload, self._upload = self._upload, None
        return upload.result() if upload is not None else None

    def close(self) -> None:
        """Give it up, unless somebody has taken it."""
        if self._upload is not None:
            with suppress(ClientError, BotoCoreError):  # it was not begun
                self._abort(self._upload.result())
        self._executor.shutdown()


class Uploads(Bucket):
    """Writes objects in parts."""

    def _begun(self, address: Mapping[str, Any], attributes: Mapping[str, Any]) -> Begun:
        return Begun(lambda: self._create(address, attributes), self._abort_upload)

    def _create(self, address: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._clients.s3.create_multipart_upload(**address, **attributes)
        return {**address, "UploadId": answer["UploadId"]}

    def _abort_upload(self, upload: Mapping[str, Any]) -> None:
        with suppress(ClientError, BotoCoreError):  # what is left of it, a sweep removes
            self._clients.s3.abort_multipart_upload(**upload)

    def _in_parts(
        self,
        upload: Mapping[str, Any],
        operation: str,
        parts: Iterable[Mapping[str, Any]],
        condition: Mapping[str, str],
    ) -> dict[str, Any]:
        """Write an object in parts; return the answer to the last request.

        Args:
            upload: What names it; it is aborted if this fails.
            operation: ``upload_part`` or ``upload_part_copy``.
            parts: Its arguments, part by part; taken as they are sent.
            condition: ``IfMatch`` or ``IfNoneMatch`` for the object that is there.

        Raises:
            PreconditionLost: The condition was not met, a part's neither, or somebody has completed or aborted it.
        """
        try:
            done = in_order(enumerate(parts, 1), partial(self._send_part, upload, operation), _AT_ONCE)
            return self._complete(upload, done, condition)
        except BaseException:
            self._abort_upload(upload)
            raise

    def _send_part(
        self, upload: Mapping[str, Any], operation: str, numbered: tuple[int, Mapping[str, Any]]
    ) -> dict[str, Any]:
        number, part = numbered
        try:
            sent = self._contend(operation, {**upload, "PartNumber": number, **part})
        except PreconditionLost as lost:
            raise PreconditionLost from lost  # whether or not it was repeated, nothing has appeared
        except ClientError as error:
            if code_of(error) == _NO_UPLOAD:
                raise PreconditionLost from error
            raise
        done = {"PartNumber": number, "ETag": sent.get("CopyPartResult", sent)["ETag"]}
        return done | ({"ChecksumSHA256": part["ChecksumSHA256"]} if "ChecksumSHA256" in part else {})

    def _complete(
        self, upload: Mapping[str, Any], done: Iterable[Mapping[str, Any]], condition: Mapping[str, str]
    ) -> dict[str, Any]:
        request: dict[str, Any] = {**upload, "MultipartUpload": {"Parts": list(done)}, **condition}
        try:
            if not condition:
                return self._contend("complete_multipart_upload", request)
            return dict(self._clients.s3.complete_multipart_upload(**request))
        except ClientError as error:
            # After a conflict with another write all has to be sent anew:
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
            lost = LOST | CONTENDED | NO_OBJECT if condition else frozenset()
            if code_of(error) in lost | {_NO_UPLOAD}:
                raise PreconditionLost(repeated=was_repeated(error)) from error
            raise


def _quotient(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)
