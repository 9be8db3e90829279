"""The library ``versioned`` on the same bucket and table, and what it sees there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.loaders import create_loader
from versioned.s3_and_dynamodb_backend import BotoSesManager
from versioned.s3_and_dynamodb_backend import Repository as LibraryRepository

from airflow_provider_versioned.repository import ArtifactNotFoundError

if TYPE_CHECKING:
    import pytest

    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

_LOADER = create_loader()


class Library:
    """Calls the library; it takes endpoints from the environment and keeps its session for the process.

    Args:
        monkeypatch: Takes the environment back after the test.
    """

    def __init__(self, aws: Aws, place: PlaceArguments, monkeypatch: pytest.MonkeyPatch) -> None:
        # It makes a session of botocore for each of its tables, and each would parse the services' descriptions anew.
        monkeypatch.setattr("botocore.session.create_loader", lambda *_: _LOADER)
        for service, endpoint in (("S3", aws.s3_endpoint), ("DYNAMODB", aws.dynamodb_endpoint)):
            if endpoint is not None:
                monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", endpoint)
        self._session = BotoSesManager(region_name=aws.region)
        self._repository = LibraryRepository(aws_region=aws.region, **place)
        self._repository.bootstrap(self._session)

    def __getattr__(self, method: str) -> Any:
        """Pass calls on."""
        return getattr(self._repository, method)

    def publish(self, name: str, *contents: bytes) -> None:
        """Put and publish contents in turn."""
        for content in contents:
            self._repository.put_artifact(name, content)
            self._repository.publish_artifact_version(name)

    def content(self, name: str, version: int | str | None = None) -> bytes:
        """Read a version's bytes."""
        content: bytes = self._repository.get_artifact_version(name, version).get_content(self._session)
        return content

    def view(self, name: str) -> dict[str, Any]:
        """Return all that the library sees of an artifact."""
        artifacts = self._repository.list_artifact_versions(name)
        for artifact in artifacts:
            assert self._repository.get_artifact_version(name, artifact.version) == artifact
        aliases = self._repository.list_aliases(name)
        for alias in aliases:
            assert self._repository.get_alias(name, alias.alias) == alias
        contents = [artifact.get_content(self._session) for artifact in artifacts]
        return _view(artifacts, contents, aliases)


def our_view(repository: Repository, name: str) -> dict[str, Any]:
    """Return all that we see of an artifact, as far as the library has it too."""
    artifacts, aliases = repository.list_artifact_versions(name), repository.list_aliases(name)
    for artifact in artifacts:
        assert repository.get_artifact_version(name, artifact.version) == artifact
    for alias in aliases:
        assert repository.get_alias(name, alias.alias) == alias
    return _view(artifacts, [artifact.get_content() for artifact in artifacts], aliases)


def _view(artifacts: list[Any], contents: list[bytes], aliases: list[Any]) -> dict[str, Any]:
    return {
        "versions": [
            (artifact.name, artifact.version, artifact.update_at, artifact.s3uri, artifact.sha256, content)
            for artifact, content in zip(artifacts, contents, strict=True)
        ],
        "aliases": [
            (
                alias.name,
                alias.alias,
                alias.update_at,
                alias.version,
                alias.secondary_version,
                alias.secondary_version_weight,
                alias.version_s3uri,
                alias.secondary_version_s3uri,
            )
            for alias in aliases
        ],
    }


def missing(repository: Repository, name: str, version: int | str | None = None) -> bool:
    """Tell whether a version cannot be read."""
    try:
        repository.get_artifact_version(name, version)
    except ArtifactNotFoundError:
        return True
    return False
