"""Which exit code says what: one table, from the error tree to the codes, from which the docs are made too."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_versioned.repository.errors import (
    ConflictError,
    IntegrityError,
    InUseError,
    InvalidInputError,
    NotFoundError,
    StorageError,
    StorageUnavailableError,
    VersionedError,
)


@dataclass(frozen=True)
class Exit:
    """One exit code.

    Attributes:
        meaning: For the docs.
        errors: The errors that end in it, each with those below it in the tree that no other row names.
    """

    code: int
    meaning: str
    errors: tuple[type[VersionedError], ...] = ()


OK = Exit(0, "Done; also when there was nothing to do.")
UNEXPECTED = Exit(1, "An error that nobody foresaw; `--debug` shows where.", (VersionedError,))
USAGE = Exit(
    2,
    "The command itself is wrong: an option, a name, a version, a file, the table of another repository, or a "
    "confirmation that nobody can be asked for.",
    (InvalidInputError,),
)
NOT_FOUND = Exit(3, "The artifact, version, alias or rollout does not exist.", (NotFoundError,))
CONFLICT = Exit(
    4,
    "Somebody else changed the same thing, an alias uses the version, or part of an approved plan could not be applied "
    "any more.",
    (ConflictError, InUseError),
)
INTEGRITY = Exit(5, "The bytes are not those of the record, or findings remain.", (IntegrityError,))
STORAGE = Exit(6, "AWS refused: bucket or table missing, access denied, no credentials.", (StorageError,))
UNAVAILABLE = Exit(7, "AWS is overloaded or cannot be reached: try again later.", (StorageUnavailableError,))
DECLINED = Exit(8, "The question was not answered with yes; nothing was done.")
INTERRUPTED = Exit(130, "Ctrl-C; what had been sent may have landed, and the same command takes it up.")
BROKEN_PIPE = Exit(141, "Whoever read the output stopped reading it, as `head` does.")

EXITS = (
    OK,
    UNEXPECTED,
    USAGE,
    NOT_FOUND,
    CONFLICT,
    INTEGRITY,
    STORAGE,
    UNAVAILABLE,
    DECLINED,
    INTERRUPTED,
    BROKEN_PIPE,
)
_CODE_OF = {error: entry.code for entry in EXITS for error in entry.errors}


def code_for(error: BaseException) -> int:
    """Return the exit code of an error: that of the nearest class above it that the table names."""
    return next((_CODE_OF[cls] for cls in type(error).__mro__ if cls in _CODE_OF), UNEXPECTED.code)
