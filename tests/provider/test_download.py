"""DownloadArtifactOperator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_versioned.operators import DownloadArtifactOperator
from airflow_provider_versioned.repository.errors import AliasNotFoundError, ArtifactNotFoundError, NotFoundError
from tests.servers import MOTO

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun
    from tests.servers import Aws

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def split_alias(connection: Repository) -> Repository:
    """Versions 1 and 2, and alias ``prod`` split between them; LATEST is a third."""
    for content in (b"one", b"two"):
        connection.publish_artifact_version("model", content=content)
    connection.put_artifact("model", b"draft")
    connection.put_alias("model", "prod", 1, 2, 99)
    return connection


def download(path: object, **arguments: Any) -> DownloadArtifactOperator:
    """Make the operator."""
    return DownloadArtifactOperator(task_id="download", name="model", path=path, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("which", "content"),
    [
        ({}, b"draft"),
        ({"version": "LATEST"}, b"draft"),
        ({"version": " ", "alias": "None"}, b"draft"),
        ({"version": 1}, b"one"),
        ({"version": "2"}, b"two"),
        ({"alias": "prod"}, b"one"),
        ({"alias": "prod", "route": "secondary"}, b"two"),
    ],
)
def test_chosen_version_is_written_into_new_folders(
    split_alias: Repository, run: FakeRun, tmp_path: Path, which: dict[str, Any], content: bytes
) -> None:
    path = tmp_path / "new" / "folder" / "file"

    result = run.execute(download(path, **which))

    assert path.read_bytes() == content
    assert (result["path"], result["size"], result.get("alias")) == (
        str(path),
        len(content),
        {"prod": "prod"}.get(which.get("alias", "")),
    )
    assert result["sha256"] == split_alias.get_artifact_version("model", result["version"]).sha256


def test_random_route_draws_by_weight(split_alias: Repository, run: FakeRun, tmp_path: Path) -> None:
    operator = download(tmp_path / "file", alias="prod", route="random")

    drawn = [run.execute(operator)["version"] for _ in range(12)]
    split_alias.put_alias("model", "prod", 1, 2, 0)
    never = [run.execute(operator)["version"] for _ in range(3)]

    assert drawn.count("2") > 6  # 99 %: fewer would happen once in a billion runs
    assert set(never) == {"1"}


def test_key_route_is_the_alias_own(split_alias: Repository, run: FakeRun, tmp_path: Path) -> None:
    alias = split_alias.put_alias("model", "prod", 1, 2, 50)
    for number in range(8):
        operator = download(tmp_path / "file", alias="prod", route="key", route_key=f"customer-{number}")
        assert run.execute(operator)["version"] == alias.route(f"customer-{number}")
    assert {alias.route(f"customer-{number}") for number in range(8)} == {"1", "2"}


@pytest.mark.parametrize(
    ("which", "error", "words"),
    [
        ({"version": 9}, ArtifactNotFoundError, "Version 9 of artifact 'model' does not exist"),
        ({"alias": "none"}, AliasNotFoundError, "no alias 'none'"),
        ({"alias": "prod", "version": 1}, AirflowFailException, "give one of them"),
        (
            {"alias": "prod", "route": "both"},
            AirflowFailException,
            "route must be one of primary, secondary, random, key",
        ),
        ({"alias": "prod", "route": "key"}, AirflowFailException, "route='key' and route_key belong together"),
        ({"alias": "prod", "route_key": "customer-1"}, AirflowFailException, "belong together, got route='primary'"),
        ({"version": "1.5"}, AirflowFailException, "Version '1.5' is not allowed"),
    ],
)
@pytest.mark.usefixtures("split_alias")
def test_choice_that_cannot_be_met_is_an_error_and_writes_no_file(
    run: FakeRun, tmp_path: Path, which: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        run.execute(download(tmp_path / "file", **which))

    assert list(tmp_path.iterdir()) == []


def test_secondary_route_without_a_secondary_version_is_an_error(
    split_alias: Repository, run: FakeRun, tmp_path: Path
) -> None:
    split_alias.put_alias("model", "prod", 1)

    with pytest.raises(NotFoundError, match="has no secondary version to download; use route='primary'"):
        run.execute(download(tmp_path / "file", alias="prod", route="secondary"))


def test_damaged_content_fails_for_good_and_leaves_no_file(
    split_alias: Repository, run: FakeRun, tmp_path: Path, aws: Aws
) -> None:
    bucket, key = split_alias.get_artifact_version("model", 1).s3uri.removeprefix("s3://").split("/", 1)
    aws.s3.put_object(Bucket=bucket, Key=key, Body=b"eno")

    with pytest.raises(AirflowFailException, match=r"[Cc]ontent|bytes|sha256"):
        run.execute(download(tmp_path / "file", version=1))

    assert list(tmp_path.iterdir()) == []
