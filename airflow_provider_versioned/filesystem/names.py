"""What a path names. Pure.

============================================  ==============================================================
``versioned://{bucket}``                      a directory: the artifacts of the repository
``versioned://{bucket}/{name}``               a directory: the versions and aliases of an artifact
``versioned://{bucket}/{name}@{alias}``       a file: the version that the alias points at
``versioned://{bucket}/{name}@7``, ``…@LATEST``  a file: that version
``versioned://{bucket}/{prefix}/{name}@…``    the same: the URI of an asset is a path, too
``versioned://{connection}@{bucket}/…``       the same, by an Airflow connection
============================================  ==============================================================

What follows the last ``@`` is a version if it is a number or ``LATEST``, else an alias. A name may have slashes. What
else would be misread is percent-encoded, as in the URIs of assets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from airflow_provider_versioned.filesystem.errors import PathNotFoundError
from airflow_provider_versioned.repository.inputs import LATEST

SCHEME = "versioned"
_NUMBER = re.compile(r"[0-9]+")
_SAFE = "/ "  # in a name; a blank needs no code, and people write it


def split_url(url: str) -> tuple[str | None, str]:
    """Return the connection that a URL names, if any, and the path within the filesystem."""
    path = url.removeprefix(f"{SCHEME}://").removeprefix(f"{SCHEME}:")
    host, slash, rest = path.strip("/").partition("/")
    conn_id, _, bucket = host.rpartition("@")
    return unquote(conn_id) or None, bucket + slash + rest


@dataclass(frozen=True)
class PathName:
    """What a path names.

    Attributes:
        name: Artifact; empty for the whole repository.
        which: Alias, number or LATEST; None: the artifact itself.
    """

    bucket: str
    name: str = ""
    which: str | None = None

    @property
    def is_version(self) -> bool:
        """Whether it names a version and no alias."""
        return self.which is not None and (self.which == LATEST or _NUMBER.fullmatch(self.which) is not None)

    @classmethod
    def parse(cls, path: str, prefix: str = "") -> PathName:
        """Read a path.

        Args:
            prefix: Prefix of the repository, which a path may begin with.

        Raises:
            PathNotFoundError: It can name nothing.
        """
        bucket, _, rest = split_url(path)[1].partition("/")
        if not bucket:
            raise PathNotFoundError(f"Path {path!r} names no bucket; write {SCHEME}://bucket/name@alias.", path=path)
        if "?" in rest or "#" in rest:
            raise PathNotFoundError(
                f"Path {path!r} has a '?' or '#', which no path has; give options as storage options, and write such a "
                "character of a name as %3F or %23.",
                path=path,
            )
        rest = rest.strip("/")
        if prefix and f"{rest}/".startswith(f"{prefix}/"):
            rest = rest[len(prefix) + 1 :]
        name, at, which = rest.rpartition("@")
        if not at or "/" in which:
            return cls(bucket, unquote(rest))
        if not name or not which:
            raise PathNotFoundError(
                f"Path {path!r} names no version; write {SCHEME}://{bucket}/name@alias, …@7 or …@{LATEST}.", path=path
            )
        return cls(bucket, unquote(name), unquote(which))

    def format(self, prefix: str = "") -> str:
        """Return the path, without the scheme; with the prefix where the name could be taken for it."""
        name = quote(self.name, safe=_SAFE)
        if prefix and f"{self.name}/".startswith(f"{prefix}/"):
            name = f"{quote(prefix, safe=_SAFE)}/{name}"
        which = "" if self.which is None else f"@{quote(self.which, safe='')}"
        return f"{self.bucket}/{name}{which}".rstrip("/")
