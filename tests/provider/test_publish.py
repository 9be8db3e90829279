"""PublishArtifactOperator: what it publishes, and that it does so once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from airflow.sdk import ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.io import attach
from botocore.exceptions import ReadTimeoutError
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_versioned.operators import PublishArtifactOperator
from airflow_provider_versioned.repository.errors import NotFoundError, StorageUnavailableError
from airflow_provider_versioned.task.identity import task_key
from tests.servers import MOTO

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun
    from tests.servers import Aws, PlaceArguments

pytestmark = pytest.mark.backends(MOTO)


def publish(**arguments: Any) -> PublishArtifactOperator:
    """Make the operator."""
    return PublishArtifactOperator(task_id="publish", name="model", **arguments)


def versions(repository: Repository) -> list[str]:
    """Return the numbers of the live versions, newest first."""
    return [artifact.version for artifact in repository.list_artifact_versions("model") if artifact.version != "LATEST"]


@pytest.mark.parametrize(
    ("content", "stored"), [("text é", "text é".encode()), (b"\x00bytes", b"\x00bytes"), ("", b"")]
)
def test_content_given_in_the_dag_is_published(
    connection: Repository, run: FakeRun, content: str | bytes, stored: bytes
) -> None:
    result = run.execute(publish(content=content))

    assert connection.get_artifact_version("model", 1).get_content() == stored
    assert result == connection.get_artifact_version("model", 1).to_dict()
    assert run.xcoms["publish", "version"] == "1"


def test_every_kind_of_source_is_published_with_its_bytes(
    connection: Repository, run: FakeRun, tmp_path: Path, aws: Aws, unique_place: PlaceArguments
) -> None:
    bucket = unique_place["s3_bucket"]
    file = tmp_path / "a file"
    attach("memory", fs=MemoryFileSystem())
    sources: dict[str, Any] = {
        "path": file,
        "string": str(file),
        "uri": file.as_uri(),
        "s3": f"s3://{bucket}/elsewhere/a?b",
        "s3 of a connection": f"s3://aws_default@{bucket}/elsewhere/a?b",
        "object storage": ObjectStoragePath(f"file://{file}"),
        "other protocol": ObjectStoragePath("memory://folder/file"),
    }
    for number, (kind, source) in enumerate(sources.items(), start=1):
        content = kind.encode() * 1000
        file.write_bytes(content)
        aws.s3.put_object(Bucket=bucket, Key="elsewhere/a?b", Body=content)
        ObjectStoragePath("memory://folder/file").write_bytes(content)

        run.execute(publish(source=source))

        assert connection.get_artifact_version("model", number).get_content() == content, kind


def test_arguments_are_rendered_whatever_their_type(tmp_path: Path) -> None:
    name = "{{ params.name }}"
    path = ObjectStoragePath(f"file://{tmp_path}/{name}")
    operator = PublishArtifactOperator(
        task_id="publish", name=name, content=b"{{ kept }}", source=path, tags={"t": name}
    )

    operator.render_template_fields({"params": {"name": "model"}})

    assert (operator.name, operator.content, operator.tags) == ("model", b"{{ kept }}", {"t": "model"})
    assert str(operator.source) == f"file://{tmp_path}/model"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/no/such/file", "No such file"),
        ("s3://{bucket}/missing", "Reading source 's3://"),
        ("s3://{bucket}", "must name a bucket and a key"),
        ("memory://no/such/file", "cannot be read"),
    ],
)
def test_source_that_cannot_be_read_is_named_and_nothing_is_published(
    connection: Repository, run: FakeRun, unique_place: PlaceArguments, source: str, words: str
) -> None:
    with pytest.raises(Exception, match=words):
        run.execute(publish(source=source.format(bucket=unique_place["s3_bucket"])))

    assert connection.list_artifact_versions("model") == []


@pytest.mark.usefixtures("connection")
def test_source_of_a_missing_connection_is_refused(run: FakeRun) -> None:
    with pytest.raises(NotFoundError, match="Connection 'other' does not exist"):
        run.execute(publish(source="s3://bucket/key", source_conn_id="other"))


def test_content_and_source_together_fail_for_good(connection: Repository, run: FakeRun) -> None:
    with pytest.raises(AirflowFailException, match="Both content and source='x' were given for 'model'; give one"):
        run.execute(publish(content="y", source="x"))

    assert connection.list_artifact_names() == []


def test_neither_content_nor_source_publishes_latest_with_its_metadata(
    connection: Repository, run: FakeRun, aws: Aws, unique_place: PlaceArguments
) -> None:
    connection.put_artifact("model", b"draft", "text/plain", {"made": "by hand"})

    result = run.execute(publish(source="None"))

    assert connection.get_artifact_version("model", 1).get_content() == b"draft"
    stored = aws.s3.head_object(Bucket=unique_place["s3_bucket"], Key=result["s3uri"].split("/", 3)[3])
    assert (stored["ContentType"], stored["Metadata"]["made"]) == ("text/plain", "by hand")


def test_content_type_metadata_and_tags_reach_the_object(
    connection: Repository, run: FakeRun, aws: Aws, unique_place: PlaceArguments
) -> None:
    result = run.execute(publish(content="x", content_type="a/b", metadata={"k": "v"}, tags={"team": "ml"}))

    place = {"Bucket": unique_place["s3_bucket"], "Key": result["s3uri"].split("/", 3)[3]}
    assert aws.s3.head_object(**place)["ContentType"] == "a/b"
    assert aws.s3.get_object_tagging(**place)["TagSet"] == [{"Key": "team", "Value": "ml"}]


@pytest.mark.parametrize("if_changed", [True, "false"])
def test_retry_returns_the_version_of_the_first_try(connection: Repository, run: FakeRun, if_changed: object) -> None:
    first = run.execute(publish(content="one", if_changed=if_changed))
    connection.publish_artifact_version("model", content=b"somebody else's")

    second = run.execute(publish(content="one", if_changed=if_changed), try_number=2)

    assert second == first
    assert versions(connection) == ["2", "1"]


def test_retry_after_a_lost_reply_returns_the_version_that_landed(connection: Repository, run: FakeRun) -> None:
    operator, after_commit = publish(content="one"), "after-call.dynamodb"

    def lose_reply(parsed: dict[str, Any], **_: Any) -> None:
        landed = operator.hook.s3_client.list_objects_v2(Bucket=connection.s3_bucket).get("KeyCount", 0)
        if landed and "CancellationReasons" not in parsed:
            raise ReadTimeoutError(endpoint_url="http://aws")

    operator.hook.dynamodb_client.meta.events.register(after_commit, lose_reply)
    with pytest.raises(StorageUnavailableError):
        run.execute(operator)
    assert versions(connection) == ["1"]

    assert run.execute(publish(content="one"), try_number=2)["version"] == "1"
    assert versions(connection) == ["1"]


def test_mapped_tasks_and_other_runs_are_other_publishers(connection: Repository, run: FakeRun) -> None:
    operator = publish(content="same", if_changed=False)

    results = [run.execute(operator, map_index=index) for index in (0, 1, 0)]
    run.run_id = "run-2"
    results.append(run.execute(operator, map_index=0))

    assert [result["version"] for result in results] == ["1", "2", "1", "3"]
    assert connection.get_artifact_version("model", 2).published_by == "airflow:dag/run-1/publish[1]"


def test_cleared_task_with_other_bytes_publishes_a_new_version(connection: Repository, run: FakeRun) -> None:
    run.execute(publish(content="one"))
    run.clear_number = 1

    assert run.execute(publish(content="one"), try_number=2)["version"] == "1"
    assert run.execute(publish(content="two"), try_number=3)["version"] == "2"
    assert versions(connection) == ["2", "1"]


def test_log_says_when_the_same_task_comes_again_with_other_bytes(
    connection: Repository, run: FakeRun, log_lines: list[str]
) -> None:
    for content in ("one", "two", "one", "three"):
        run.execute(publish(content=content, if_changed=False))

    said = [line.partition(", as ")[2].partition(";")[0] for line in log_lines if "other bytes before" in line]
    assert said == ["version 1 of 'model'", "version 2 of 'model'", "version 1, 2 of 'model'"]
    key = task_key(run.context("publish"))
    assert connection.list_published_under("model", key) == ["1", "2", "3"]


def test_log_says_whether_a_version_was_made(connection: Repository, run: FakeRun, log_lines: list[str]) -> None:
    operator = publish(content="one")

    run.execute(operator)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5)):
        run.execute(operator, try_number=2)
    run.run_id = "run-2"
    run.execute(operator)

    sha256 = connection.get_artifact_version("model").sha256
    assert log_lines[0] == f"Version 1 of 'model' is published, 3 bytes, sha256 {sha256}."
    assert log_lines[1].startswith("Version 1 of 'model' was published by an earlier try of this task at ")
    assert log_lines[2].startswith(
        "Version 1 of 'model' has these bytes already, published by airflow:dag/run-1/publish at "
    )
