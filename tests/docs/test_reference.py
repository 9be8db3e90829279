"""docs/reference/ shows every public name, and every page is in the table of contents."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import PAGES, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "airflow_provider_versioned"
PUBLIC = (
    "assets",
    "filesystem",
    "gates",
    "hooks",
    "operators",
    "repository",
    "repository.judges",
    "rollout",
    "sensors",
    "triggers",
)
_DIRECTIVE = re.compile(r"^\.\. auto(class|module):: (\S+)((?:\n   :\S.*)*)", re.MULTILINE)


def shown() -> Iterator[str]:
    """Name what the directives of the reference show."""
    for page in (ROOT / "docs/reference").glob("*.md"):
        for kind, target, options in _DIRECTIVE.findall(page.read_text()):
            if kind == "class":
                yield target.rpartition(".")[2]
                continue
            module = import_module(target)
            names = getattr(module, "__all__", None) or vars(module)
            yield from (
                name
                for name in names
                if "imported-members" in options or getattr(getattr(module, name), "__module__", None) == target
            )


@pytest.fixture(scope="module")
def names_shown() -> set[str]:
    return set(shown())


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_in_the_reference(module: str, names_shown: set[str]) -> None:
    public = set(import_module(f"{PACKAGE}.{module}").__all__)
    assert public
    assert public <= names_shown


def test_every_page_is_in_the_table_of_contents_once() -> None:
    trees = re.findall(r"```\{toctree\}\n(.*?)```", (ROOT / "docs/index.md").read_text(), re.DOTALL)
    listed = [line for tree in trees for line in tree.splitlines() if line and not line.startswith(":")]
    pages = [page.removeprefix("docs/").removesuffix(".md") for page in PAGES if page.startswith("docs/")]
    assert sorted(listed) == sorted(
        {"decisions/*", *(p for p in pages if not p.startswith("decisions/") and p != "index")}
    )
