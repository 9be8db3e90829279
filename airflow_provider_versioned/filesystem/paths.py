"""``versioned://`` for universal_pathlib, on which Airflow's ``ObjectStoragePath`` stands.

Its general class would do but for two things: it joins what a directory lists to the directory's own path, and the
versions of ``churn`` are ``churn@7`` and not ``churn/churn@7``; and it would hold each alias where it first found it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsspec import filesystem, get_filesystem_class
from upath import UPath

from airflow_provider_versioned.filesystem.names import SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_versioned.filesystem.versioned import VersionedFileSystem


# universal_pathlib takes a path apart by the rules of its filesystem, if that is loaded, and else by other ones.
get_filesystem_class(SCHEME)


class VersionedPath(UPath):
    """A path to an artifact or to one of its versions."""

    __slots__ = ()

    @property
    def fs(self) -> VersionedFileSystem:
        """The filesystem, which looks an alias up each time that something is opened."""
        if not hasattr(self, "_fs_cached"):
            self._fs_cached: VersionedFileSystem = filesystem(
                self.protocol, **{**self.storage_options, "pinned": False}
            )
        return self._fs_cached

    def iterdir(self) -> Iterator[VersionedPath]:
        """Yield the artifacts of a repository, or the versions and aliases of an artifact."""
        if not self.fs.isdir(self.path):
            raise NotADirectoryError(str(self))
        for name in self.fs.ls(self.path, detail=False):
            yield self.with_segments(f"{self.protocol}://{name}")
