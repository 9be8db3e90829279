"""The filesystem: which version a path leads to, what is known of it, and its verified content. Nothing is written."""

from __future__ import annotations

import threading
import weakref
from datetime import UTC
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from fsspec.core import has_magic
from fsspec.spec import AbstractFileSystem

from airflow_provider_versioned.filesystem.contents import VerifiedContent, VerifiedFile
from airflow_provider_versioned.filesystem.errors import PathIsDirectoryError, PathNotFoundError, ReadOnlyError
from airflow_provider_versioned.filesystem.names import SCHEME, PathName, split_url
from airflow_provider_versioned.filesystem.options import StorageOptions
from airflow_provider_versioned.filesystem.target import Target, find_target
from airflow_provider_versioned.repository.errors import ConflictError

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_versioned.repository import Repository
    from airflow_provider_versioned.repository.routing import Side

_TRIES = 3  # while LATEST is overwritten between reading its record and its content
_OF_FSSPEC = frozenset(
    {"asynchronous", "batch_size", "listings_expiry_time", "loop", "max_paths", "use_listings_cache"}
)


class VersionedFileSystem(AbstractFileSystem):  # type: ignore[misc] # fsspec is published without types
    """Artifacts as files, read-only: ``{bucket}/{name}@{alias, number or LATEST}``.

    An alias is looked up each time that something is opened, and the open file stays what it was. A filesystem that was
    made from a URL (by pandas, ``fsspec.open`` and such) lives for one call; it looks each alias up once, so that a
    reader that opens the same path several times cannot mix two versions, and fetches each content once.

    Args:
        conn_id: Airflow connection of type ``aws``; what it says of prefix, table and suffix holds unless given here.
            None: boto3's own chain of credentials.
        s3_prefix: Key prefix of the repository.
        dynamodb_table_name: Table of the repository.
        suffix: What every S3 key ends in.
        expected_bucket_owner: AWS account that must own the bucket.
        endpoint_url: Another server than AWS, for S3 and DynamoDB.
        region_name: AWS region.
        profile_name: Profile of your AWS configuration.
        session: Makes the clients that are not given.
        s3_client: Ready client.
        dynamodb_client: Ready client.
        route_key: Where an alias is split, take the version that this key belongs to; None: the primary one.
        side: Where an alias is split, take this side, ``"primary"`` or ``"secondary"``.
        pinned: Look up each alias once in the life of this object, and keep what was fetched for as long.

    Raises:
        InvalidInputError: An option is unknown, or goes not with another.
    """

    protocol = SCHEME
    root_marker = ""
    cachable = False  # an object may hold aliases where it found them, and temporary files

    def __init__(
        self, *, route_key: str | bytes | None = None, side: Side | None = None, pinned: bool = False, **options: Any
    ) -> None:
        super().__init__(**{key: options.pop(key) for key in _OF_FSSPEC & options.keys()})
        self._options = StorageOptions.read(options)
        self._way: dict[str, Any] = {"route_key": route_key, "side": side}
        self._pinned = pinned
        self._lock = threading.Lock()
        self._repositories: dict[str, Repository] = {}
        self._pins: dict[tuple[Any, ...], Target] = {}
        self._kept: list[VerifiedContent] = []
        self._contents: weakref.WeakValueDictionary[tuple[str, str], VerifiedContent] = weakref.WeakValueDictionary()

    # -- names -----------------------------------------------------------------------------------------------------

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(entry) for entry in path]
        return split_url(str(path))[1].rstrip("/")

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, Any]:
        conn_id, _ = split_url(path)
        return {"pinned": True, **({} if conn_id is None else {"conn_id": conn_id})}

    def _repository(self, bucket: str) -> Repository:
        from airflow_provider_versioned.filesystem.repositories import open_repository  # noqa: PLC0415 -- loads AWS libraries

        with self._lock:
            if bucket not in self._repositories:
                self._repositories[bucket] = open_repository(self._options, bucket)
            return self._repositories[bucket]

    def _parse(self, path: str) -> tuple[Repository, PathName]:
        bucket = PathName.parse(path).bucket
        repository = self._repository(bucket)
        return repository, PathName.parse(path, repository.s3_prefix)

    def _target(self, path: str, options: dict[str, Any]) -> Target:
        repository, named = self._parse(path)
        if named.which is None:
            whole = named.format(repository.s3_prefix)
            raise PathIsDirectoryError(
                f"Path {path!r} names no version; add '@' and an alias, a number or LATEST, such as {whole}@LATEST.",
                path=path,
            )
        way = {key: options.get(key, value) for key, value in self._way.items()}
        if not self._pinned:
            return find_target(repository, named, **way)
        key = (named, *way.values())
        with self._lock:
            if key not in self._pins:
                self._pins[key] = find_target(repository, named, **way)
            return self._pins[key]

    # -- looking ---------------------------------------------------------------------------------------------------

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """Describe a file or a directory.

        Returns:
            Of a file ``name``, ``type``, ``size`` (None if the library ``versioned`` published it), ``artifact``,
            ``version``, ``sha256``, ``etag``, ``modified``, ``mtime``, ``s3uri``, and of an alias ``alias``,
            ``secondary_version``, ``secondary_version_weight``.

        Raises:
            PathNotFoundError: There is no such artifact, version or alias.
        """
        repository, named = self._parse(path)
        if named.which is not None:
            return self._target(path, options).info(named.format(repository.s3_prefix))
        if named.name and not self._has_any(repository, named.name):
            raise PathNotFoundError(f"Artifact {named.name!r} has no versions and no aliases.", path=path)
        return {"name": named.format(repository.s3_prefix), "type": "directory", "size": 0}

    @staticmethod
    def _has_any(repository: Repository, name: str) -> bool:
        return next(repository.iter_artifact_versions(name), None) is not None or bool(repository.list_aliases(name))

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        """List the artifacts of a repository, or the versions and aliases of an artifact.

        An alias whose name reads as a version is left out.

        Raises:
            PathNotFoundError: There is no such artifact, version or alias.
        """
        repository, named = self._parse(path)
        if named.which is not None:
            entries = [self.info(path, **options)]
        elif named.name:
            entries = self._list_artifact(repository, named)
        else:
            artifacts = [PathName(named.bucket, name) for name in repository.list_artifact_names()]
            names = [artifact.format(repository.s3_prefix) for artifact in artifacts]
            entries = [{"name": name, "type": "directory", "size": 0} for name in names]
        return entries if detail else [entry["name"] for entry in entries]

    @staticmethod
    def _list_artifact(repository: Repository, named: PathName) -> list[dict[str, Any]]:
        versions = {artifact.version: artifact for artifact in repository.iter_artifact_versions(named.name)}
        targets = {version: Target(artifact) for version, artifact in versions.items()}
        for alias in repository.list_aliases(named.name):
            if alias.version in versions:  # one that dangles, as only the library versioned leaves it, leads nowhere
                targets.setdefault(alias.alias, Target(versions[alias.version], alias))
        if not targets:
            raise PathNotFoundError(f"Artifact {named.name!r} has no versions and no aliases.", name=named.name)
        paths = {which: PathName(named.bucket, named.name, which) for which in targets}
        readable = [which for which, path in paths.items() if path.is_version == (targets[which].alias is None)]
        return [targets[which].info(paths[which].format(repository.s3_prefix)) for which in readable]

    def glob(self, path: str, maxdepth: int | None = None, **options: Any) -> Any:
        """List what fits a pattern: ``{bucket}/churn@*`` are the versions and aliases of an artifact."""
        folder, at, pattern = self._strip_protocol(path).rpartition("@")
        if not at or "/" in pattern or has_magic(folder) or not has_magic(pattern):
            return super().glob(path, maxdepth=maxdepth, **options)
        entries = self.ls(folder) if self.isdir(folder) else []
        found = {e["name"]: e for e in entries if fnmatchcase(e["name"].rpartition("@")[2], pattern)}
        return found if options.get("detail") else sorted(found)

    def exists(self, path: str, **options: Any) -> bool:
        """Tell whether there is such an artifact, version or alias; what cannot be found out is an error."""
        try:
            self.info(path, **options)
        except FileNotFoundError:
            return False
        return True

    def isfile(self, path: str) -> bool:
        """Tell whether there is such a version or alias; what cannot be found out is an error."""
        return self._is("file", path)

    def isdir(self, path: str) -> bool:
        """Tell whether there is such an artifact; what cannot be found out is an error."""
        return self._is("directory", path)

    def _is(self, kind: str, path: str) -> bool:
        try:
            return bool(self.info(path)["type"] == kind)
        except FileNotFoundError:
            return False

    def modified(self, path: str) -> datetime:
        """Return when the content was written, by the clock of S3."""
        moment: datetime = self.info(path)["modified"]
        return moment.astimezone(UTC)

    def ukey(self, path: str) -> str:
        """Return what changes with the content: its SHA-256."""
        return str(self.info(path)["sha256"])

    def pin(self, path: str, **options: Any) -> str:
        """Return the path of the version that a path leads to now, for readers that open it several times.

        Args:
            path: Path of an alias.
            options: ``route_key`` and ``side``, as for opening.
        """
        repository, named = self._parse(path)
        artifact = self._target(path, options).artifact
        return PathName(named.bucket, named.name, artifact.version).format(repository.s3_prefix)

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget where aliases pointed and what was fetched."""
        with self._lock:
            self._pins.clear()
            self._kept.clear()
        super().invalidate_cache(path)

    # -- reading ---------------------------------------------------------------------------------------------------

    def _open(self, path: str, mode: str = "rb", **options: Any) -> VerifiedFile:
        if mode != "rb":
            self._refuse(path)
        tries = 1 if self._pinned else _TRIES
        while True:
            target = self._target(path, options)
            tries -= 1
            try:
                return VerifiedFile(self._content(target), target.artifact, target.alias)
            except ConflictError:
                if not tries:
                    raise

    def _content(self, target: Target) -> VerifiedContent:
        """Fetch content, unless it is at hand already."""
        key = (target.artifact.s3uri, target.artifact.sha256)
        content = self._contents.get(key)
        if content is None:
            content = self._contents[key] = VerifiedContent(target.artifact)
            if self._pinned:
                self._kept.append(content)
        return content

    def get_file(self, rpath: str, lpath: Any, callback: Any = None, outfile: Any = None, **options: Any) -> None:
        """Write a version's content to a local file, which appears whole and verified or not at all."""
        if outfile is not None or callback is not None or not isinstance(lpath, str) or self.isdir(rpath):
            further = {} if callback is None else {"callback": callback}
            super().get_file(rpath, lpath, outfile=outfile, **further, **options)
            return
        Path(lpath).parent.mkdir(parents=True, exist_ok=True)
        self._target(rpath, options).artifact.download(lpath)

    # -- writing ---------------------------------------------------------------------------------------------------

    def _refuse(self, path: Any = "", *_: Any, **__: Any) -> NoReturn:
        raise ReadOnlyError(
            f"Writing to {str(path)!r} was refused: paths of artifacts are for reading, and a published version never "
            "changes; publish with PublishArtifactOperator or Repository.publish_artifact_version, and move an alias "
            "with PromoteAliasOperator or Repository.put_alias.",
            path=str(path),
        )

    def _refuse_second(self, _: Any, path: Any = "", *__: Any, **___: Any) -> NoReturn:
        self._refuse(path)

    mkdir = makedirs = rmdir = rm = rm_file = _rm = pipe_file = touch = _refuse
    cp_file = mv = put_file = _refuse_second
