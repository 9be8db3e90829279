"""The bytes of one object, from any offset on: what a download that broke goes on with."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.bucket import quoted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass
class ObjectBody:
    """One object, opened from any offset on, as long as it stays the same object; ``length`` in bytes."""

    client: S3Client
    bucket: str
    key: str
    etag: str | None = None
    length: int | None = None

    def open_at(self, offset: int) -> Any:
        """Send GetObject and return the body from that byte on."""
        if offset and offset == self.length:  # it broke after the last byte, and S3 knows no empty range
            return io.BytesIO()
        condition: dict[str, Any] = {} if self.etag is None else {"IfMatch": self.etag}
        if offset:
            condition["Range"] = f"bytes={offset}-"
        answer = self.client.get_object(Bucket=self.bucket, Key=self.key, **condition)
        self.etag = quoted(answer["ETag"])
        if not offset:
            self.length = answer["ContentLength"]
        if offset and "ContentRange" not in answer:  # a server that knows no ranges begins anew
            _skip(answer["Body"], offset)
        return answer["Body"]


def _skip(body: Any, count: int) -> None:
    while count and (chunk := body.read(min(count, 1024**2))):
        count -= len(chunk)
