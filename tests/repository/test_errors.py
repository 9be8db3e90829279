"""Errors: one tree, sentences with facts, whole after a journey between processes."""

from __future__ import annotations

import inspect
import pickle
from datetime import UTC, datetime

import pytest

from airflow_provider_versioned import repository
from airflow_provider_versioned.repository import errors, inputs
from airflow_provider_versioned.repository.errors import InvalidInputError, VersionedError

ALL = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, VersionedError) and member.__module__ == errors.__name__
]
FACTS = {
    "name": "model",
    "version": "7",
    "at": datetime(2026, 11, 1, tzinfo=UTC),
    "aliases": ("prod",),
    "nothing": None,
}


@pytest.mark.parametrize("error_class", ALL)
def test_error_pickled_comes_back_with_message_and_facts(error_class: type[VersionedError]) -> None:
    error = pickle.loads(pickle.dumps(error_class("It failed; do this.", **FACTS)))  # noqa: S301 -- our own bytes

    assert type(error) is error_class
    assert str(error) == error.message == "It failed; do this."
    assert error.facts == FACTS
    assert {name: getattr(error, name) for name in FACTS} == FACTS


@pytest.mark.parametrize("error_class", ALL)
def test_error_is_told_in_the_tree_of_the_module_and_exported(error_class: type[VersionedError]) -> None:
    assert error_class.__name__ in str(errors.__doc__)
    assert getattr(repository, error_class.__name__) is error_class
    assert inspect.getdoc(error_class)


@pytest.mark.parametrize(
    ("error_class", "base"),
    [
        (errors.ArtifactNotFoundError, errors.NotFoundError),
        (errors.AliasNotFoundError, errors.NotFoundError),
        (errors.NotFoundError, LookupError),
        (errors.InvalidInputError, ValueError),
        (errors.InvalidTypeError, errors.InvalidInputError),
        (errors.InvalidTypeError, TypeError),
        (errors.WrongRepositoryError, errors.InvalidInputError),
        (errors.StorageNotFoundError, errors.StorageError),
        (errors.AccessDeniedError, errors.StorageError),
        (errors.StorageUnavailableError, errors.StorageError),
    ],
)
def test_error_is_caught_by_what_the_caller_does_next(error_class: type, base: type) -> None:
    assert issubclass(error_class, base)


@pytest.mark.parametrize(
    "error_class", [errors.ConflictError, errors.InUseError, errors.IntegrityError, errors.StorageError]
)
def test_error_of_the_state_is_no_builtin_error(error_class: type) -> None:
    assert not issubclass(error_class, (LookupError, ValueError, TypeError, OSError))


@pytest.mark.parametrize("wrong", [lambda: None, (number for number in range(2)), {1}, object()])
def test_error_about_an_argument_that_cannot_be_pickled_is_pickled(wrong: object) -> None:
    with pytest.raises(InvalidInputError) as caught:
        inputs.check_new_name(wrong)  # type: ignore[arg-type] # the mistake under test

    error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 -- our own bytes
    assert str(error) == str(caught.value)
    assert isinstance(error.name, str)


def test_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = repository.Nothing


def test_every_public_name_can_be_loaded() -> None:
    assert all(getattr(repository, name).__name__ == name for name in repository.__all__)
