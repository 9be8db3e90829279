"""Content of a record on its way out: opened, verified, and what it means when the object is not there.

How its bytes come is told by :mod:`~airflow_provider_versioned.repository.object_body`, where they go by
:mod:`~airflow_provider_versioned.repository.targets`.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from airflow_provider_versioned.repository.aws import BROKEN, code_of
from airflow_provider_versioned.repository.bucket import LOST, NO_OBJECT, Bucket
from airflow_provider_versioned.repository.content import VerifiedStream
from airflow_provider_versioned.repository.errors import ConflictError, IntegrityError
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.object_body import ObjectBody
from airflow_provider_versioned.repository.targets import Nowhere

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.model import Artifact
    from airflow_provider_versioned.repository.targets import Target

_NO_SUCH_BYTES = "InvalidRange"


class Downloads(Bucket):
    """Reads content, verified."""

    def open(self, asked: str, artifact: Artifact) -> BinaryIO:
        """Open the content of a record as a verifying stream.

        Raises:
            ConflictError: The record is of LATEST, which was overwritten since.
            IntegrityError: There is no object, or the record has no digest to verify it by.
        """
        return io.BufferedReader(self._opened(asked, artifact, Nowhere()), buffer_size=256 * 1024)

    def read_into(self, asked: str, artifact: Artifact, target: Target) -> None:
        """Read the content of a record to where it goes; it is verified when this returns.

        Raises:
            ConflictError: The record is of LATEST, which was overwritten since.
            IntegrityError: There is no object, or it is not that of the record.
        """
        with self._opened(asked, artifact, target) as stream:
            stream.exhaust()

    def _opened(self, asked: str, artifact: Artifact, target: Target) -> VerifiedStream:
        if artifact.sha256 is None:
            raise IntegrityError(
                f"{asked} failed: the record has no sha256, so the content cannot be verified; publish it again.",
                s3uri=artifact.s3uri,
            )

        def get(**request: Any) -> Any:
            try:
                return self._clients.s3.get_object(**request)
            except ClientError as error:
                self._refuse_to_open(asked, artifact, error)
                raise

        key = self._place.object_key_of(artifact.s3uri)
        body = ObjectBody(get, self._place.s3_bucket, key, length=artifact.size, target=target)
        if artifact.version == LATEST:
            body.etag = artifact.etag
        with self._translated(asked):
            return VerifiedStream(
                body.open_at, artifact.sha256, artifact.s3uri, lambda: self._translated(asked), BROKEN
            )

    @staticmethod
    def _refuse_to_open(asked: str, artifact: Artifact, error: ClientError) -> None:
        if code_of(error) in LOST and artifact.version == LATEST:
            raise ConflictError(
                f"{asked} failed: LATEST of {artifact.name!r} was overwritten since; read its record again.",
                name=artifact.name,
            ) from error
        if code_of(error) in LOST:
            raise IntegrityError(
                f"{asked} failed: {artifact.s3uri} was replaced while it was read; do not use it, and restore the "
                "object or publish again.",
                s3uri=artifact.s3uri,
            ) from error
        if code_of(error) in NO_OBJECT:
            raise IntegrityError(
                f"{asked} failed: {artifact.s3uri} does not exist although its record does; restore the object "
                "or publish again.",
                s3uri=artifact.s3uri,
            ) from error
        if code_of(error) == _NO_SUCH_BYTES:
            raise IntegrityError(
                f"{asked} failed: {artifact.s3uri} is empty, but its record says {artifact.size} bytes; do not use it, "
                "and restore the object or publish again.",
                s3uri=artifact.s3uri,
            ) from error
