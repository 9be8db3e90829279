"""The errors of paths: those of the repository, which callers of a filesystem also know by Python's own names."""

from __future__ import annotations

import io

from airflow_provider_versioned.repository.errors import InvalidInputError, NotFoundError


class PathNotFoundError(NotFoundError, FileNotFoundError):
    """No such artifact, version or alias."""


class PathIsDirectoryError(InvalidInputError, IsADirectoryError):
    """The path names an artifact and none of its versions."""


class ReadOnlyError(InvalidInputError, io.UnsupportedOperation):
    """Nothing is written through a path."""
