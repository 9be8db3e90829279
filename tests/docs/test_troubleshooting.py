"""docs/operations/troubleshooting.md knows every error class, and quotes messages that the code has."""

from __future__ import annotations

import re

import pytest

from airflow_provider_versioned.filesystem import errors as path_errors
from airflow_provider_versioned.repository import errors
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/operations/troubleshooting.md").read_text()
CLASSES = [
    name
    for module in (errors, path_errors)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, errors.VersionedError)
]
MESSAGES = re.findall(
    r"^\| (?!message|class|what |-|`)(.+?) \| .+ \|$", PAGE.split("## Without an error")[0], re.MULTILINE
)


def _sources() -> str:
    """Return the package's code with the pieces of each string put together."""
    code = "\n".join(path.read_text() for path in sorted((ROOT / "airflow_provider_versioned").rglob("*.py")))
    return re.sub(r'"\s*\n\s*f?"', "", code)


SOURCES = _sources()


def test_every_error_class_has_its_section() -> None:
    assert sorted(re.findall(r"^## (\w+Error)$", PAGE, re.MULTILINE)) == sorted(set(CLASSES))


@pytest.mark.parametrize("message", MESSAGES)
def test_message_of_the_page_is_one_of_the_code(message: str) -> None:
    pieces = [piece.strip(" ();") for piece in message.split("…")]
    for piece in pieces:
        assert piece in SOURCES, piece
    assert max(map(len, pieces)) > 8, message


def test_page_quotes_messages_of_many_kinds() -> None:
    assert len(MESSAGES) > 30
