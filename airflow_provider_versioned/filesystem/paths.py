"""``versioned://`` for universal_pathlib, on which Airflow's ``ObjectStoragePath`` stands.

Its general class would do but for two things: it joins what a directory lists to the directory's own path, and the
versions of ``churn`` are ``churn@7`` and not ``churn/churn@7``; and it would hold each alias where it first found it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from upath import UPath

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class VersionedPath(UPath):
    """A path to an artifact or to one of its versions."""

    __slots__ = ()

    @classmethod
    def _parse_storage_options(cls, urlpath: Any, protocol: str, storage_options: Mapping[str, Any]) -> dict[str, Any]:
        options = super()._parse_storage_options(urlpath, protocol, storage_options)
        return {key: value for key, value in options.items() if key != "pinned" or key in storage_options}

    def iterdir(self) -> Iterator[VersionedPath]:
        """Yield the artifacts of a repository, or the versions and aliases of an artifact."""
        if not self.fs.isdir(self.path):
            raise NotADirectoryError(str(self))
        for name in self.fs.ls(self.path, detail=False):
            yield self.with_segments(f"{self.protocol}://{name}")
