"""That benchmarks count rightly; never what they measure."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any, cast

import pytest

from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook
from airflow_provider_versioned.repository import Repository
from benchmarks import report
from benchmarks.__main__ import NAMES
from benchmarks.process import peak, resident
from benchmarks.report import Table
from benchmarks.rows import of_both
from benchmarks.rows_alone import of_ours_alone
from benchmarks.seed import seed
from benchmarks.units import Units, item_size, units_of
from benchmarks.wire import watched
from tests.repository.library import Library
from tests.servers import DYNAMODB_LOCAL, MINISTACK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Aws, PlaceArguments


@pytest.mark.backends(MINISTACK)
def test_every_request_of_every_client_is_counted_with_its_bytes_and_units(
    aws: Aws, unique_place: PlaceArguments, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(aws, unique_place, monkeypatch)
    repository.publish_artifact_version("model", content=b"x" * 1000)
    repository.put_alias("model", "prod", 1)

    with watched() as traffic:
        repository.get_alias("model", "prod")
    assert traffic.operations == {"GetItem": 1}
    assert traffic.units == Units(reads=1)
    with watched() as traffic:
        repository.get_artifact_version("model", 1).get_content()
    assert traffic.operations == {"GetItem": 1, "S3 GET": 1}
    assert traffic.bytes_received > 1000
    with watched() as traffic:
        repository.put_alias("model", "prod", "LATEST")
    assert traffic.operations == {"TransactWriteItems": 1}
    assert traffic.units.writes == 10
    with watched() as traffic:
        library.get_alias("model", "prod")
    assert traffic.requests == 1
    with watched() as traffic:
        pass
    assert traffic.requests == 0


@pytest.mark.backends(MINISTACK)
def test_requests_of_asynchronous_clients_are_counted_too(
    aws: Aws, unique_place: PlaceArguments, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", aws.connection_json(unique_place))
    repository.publish_artifact_version("model", content=b"one")
    repository.put_alias("model", "prod", 1)

    with watched(delay_secs=0.001) as traffic:
        asyncio.run(VersionedRepositoryHook().afind_alias("model", "prod"))

    assert traffic.operations == {"GetItem": 1}
    assert traffic.bytes_received > 100


@pytest.mark.backends(DYNAMODB_LOCAL)
@pytest.mark.usefixtures("repository")
def test_units_are_those_that_amazons_own_engine_reports(aws: Aws, unique_place: PlaceArguments) -> None:
    def ask(params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    dynamodb = aws.new_dynamodb()
    dynamodb.meta.events.register("provide-client-params.dynamodb", ask)
    asking = Repository(**unique_place, s3_client=aws.s3, dynamodb_client=dynamodb)

    with watched() as publishing:
        for number in range(5):
            asking.publish_artifact_version("model", content=str(number).encode(), published_by="x" * 200)
    with watched() as reading:
        asking.put_artifact("model", b"new")
        asking.list_artifact_versions("model")
        asking.protect("model", 5)

    for traffic in (publishing, reading):
        ours = {operation: units.reads + units.writes for operation, units in traffic.units_by_operation.items()}
        # The local engine gives away what is not found, which in the region costs as the least that is. And of a
        # transaction of more than three items it reports a part, so those of publishing are compared.
        assert traffic.reported.pop("BatchGetItem", 0) <= ours.pop("BatchGetItem", 0)
        assert traffic.reported.pop("Query", 0) <= ours.pop("Query", 0) <= 4
        assert traffic.reported == {operation: units for operation, units in ours.items() if units}
    assert set(publishing.reported) == {"TransactWriteItems", "UpdateItem"}


def test_items_are_as_large_as_dynamodb_says() -> None:
    assert item_size({}) == 0
    assert item_size({"pk": {"S": "model"}, "ö": {"S": "€"}}) == 2 + 5 + 2 + 3
    assert item_size({"n": {"N": "-123.45"}, "b": {"BOOL": True}, "s": {"SS": ["prod", "test"]}}) == 5 + 2 + 9


@pytest.mark.parametrize(
    ("operation", "request_", "answer", "expected"),
    [
        ("GetItem", {"ConsistentRead": True}, {}, Units(reads=1)),
        ("GetItem", {}, {"Item": {"a": {"S": "x" * 5000}}}, Units(reads=1)),
        ("Query", {"ConsistentRead": True}, {"Items": [{"a": {"S": "x" * 3000}}] * 3}, Units(reads=3)),
        ("PutItem", {"Item": {"a": {"S": "x" * 1500}}}, {}, Units(writes=2)),
        ("TransactWriteItems", {"TransactItems": [{"Update": {}}, {"ConditionCheck": {}}]}, {}, Units(writes=4)),
        (
            "BatchWriteItem",
            {"RequestItems": {"t": [{"DeleteRequest": {}}, {"PutRequest": {"Item": {"a": {"S": "x" * 1500}}}}]}},
            {},
            Units(writes=3),
        ),
        ("S3 PUT", {}, {}, Units()),
    ],
)
def test_units_follow_amazons_rules(
    operation: str, request_: dict[str, Any], answer: dict[str, Any], expected: Units
) -> None:
    assert units_of(operation, request_, answer) == expected


def test_dollars_are_those_of_a_million() -> None:
    assert Units(reads=8e6, writes=8e6).dollars == pytest.approx(6)


@pytest.mark.backends(MINISTACK)
def test_seeded_artifacts_are_like_published_ones(
    aws: Aws, unique_place: PlaceArguments, repository: Repository
) -> None:
    seed(aws, unique_place, ["a", "b"], 30)

    assert repository.list_artifact_names() == ["a", "b"]
    assert [artifact.version for artifact in repository.list_artifact_versions("b")] == [
        "LATEST",
        *map(str, range(30, 0, -1)),
    ]
    assert len(repository.plan_purge("a", 10, 0).to_purge) == 20


def test_tables_stand_where_a_document_wants_them(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- bench: one -->\nold\n<!-- /bench -->\nafter\n")
    (tmp_path / "other.md").write_text("nothing")
    table = Table(("what", "ours", "ratio"), [("requests", 1234567, 0.05), ("nothing", None, 12.345)], "Title", "Note.")

    for _ in range(2):
        assert report.write("one", [table], "make bench", tmp_path) == [document]

    text = document.read_text()
    assert text.startswith(
        "before\n<!-- bench: one -->\n\n**Title**\n\n| what | ours | ratio |\n| --- | ---: | ---: |\n"
        "| requests | 1,234,567 | 0.05 |\n| nothing |  | 12.3 |\n\nNote.\n\n`make bench`, "
    )
    assert text.endswith("\n\n<!-- /bench -->\nafter\n")
    assert text.count("requests") == 1


def test_every_table_of_the_documents_comes_from_a_benchmark() -> None:
    documents = [document.read_text() for document in report.DOCS.glob("*.md")]
    wanted = {line for text in documents for line in text.splitlines() if line.startswith("<!-- bench: ")}

    assert wanted == {f"<!-- bench: {name} -->" for name in NAMES}


def small(*names: str) -> str:
    """Run benchmarks in little, in a process of their own, since they take the environment for themselves."""
    command = [sys.executable, "-m", "benchmarks", *names, "--small", "--dry-run"]
    return subprocess.run(command, cwd=report.DOCS.parent, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.backends(MINISTACK)
@pytest.mark.usefixtures("aws")  # says whether there are servers here
def test_benchmarks_of_records_run_in_little() -> None:
    written = small("operations", "sizes", "growth", "threads", "costs")

    for title in ("Beside `versioned`", "Content in memory", "The same at any number", "Listing", "Threads at once"):
        assert f"**{title}" in written
    assert "What an operation costs" in written


@pytest.mark.backends(DYNAMODB_LOCAL)
@pytest.mark.usefixtures("aws")  # as above
def test_benchmark_of_large_content_runs_in_little() -> None:
    assert "**Large content**" in small("content")


@pytest.mark.backends(MINISTACK)
@pytest.mark.usefixtures("aws")  # once is enough
def test_benchmark_of_mapped_tasks_runs_in_little() -> None:
    assert "**A run of 3 mapped tasks under LocalExecutor**" in small("mapped")


def test_operations_that_are_measured_are_all_that_there_are() -> None:
    public = {name for name in dir(Repository) if not name.startswith("_") and callable(getattr(Repository, name))}
    request_only = {"alias_request", "alias_from_response"}  # send nothing
    made_of_others = {"outcome", "paced"}  # a context manager around record_outcome, and this repository with a pace

    measured = {row.method for row in (*of_both(cast("Aws", None)), *of_ours_alone())}

    assert measured == public - request_only - made_of_others


def test_memory_at_its_peak_is_seen_after_it_was_given_back() -> None:
    before = resident()
    block = bytearray(64 * 1024**2)
    block[:] = b"x" * len(block)
    del block

    assert peak() - before > 60 * 1024**2
