"""Every code block of README.md and of docs/ does what it says, on a real server, in the order of its page.

``docs/command-line.md`` is left to ``tests/cli/test_document.py``, which compares every answer, too.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import Repository
from tests.docs.pages import PAGES, Block, blocks_of
from tests.docs.reader import Reader, parse
from tests.docs.shelf import PLACE, empty, fill
from tests.servers import MINISTACK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Aws

BY_OTHERS = {"docs/command-line.md"}
WITH_CODE = [page for page in PAGES if page not in BY_OTHERS and any(b.why_not_run is None for b in blocks_of(page))]
FROM_NOTHING = {"README.md", "docs/quick-start.md"}


@pytest.fixture
def reader(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Reader:
    empty(aws)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "AIRFLOW_CONN_AWS_DEFAULT": aws.connection_json(PLACE),
        "AIRFLOW_CONN_MY-AWS": aws.connection_json(PLACE),
        "AWS_ENDPOINT_URL_S3": str(aws.s3_endpoint),
        "AWS_ENDPOINT_URL_DYNAMODB": str(aws.dynamodb_endpoint),
        "AWS_ACCESS_KEY_ID": str(aws.access_key),
        "AWS_SECRET_ACCESS_KEY": str(aws.secret_key),
        "VERSIONED_BUCKET": PLACE["s3_bucket"],
        "VERSIONED_PREFIX": PLACE["s3_prefix"],
        "VERSIONED_TABLE": PLACE["dynamodb_table_name"],
        "VERSIONED_SUFFIX": PLACE["suffix"],
        "VERSIONED_BY": "ann",
    }.items():
        monkeypatch.setenv(name, value)
    repository = Repository(**PLACE, s3_client=aws.s3, dynamodb_client=aws.dynamodb)
    if request.node.callspec.params["page"] not in FROM_NOTHING:
        fill(repository, tmp_path)
    return Reader(repository, tmp_path)


@pytest.mark.backends(MINISTACK)
@pytest.mark.parametrize("page", WITH_CODE)
def test_blocks_of_the_page_do_what_they_say(page: str, reader: Reader) -> None:
    for block in blocks_of(page):
        reader.read(block)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_the_page_has_a_language_that_is_parsed(page: str) -> None:
    for block in blocks_of(page):
        parse(block)


def test_a_block_that_is_wrong_is_found() -> None:
    for language, code in {"python": "a b", "bash": "if", "json": "{", "requirements": "a ==", "ini": "x"}.items():
        with pytest.raises(Exception):  # noqa: B017, PT011 -- each parser has its own
            parse(Block("page.md", 1, language, code, "it is wrong"))


def test_python_of_the_pages_names_every_import_that_a_dag_needs() -> None:
    for block in (block for page in PAGES for block in blocks_of(page) if block.is_dag):
        imported = {
            name.asname or name.name
            for node in ast.walk(ast.parse(block.code))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in node.names
        }
        assert imported & {"DAG", "dag"}, (block.page, block.line)
