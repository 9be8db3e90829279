"""Where a path leads: the version, and the alias by which it was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.filesystem.errors import PathNotFoundError
from airflow_provider_versioned.repository.errors import ArtifactNotFoundError, NotFoundError

if TYPE_CHECKING:
    from airflow_provider_versioned.filesystem.names import PathName
    from airflow_provider_versioned.repository import Alias, Artifact, Repository
    from airflow_provider_versioned.repository.routing import Side

_TRIES = 3  # while an alias moves away from a version, which is then deleted, between reading the two


@dataclass(frozen=True)
class Target:
    """The record of a version, and of the alias that led to it."""

    artifact: Artifact
    alias: Alias | None = None

    def info(self, path: str) -> dict[str, Any]:
        """Return what a filesystem tells of a file."""
        artifact, alias = self.artifact, self.alias
        found = {
            "name": path,
            "type": "file",
            "size": artifact.size,
            "artifact": artifact.name,
            "version": artifact.version,
            "sha256": artifact.sha256,
            "etag": artifact.etag,
            "modified": artifact.update_at,
            "mtime": artifact.update_at.timestamp(),
            "s3uri": artifact.s3uri,
        }
        if alias is not None:
            found |= {
                "alias": alias.alias,
                "secondary_version": alias.secondary_version,
                "secondary_version_weight": alias.secondary_version_weight,
            }
        return found


def find_target(
    repository: Repository, named: PathName, route_key: str | bytes | None = None, side: Side | None = None
) -> Target:
    """Find the version that a path leads to now.

    Args:
        named: A path that names a version or an alias.
        route_key: Where the alias is split, take the version that this key belongs to; None: the primary one.
        side: Where the alias is split, take this side.

    Raises:
        PathNotFoundError: There is no such version or alias.
        InvalidInputError: The alias has no such side, or something cannot be a name.
    """
    try:
        if named.is_version:
            return Target(repository.get_artifact_version(named.name, named.which))
        tries = _TRIES
        while True:
            alias = repository.get_alias(named.name, named.which or "")
            tries -= 1
            try:
                return Target(repository.get_artifact_version(named.name, _chosen(alias, route_key, side)), alias)
            except ArtifactNotFoundError:
                if not tries:
                    raise
    except NotFoundError as error:
        raise PathNotFoundError(error.message, **error.facts) from error


def _chosen(alias: Alias, route_key: str | bytes | None, side: Side | None) -> str:
    if side is not None:
        return alias.route(route_key or "any", side=side)
    return alias.version if route_key is None else alias.route(route_key)
