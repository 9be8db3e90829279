"""Requests to S3: the bytes of an artifact, each write on a condition where S3 offers one.

Servers that stand in for S3 honour different conditions, so none is trusted alone: a copy is compared with what was
asked, and the callers' protocols end in DynamoDB. A condition that was not met is :class:`PreconditionLost`, which
never leaves the package.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from airflow_provider_versioned.repository import uploads
from airflow_provider_versioned.repository.aws import code_of
from airflow_provider_versioned.repository.bucket import NO_OBJECT, PreconditionLost, quoted, whole_seconds
from airflow_provider_versioned.repository.content import PART, Prepared
from airflow_provider_versioned.repository.downloads import Downloads
from airflow_provider_versioned.repository.etags import content_in_one_part, copy_in_one_part, etag_conflict
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.uploads import MIB, Begun, Uploads, part_size

if TYPE_CHECKING:
    from collections.abc import Mapping

GIB = 1024**3
# PutObject and CopyObject: https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html
SINGLE_REQUEST_LIMIT = 5 * GIB
_NONE: Mapping[str, str] = MappingProxyType({})
_OTHER_BYTES = "BadDigest"
COPIED_PART = 128 * MIB


@dataclass(frozen=True)
class Attributes:
    """What a caller wants kept with the content."""

    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def arguments(self, name: str, sha256: str) -> dict[str, Any]:
        """Return them as arguments of PutObject, with the two metadata entries of the stored format."""
        arguments: dict[str, Any] = {"Metadata": {**self.metadata, "artifact_name": name, "artifact_sha256": sha256}}
        if self.content_type is not None:
            arguments["ContentType"] = self.content_type
        if self.tags:
            arguments["Tagging"] = urlencode(self.tags)
        return arguments


@dataclass(frozen=True)
class Stored:
    """What stands under a key.

    Attributes:
        etag: With its quotes.
        sha256: The digest that the object's metadata names.
        size: Bytes.
        written_at: By S3's clock.
        artifact_name: The artifact that the object's metadata names; only read by :meth:`Objects.head`.
    """

    etag: str
    sha256: str | None
    size: int
    written_at: datetime
    artifact_name: str | None = None


class _Address(TypedDict):
    Bucket: str
    Key: str


class Objects(Uploads, Downloads):
    """The objects of one repository, read and written one by one."""

    def head(self, asked: str, name: str, version: str) -> Stored | None:
        """Describe an object, or return None when there is none."""
        with self._translated(asked):
            try:
                answer = self._clients.s3.head_object(**self._address(name, version))
            except ClientError as error:
                if code_of(error) in NO_OBJECT:
                    return None
                raise
        return Stored(
            etag=quoted(answer["ETag"]),
            sha256=answer["Metadata"].get("artifact_sha256"),
            size=answer["ContentLength"],
            written_at=whole_seconds(answer["LastModified"]),
            artifact_name=answer["Metadata"].get("artifact_name"),
        )

    def described(self, asked: str, name: str, version: str) -> Stored | None:
        """Describe an object; if its metadata has no digest (another tool wrote it), read it to find out."""
        stored = self.head(asked, name, version)
        if stored is None or stored.sha256 is not None:
            return stored
        with self._translated(asked):
            body = self._clients.s3.get_object(**self._address(name, version), IfMatch=stored.etag)["Body"]
            digest = hashlib.sha256()
            for chunk in body.iter_chunks(1024**2):
                digest.update(chunk)
        return Stored(stored.etag, digest.hexdigest(), stored.size, stored.written_at)

    def put_latest(
        self,
        asked: str,
        name: str,
        content: Prepared,
        attributes: Attributes,
        expected: str | None,
        avoid: frozenset[str] = frozenset(),
        begun: Begun | None = None,
    ) -> Stored:
        """Write LATEST if the object there is still the expected one.

        Args:
            expected: ETag of the object to replace; None: there must be none.
            avoid: ETags that the object must not get, whatever its content.
            begun: What :meth:`begun` returned for it.

        Raises:
            PreconditionLost: Another object (or none) is there.
            ConflictError: S3 would give this content no other ETag.
        """
        condition = {"IfNoneMatch": "*"} if expected is None else {"IfMatch": expected}
        if goes_up_in_parts(content.size):
            return self._put_in_parts(asked, name, LATEST, content, attributes, condition, avoid, begun)
        if avoid and content_in_one_part(asked, name, content.md5, avoid):
            part = {"Body": content.rewound(), "ChecksumSHA256": _base64(bytes.fromhex(content.sha256))}
            with self._translated(asked):
                upload = self._create(self._address(name, LATEST), _made_in_parts(attributes, name, content))
                answer = self._in_parts(upload, "upload_part", [part], condition)
            return Stored(quoted(answer["ETag"]), content.sha256, content.size, _server_time(answer))
        return self._put(asked, name, LATEST, content, attributes, condition)

    def begun(self, name: str, content: Prepared, attributes: Attributes) -> Begun:
        """Begin to upload LATEST in parts; nobody sees anything of it before :meth:`put_latest` has ended."""
        return self._begun(self._address(name, LATEST), _made_in_parts(attributes, name, content))

    def demand_etag(self, asked: str, name: str, content: Prepared, avoid: frozenset[str]) -> None:
        """Demand that LATEST can hold content without one of some ETags.

        Raises:
            ConflictError: S3 would give it no other.
        """
        if not goes_up_in_parts(content.size):
            content_in_one_part(asked, name, content.md5, avoid)
        elif part_size(content.size, PART, avoid) is None:
            raise etag_conflict(asked, name)

    def demand_etag_of_copy(self, asked: str, name: str, stored: Stored, avoid: frozenset[str]) -> None:
        """Demand the same of a copy.

        Raises:
            ConflictError: S3 would give it no other.
        """
        if not is_copied_in_parts(stored.size):
            copy_in_one_part(asked, name, stored.etag, avoid)
        elif part_size(stored.size, COPIED_PART, avoid) is None:
            raise etag_conflict(asked, name)

    def put_version(self, asked: str, name: str, version: str, content: Prepared, attributes: Attributes) -> Stored:
        """Write the content of a claimed number; nobody else writes that key."""
        if goes_up_in_parts(content.size):
            try:
                return self._put_in_parts(asked, name, version, content, attributes)
            except PreconditionLost as lost:
                if not lost.repeated:
                    raise
            return self._must_be(asked, name, version, content.sha256)
        return self._put(asked, name, version, content, attributes, {})

    def _put(
        self,
        asked: str,
        name: str,
        version: str,
        content: Prepared,
        attributes: Attributes,
        condition: Mapping[str, str],
    ) -> Stored:
        request = {
            **self._address(name, version),
            **attributes.arguments(name, content.sha256),
            **condition,
            # S3 refuses the upload if what arrives is not what was hashed.
            "ChecksumSHA256": _base64(bytes.fromhex(content.sha256)),
        }
        with self._translated(asked):
            try:
                answer = self._contend("put_object", request, lambda: {"Body": content.rewound()})
            except ClientError as error:
                if code_of(error) == _OTHER_BYTES:
                    raise content.changed(asked) from error
                raise
        return Stored(quoted(answer["ETag"]), content.sha256, content.size, _server_time(answer))

    def _put_in_parts(
        self,
        asked: str,
        name: str,
        version: str,
        content: Prepared,
        attributes: Attributes,
        condition: Mapping[str, str] = _NONE,
        avoid: frozenset[str] = frozenset(),
        begun: Begun | None = None,
    ) -> Stored:
        size = part_size(content.size, PART, avoid)
        if size is None:
            raise etag_conflict(asked, name)
        parts = ({"Body": part, "ChecksumSHA256": _base64(digest)} for part, digest in content.parts(asked, size))
        with self._translated(asked):
            try:
                upload = begun.taken() if begun is not None else None
                if upload is None:
                    upload = self._create(self._address(name, version), _made_in_parts(attributes, name, content))
                answer = self._in_parts(upload, "upload_part", parts, condition)
            except ClientError as error:
                if code_of(error) == _OTHER_BYTES:
                    raise content.changed(asked) from error
                raise
        return Stored(quoted(answer["ETag"]), content.sha256, content.size, _server_time(answer))

    def copy(
        self,
        asked: str,
        name: str,
        source: str,
        target: str,
        stored: Stored,
        condition: Mapping[str, str] | None = None,
        avoid: frozenset[str] = frozenset(),
    ) -> Stored:
        """Copy one version's content to another on S3's side, with metadata, content type and tags.

        Args:
            stored: What the source must be.
            condition: ``IfMatch`` or ``IfNoneMatch`` for the target.
            avoid: ETags that the target must not get, whatever its content.

        Raises:
            PreconditionLost: The source is not (or no longer) that object, or the target's condition was not met.
            ConflictError: S3 would give this content no other ETag.
        """
        if is_copied_in_parts(stored.size):
            return self._copy_in_parts(asked, name, source, target, stored, condition or {}, avoid)
        origin, address = self._address(name, source), self._address(name, target)
        part = {"CopySource": origin, "CopySourceIfMatch": stored.etag}
        if avoid and copy_in_one_part(asked, name, stored.etag, avoid):
            with self._translated(asked):
                upload = self._create(address, self._attributes_of(origin))
                self._in_parts(upload, "upload_part_copy", [part], condition or {})
            return self._must_be(asked, name, target, stored.sha256)
        with self._translated(asked):
            result = self._contend("copy_object", {**address, **part, **(condition or {})})["CopyObjectResult"]
        etag = quoted(result["ETag"])
        if etag != stored.etag:
            # Encrypted with a KMS key, a copy has another ETag; on a server without CopySourceIfMatch, other content.
            found = self.head(asked, name, target)
            if found is None or found.sha256 != stored.sha256:
                raise PreconditionLost
        return Stored(etag, stored.sha256, stored.size, whole_seconds(result["LastModified"]))

    def _copy_in_parts(
        self,
        asked: str,
        name: str,
        source: str,
        target: str,
        stored: Stored,
        condition: Mapping[str, str],
        avoid: frozenset[str],
    ) -> Stored:
        """Copy what is too large for one CopyObject; metadata, content type and tags have to be given again."""
        size = part_size(stored.size, COPIED_PART, avoid)
        if size is None:
            raise etag_conflict(asked, name)
        origin, address = self._address(name, source), self._address(name, target)
        parts = (
            {
                "CopySource": origin,
                "CopySourceIfMatch": stored.etag,
                "CopySourceRange": f"bytes={begin}-{min(begin + size, stored.size) - 1}",
            }
            for begin in range(0, stored.size, size)
        )
        with self._translated(asked):
            try:
                upload = self._create(address, self._attributes_of(origin))
                self._in_parts(upload, "upload_part_copy", parts, condition)
            except PreconditionLost as lost:
                if condition or not lost.repeated:
                    raise
        return self._must_be(asked, name, target, stored.sha256)

    def _attributes_of(self, origin: _Address) -> dict[str, Any]:
        try:
            described = self._clients.s3.head_object(**origin)
            tags = self._clients.s3.get_object_tagging(**origin)["TagSet"]
        except ClientError as error:
            if code_of(error) in NO_OBJECT:
                raise PreconditionLost from error
            raise
        kept = {"Metadata": described["Metadata"], "ContentType": described["ContentType"]}
        return kept | ({"Tagging": urlencode({tag["Key"]: tag["Value"] for tag in tags})} if tags else {})

    def _must_be(self, asked: str, name: str, version: str, sha256: str | None) -> Stored:
        found = self.head(asked, name, version)
        if found is None or found.sha256 != sha256:
            raise PreconditionLost
        return found

    def _address(self, name: str, version: str) -> _Address:
        return {"Bucket": self._place.s3_bucket, "Key": self._place.object_key(name, version)}


def _made_in_parts(attributes: Attributes, name: str, content: Prepared) -> dict[str, Any]:
    return {**attributes.arguments(name, content.sha256), "ChecksumAlgorithm": "SHA256"}


def goes_up_in_parts(size: int) -> bool:
    """Tell whether content of so many bytes is uploaded in parts, side by side."""
    return size >= uploads.PARALLEL_FROM


def is_copied_in_parts(size: int) -> bool:
    """Tell whether content of so many bytes is too large for one CopyObject."""
    return size > SINGLE_REQUEST_LIMIT


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _server_time(answer: Mapping[str, Any]) -> datetime:
    """Return S3's own clock from an answer's Date header, in whole seconds, as LastModified has it."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    moment = parsedate_to_datetime(date) if date else datetime.now(UTC)
    return whole_seconds(moment)
