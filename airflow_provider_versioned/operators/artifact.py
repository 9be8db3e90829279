"""Publishing and downloading versions."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.assets.announce import announce_version
from airflow_provider_versioned.links import ArtifactPageLink, DynamoDBItemLink, S3ObjectLink, link_to_version
from airflow_provider_versioned.operators.source import local_file
from airflow_provider_versioned.repository.errors import InvalidInputError, NotFoundError
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import optional, parse_bool, parse_content, parse_optional_version
from airflow_provider_versioned.task.identity import author, task_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from os import PathLike

    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context
    from mypy_boto3_s3 import S3Client

    from airflow_provider_versioned.operators.source import Source
    from airflow_provider_versioned.repository import Alias, Artifact

ROUTES = ("primary", "secondary", "random", "key")


class PublishArtifactOperator(RepositoryOperator):
    """Publishes content as the next version, once, however often the task is retried.

    Dag, run, task and map index are the idempotency key: a retry, and a task that was cleared, with the same bytes
    returns the version that is there already; with other bytes it publishes a new one. Returns the version as
    :meth:`Artifact.to_dict`.

    Args:
        name: Artifact name.
        content: Text (stored as UTF-8) or bytes. Rendered like any template and shown among the task's rendered fields,
            so keep it small and free of secrets; give a file as ``source`` otherwise.
        source: Where the content lies instead: a local path, a ``file://`` or ``s3://`` URI, or any path that Airflow's
            object storage reads. Neither ``content`` nor ``source``: LATEST is published as it is.
        source_conn_id: Connection for a remote ``source``; None: the repository's for ``s3://``.
        content_type: Media type of the S3 object.
        metadata: Metadata of the S3 object.
        tags: Tags of the S3 object.
        if_changed: Return the newest version when it has the same bytes, whoever published it.
    """

    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "content",
        "source",
        "source_conn_id",
        "content_type",
        "metadata",
        "tags",
        "if_changed",
    )
    operator_extra_links = (ArtifactPageLink(), S3ObjectLink(), DynamoDBItemLink())
    _published: Artifact | None = None

    def __init__(
        self,
        *,
        name: str,
        content: str | bytes | None = None,
        source: Source | None = None,
        source_conn_id: str | None = None,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        if_changed: bool | str = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.content = content
        self.source = source
        self.source_conn_id = source_conn_id
        self.content_type = content_type
        self.metadata = metadata
        self.tags = tags
        self.if_changed = if_changed

    def execute(self, context: Context) -> dict[str, Any]:
        """Publish, and say whether that made a new version."""
        begun = datetime.now(UTC)
        with no_vain_retry(), self._given_content() as content:
            artifact = self.hook.repository.publish_artifact_version(
                self.name,
                content=content,
                content_type=optional(self.content_type),
                metadata=self.metadata,
                tags=self.tags,
                idempotency_key=task_key(context),
                if_changed=parse_bool("if_changed", self.if_changed),
                published_by=author(context),
            )
        self.log.info("Version %s of %r %s.", artifact.version, self.name, _how(artifact, author(context), begun))
        self._tell_of_other_bytes(artifact.version, task_key(context))
        self._published = artifact
        link_to_version(self, artifact)
        announce_version(self, context, artifact)
        return self.keep_version(context, artifact.to_dict())

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 -- its interface
        """Tell OpenLineage which version was published, or found to be there."""
        from airflow_provider_versioned.openlineage import lineage  # noqa: PLC0415 -- needs the openlineage provider

        return lineage(self.hook.repository, written=self._published)

    def _tell_of_other_bytes(self, version: str, key: str) -> None:
        others = [found for found in self.hook.repository.list_published_under(self.name, key) if found != version]
        if others:
            self.log.warning(
                "This task of this run published other bytes before, as version %s of %r; a task that was cleared or "
                "retried gives the same version only for the same bytes.",
                ", ".join(others),
                self.name,
            )

    @contextmanager
    def _given_content(self) -> Iterator[bytes | Path | None]:
        source = optional(self.source)
        if self.content is not None and source is not None:
            raise InvalidInputError(
                f"Both content and source={fspath(source)!r} were given for {self.name!r}; give one of them."
            )
        if source is not None:
            with local_file(source, optional(self.source_conn_id), self._s3_client) as path:
                yield path
        else:
            yield None if self.content is None else parse_content(self.content)

    def _s3_client(self, conn_id: str | None) -> S3Client:
        if conn_id is None:
            return self.hook.s3_client
        from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook  # noqa: PLC0415 -- loads AWS libraries

        return VersionedRepositoryHook(**{**self.hook_arguments(), "aws_conn_id": conn_id}).s3_client


def _how(artifact: Artifact, publisher: str, begun: datetime) -> str:
    """Say what publishing came to; the record tells who wrote the version and when."""
    if artifact.published_by != publisher:
        by = artifact.published_by or "another tool"
        return f"has these bytes already, published by {by} at {artifact.update_at.isoformat()}; nothing was published"
    # S3's clock has whole seconds and may differ a little from ours; tries of a task are further apart than that.
    if artifact.update_at < begun - timedelta(seconds=2):
        return f"was published by an earlier try of this task at {artifact.update_at.isoformat()}, so not again"
    return f"is published, {artifact.size} bytes, sha256 {artifact.sha256}"


class DownloadArtifactOperator(RepositoryOperator):
    """Writes a version's content to a file on the worker, verified against its sha256.

    The file appears whole and verified or not at all; folders are made. Returns ``path`` and the version as
    :meth:`Artifact.to_dict`, with ``alias`` and what :class:`RecordOutcomeOperator` needs when an alias was given.

    Args:
        name: Artifact name.
        path: File to write.
        version: Version to download; None and no ``alias``: LATEST.
        alias: Alias to resolve, instead of ``version``.
        route: Which side of a split alias: ``primary``, ``secondary``, ``random`` by weight, drawn anew by each try, or
            ``key``, by ``route_key``.
        route_key: What shall stay on one side, such as a customer's id; see :meth:`Alias.route`.
    """

    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "path",
        "version",
        "alias",
        "route",
        "route_key",
    )
    operator_extra_links = (ArtifactPageLink(), S3ObjectLink(), DynamoDBItemLink())
    _downloaded: Artifact | None = None

    def __init__(
        self,
        *,
        name: str,
        path: str | PathLike[str],
        version: int | str | None = None,
        alias: str | None = None,
        route: str = "primary",
        route_key: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.path = path
        self.version = version
        self.alias = alias
        self.route = route
        self.route_key = route_key

    def execute(self, context: Context) -> dict[str, Any]:
        """Resolve the version and download it."""
        with no_vain_retry():
            version, alias = parse_optional_version(self.version), optional(self.alias)
            if version is not None and alias is not None:
                raise InvalidInputError(f"Both version={version} and alias={alias!r} were given; give one of them.")
            resolved = None if alias is None else self.hook.repository.get_alias(self.name, alias)
            if resolved is not None:
                version = _routed(resolved, self.route, optional(self.route_key))
            artifact = self.hook.repository.get_artifact_version(self.name, version)
            path = Path(self.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            artifact.download(path)
        self._downloaded = artifact
        link_to_version(self, artifact)
        self.log.info("Version %s of %r is at %s, verified: %s", artifact.version, self.name, path, artifact.sha256)
        result = {**artifact.to_dict(), "path": str(path)}
        return self.keep_version(context, result if resolved is None else {**result, **self._use(resolved)})

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 -- its interface
        """Tell OpenLineage which version was downloaded."""
        from airflow_provider_versioned.openlineage import lineage  # noqa: PLC0415 -- needs the openlineage provider

        return lineage(self.hook.repository, read=self._downloaded)

    def _use(self, alias: Alias) -> dict[str, Any]:
        """Return what an outcome has to be counted under."""
        drawn = self.route in {"random", "key"}
        weight = alias.secondary_version_weight if drawn else None
        return {"alias": alias.alias, "rollout": alias.counted_under, "weight": weight}


def _routed(alias: Alias, route: str, key: str | None) -> str:
    """Choose a side of an alias."""
    if route not in ROUTES:
        raise InvalidInputError(f"route must be one of {', '.join(ROUTES)}, got {route!r}.")
    if (route == "key") != (key is not None):
        raise InvalidInputError(f"route='key' and route_key belong together, got route={route!r}, route_key={key!r}.")
    if key is not None:
        return alias.route(key)
    if route == "random":
        return alias.choose_version()
    if route == "primary":
        return alias.version
    if alias.secondary_version is None:
        raise NotFoundError(
            f"Alias {alias.alias!r} of {alias.name!r} has no secondary version to download; use route='primary'."
        )
    return alias.secondary_version
