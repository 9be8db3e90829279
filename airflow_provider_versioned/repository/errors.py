"""Every error of the package, in one tree, grouped by what the caller does next.

::

    VersionedError
    ├── NotFoundError (also LookupError)      wait for it, or name it right
    │   ├── ArtifactNotFoundError
    │   ├── AliasNotFoundError
    │   └── RolloutNotFoundError
    ├── ConflictError                         read again, then try again
    ├── InUseError                            move the alias away first
    ├── InvalidInputError (also ValueError)   fix the call
    │   ├── InvalidTypeError (also TypeError)
    │   └── WrongRepositoryError              the table serves another bucket, prefix or suffix
    ├── PartlyFailedError                     mend what it names, then repeat the call: what is done stays done
    ├── IntegrityError                        stop: the bytes differ from the record
    └── StorageError                          AWS said no, or nothing
        ├── StorageNotFoundError              create the bucket or table, or name it right
        ├── AccessDeniedError                 grant the permission, or give credentials
        └── StorageUnavailableError           try again later

A message is one sentence: what was asked, what was found, what to do. The facts in it are attributes too. All of them
pickle, because Airflow hands errors from one process to another.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any


class VersionedError(Exception):
    """Root of the tree; catches everything that this package raises on purpose.

    Args:
        message: The sentence that the user reads.
        facts: What the sentence says, by name; each becomes an attribute.
    """

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
        for fact, value in facts.items():
            setattr(self, fact, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from message and facts, so that the error survives a process boundary."""
        facts = {fact: _portable(value) for fact, value in self.facts.items()}
        return (_rebuild, (type(self), self.message, facts))


def _rebuild(cls: type[VersionedError], message: str, facts: dict[str, Any]) -> VersionedError:
    return cls(message, **facts)


def _portable(value: Any) -> Any:
    """Return a fact that any process can load; what a caller passed by mistake may not be such, so its repr goes."""
    if value is None or isinstance(value, (str, int, float, datetime)):
        return value
    if isinstance(value, (tuple, list)):
        return tuple(map(_portable, value))
    if isinstance(value, dict):
        return {str(key): _portable(entry) for key, entry in value.items()}
    return repr(value)


class NotFoundError(VersionedError, LookupError):
    """What was named does not exist, or is deleted."""


class ArtifactNotFoundError(NotFoundError):
    """No live version of that name and number."""


class AliasNotFoundError(NotFoundError):
    """No alias of that name."""


class RolloutNotFoundError(NotFoundError):
    """The alias has had no rollout, or none of that id."""


class ConflictError(VersionedError):
    """Somebody else changed the same thing; nothing of this call was applied."""


class InUseError(VersionedError):
    """An alias points at the version, so it cannot be deleted."""


class InvalidInputError(VersionedError, ValueError):
    """The call itself is wrong; nothing was written."""


class InvalidTypeError(InvalidInputError, TypeError):
    """An argument has the wrong type; nothing was written."""


class WrongRepositoryError(InvalidInputError):
    """The table belongs to a repository at another bucket, prefix or suffix; nothing was written."""


class PartlyFailedError(VersionedError):
    """Of several things done in one call some failed, and the others are done."""


class IntegrityError(VersionedError):
    """The bytes in S3 do not match the record; no caller was given them as good."""


class StorageError(VersionedError):
    """AWS refused the request for a reason that is not one of the subclasses."""


class StorageNotFoundError(StorageError):
    """The bucket or the table does not exist."""


class AccessDeniedError(StorageError):
    """The credentials are missing, expired or not allowed to do this."""


class StorageUnavailableError(StorageError):
    """AWS throttled, failed, or could not be reached; whether a write landed is unknown: repeat the call."""
