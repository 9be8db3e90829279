"""The repository's methods on artifacts and versions: check what the caller passes, hand over."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from airflow_provider_versioned.repository import inputs
from airflow_provider_versioned.repository.content import Content, appearing, prepare, size_before_reading
from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.many import both_at_once
from airflow_provider_versioned.repository.objects import Attributes, goes_up_in_parts
from airflow_provider_versioned.repository.orders import Order
from airflow_provider_versioned.repository.parts import Parts
from airflow_provider_versioned.repository.putting import Seen
from airflow_provider_versioned.repository.targets import File, Memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from airflow_provider_versioned.repository.content import Prepared
    from airflow_provider_versioned.repository.model import Artifact


class ArtifactMethods(Parts):
    """Put, get, list, publish, delete, restore, and read content."""

    def put_artifact(
        self,
        name: str,
        content: Content,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Artifact:
        """Make content LATEST; the same content as now writes nothing, also if the other arguments differ.

        Args:
            content: Bytes, a path, or a binary stream, which is read from where it stands and left open.
            content_type: Media type of the S3 object.
            metadata: User metadata of the S3 object.
            tags: Tags of the S3 object.

        Raises:
            InvalidInputError: An argument is not allowed; nothing was written.
            ConflictError: Others kept overwriting LATEST at the same moment, or may still replace exactly these bytes.
        """
        inputs.check_new_name(name)
        attributes, asked = _attributes(content_type, metadata, tags), f"Putting {name!r}"
        with self._prepared(asked, name, content) as (prepared, seen):
            return self._versions.artifact(self._puts.put(asked, name, prepared, attributes, seen))

    @contextmanager
    def _prepared(self, asked: str, name: str, content: Content) -> Iterator[tuple[Prepared, Seen | None]]:
        """Hash content; meanwhile whose table it is is read, in a new process, and LATEST, if the content is large."""
        large = goes_up_in_parts(size_before_reading(content) or 0)

        def look() -> Seen | None:
            self._table.ensure_ours(asked)
            return Seen(self._latest.read(asked, name)) if large else None

        with ExitStack() as stack:
            hashing = partial(stack.enter_context, prepare(content))
            if self._table.is_ours and not large:
                yield hashing(), None
            else:
                yield both_at_once(hashing, look)

    def get_artifact_version(self, name: str, version: int | str | None = None) -> Artifact:
        """Read a version's record; None: LATEST.

        Raises:
            ArtifactNotFoundError: It does not exist or is deleted.
        """
        return self._versions.get(inputs.check_stored_name(name), inputs.check_version(version))

    def list_artifact_versions(self, name: str) -> list[Artifact]:
        """Read the records of all live versions: LATEST first, then numbers from the highest down."""
        return list(self.iter_artifact_versions(name))

    def iter_artifact_versions(self, name: str) -> Iterator[Artifact]:
        """Read as :meth:`list_artifact_versions` does, page by page."""
        return self._versions.list(inputs.check_stored_name(name))

    def publish_artifact_version(
        self,
        name: str,
        *,
        content: Content | None = None,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        if_changed: bool = False,
        published_by: str | None = None,
    ) -> Artifact:
        """Publish the next numbered version, which never changes again.

        Without ``content`` it freezes LATEST, with its metadata, content type and tags. With ``content`` it holds
        exactly those bytes, whatever others put or publish at the same moment, and LATEST follows.

        Args:
            idempotency_key: The caller's identity for this publication. The same key with the same bytes gives the same
                version, however often and however late it is repeated, unless that version was deleted meanwhile; with
                other bytes, another version.
            if_changed: When the newest version has the same bytes, publish nothing and return it.
            published_by: Kept in the version's record.

        Raises:
            ArtifactNotFoundError: There is no LATEST to freeze.
            InvalidInputError: An argument is not allowed, or number 999999 has been given; nothing was written.
            ConflictError: Others kept changing the artifact at the same moment, or may still replace exactly these
                bytes.
        """
        inputs.check_new_name(name)
        attributes = _attributes(content_type, metadata, tags)
        if content is None and attributes != Attributes():
            raise InvalidInputError(
                "content_type, metadata and tags go with content; a frozen LATEST keeps those it was put with.",
                name=name,
            )
        key = inputs.check_text("idempotency_key", idempotency_key)
        author = inputs.check_text("published_by", published_by)
        if content is None:
            return self._published(Order(name, None, attributes, key, if_changed, author))
        with prepare(content) as prepared:
            return self._published(Order(name, prepared, attributes, key, if_changed, author))

    def list_published_under(self, name: str, idempotency_key: str) -> list[str]:
        """List the versions that a publisher was given under a key, for whatever bytes, in the order of time.

        More than one: the publisher came again with other bytes. Deleted versions are listed, too.
        """
        key = inputs.check_text("idempotency_key", idempotency_key) or ""
        return self._publisher.versions_of_key(inputs.check_stored_name(name), key)

    def _published(self, order: Order) -> Artifact:
        return self._versions.artifact(self._publisher.publish(order))

    def delete_artifact_version(self, name: str, version: int | str | None = None) -> None:
        """Hide a version (None: LATEST); its bytes stay, and it can be restored. Silent if it does not exist.

        Raises:
            InUseError: An alias points at it.
        """
        self._versions.delete(inputs.check_stored_name(name), inputs.check_version(version))

    def restore_artifact_version(self, name: str, version: int | str | None = None) -> Artifact:
        """Undo the deletion of a version (None: LATEST).

        Raises:
            ArtifactNotFoundError: It never existed, or was purged together with its bytes.
        """
        return self._versions.restore(inputs.check_stored_name(name), inputs.check_version(version))

    def list_artifact_names(self) -> list[str]:
        """List the artifacts that have content in the bucket, also if every version is deleted, in byte order."""
        # S3 sorts by key, so it has "a-b/" before "a/".
        return sorted(self.iter_artifact_names())

    def iter_artifact_names(self) -> Iterator[str]:
        """Read as :meth:`list_artifact_names` does, page by page, in S3's order: ``a-b`` before ``a``."""
        return self._objects.list_names("Listing artifact names")

    def open_content(self, artifact: Artifact) -> BinaryIO:
        """Open a record's content; see :meth:`Artifact.open_content`."""
        return self._objects.open(_reading(artifact), artifact)

    def read_content(self, artifact: Artifact) -> bytes:
        """Read a record's content whole; see :meth:`Artifact.get_content`."""
        memory = Memory()
        self._objects.read_into(_reading(artifact), artifact, memory)
        return memory.content()

    def download(self, artifact: Artifact, path: Path) -> Path:
        """Write a record's content to a file; see :meth:`Artifact.download`."""
        with appearing(path) as file, File(file, path) as target:
            self._objects.read_into(_reading(artifact), artifact, target)
        return path


def _reading(artifact: Artifact) -> str:
    return f"Reading {artifact.name!r} version {artifact.version}"


def _attributes(
    content_type: str | None, metadata: Mapping[str, str] | None, tags: Mapping[str, str] | None
) -> Attributes:
    return Attributes(inputs.check_content_type(content_type), inputs.check_metadata(metadata), inputs.check_tags(tags))
