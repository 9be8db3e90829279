"""No secret in logs, XComs, links, asset events, errors, representations, or in what Airflow's database keeps.

The connection holds secrets that can be told from everything else; whatever an operation leaves is searched for them.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.hooks import VersionedRepositoryHook
from airflow_provider_versioned.links import DynamoDBItemLink, S3ObjectLink
from airflow_provider_versioned.operators import (
    DownloadArtifactOperator,
    PromoteAliasOperator,
    PublishArtifactOperator,
    PurgeVersionsOperator,
    RollbackAliasOperator,
)
from airflow_provider_versioned.repository.alias_wait import AliasCondition
from airflow_provider_versioned.repository.errors import InvalidTypeError, StorageError, VersionedError
from airflow_provider_versioned.sensors import AliasVersionSensor
from airflow_provider_versioned.triggers import AliasVersionTrigger
from scripts.server_process import free_ports
from tests.repository.traffic import Traffic
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun, Ran
    from tests.servers import Aws, PlaceArguments

TI: Any = None  # our links need no key of a task instance
SECRETS = ("AKIASENTINELSENTINEL", "sentinel-secret-key", "sentinel-session-token", "sentinel-password")
KEY_ID, SECRET_KEY, TOKEN, PASSWORD = SECRETS


def found_in(*texts: object) -> list[str]:
    """Return the secrets that a text has."""
    whole = "\n".join(text.decode(errors="replace") if isinstance(text, bytes) else str(text) for text in texts)
    return [secret for secret in SECRETS if secret in whole]


def told(error: BaseException) -> str:
    """Return all that a log would have of an error, its causes and facts included."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(pickle.dumps(error))


@pytest.fixture
def secretive(connection: Repository, aws: Aws, unique_place: PlaceArguments, monkeypatch: pytest.MonkeyPatch) -> str:
    """The connection ``aws_default`` with secrets of its own."""
    stored = json.loads(aws.connection_json(unique_place))
    stored |= {"login": KEY_ID, "password": SECRET_KEY}
    stored["extra"]["aws_session_token"] = TOKEN
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(stored))
    return connection.s3_bucket


@pytest.mark.backends(MOTO)
@pytest.mark.usefixtures("secretive")
def test_operators_leave_no_secret(run: FakeRun, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.DEBUG, "airflow_provider_versioned")
    named: dict[str, Any] = {"name": "model"}
    operators = [
        PublishArtifactOperator(task_id="publish", content="one", **named),
        PublishArtifactOperator(task_id="again", content="two", **named),
        PromoteAliasOperator(task_id="promote", alias="prod", version=1, **named),
        PromoteAliasOperator(task_id="move", alias="prod", version=2, **named),
        DownloadArtifactOperator(task_id="download", alias="prod", path=str(tmp_path / "model"), **named),
        RollbackAliasOperator(task_id="back", alias="prod", **named),
        PurgeVersionsOperator(task_id="purge", keep_last_n=0, older_than=0, **named),
        AliasVersionSensor(task_id="wait", alias="prod", **named),
    ]
    results = [run.execute(operator) for operator in operators]

    links = [
        link.get_link(operator, ti_key=TI) for operator in operators for link in (S3ObjectLink(), DynamoDBItemLink())
    ]
    assert all((run.xcoms, run.events, any(links)))
    hook = VersionedRepositoryHook()
    kept = [results, links, run.xcoms, run.events, caplog.text, hook.identity, hook.repository, hook, hook.place]
    assert found_in(*kept, *(vars(operator) for operator in operators)) == []
    assert hook.get_connection("aws_default").password == SECRET_KEY


@pytest.mark.backends(MOTO)
@pytest.mark.usefixtures("secretive")
def test_failing_operators_tell_no_secret(run: FakeRun, tmp_path: Path) -> None:
    for operator in (
        DownloadArtifactOperator(task_id="absent", name="model", version=1, path=str(tmp_path / "model")),
        PublishArtifactOperator(task_id="no_bucket", name="model", content="x", s3_bucket="no-such-bucket"),
        PromoteAliasOperator(
            task_id="no_table", name="m", alias="prod", version=1, dynamodb_table_name="no-such-table"
        ),
        PublishArtifactOperator(task_id="no_name", name="no name", content="x"),
    ):
        with pytest.raises(Exception, match=r".") as failed:
            run.execute(operator)
        assert found_in(told(failed.value)) == []


@pytest.mark.backends(MOTO)
@pytest.mark.usefixtures("secretive")
def test_deferred_task_hands_no_secret_to_its_trigger() -> None:
    trigger = AliasVersionTrigger(name="model", alias="prod", condition=AliasCondition(version="1").to_dict())

    assert found_in(trigger.serialize(), trigger, vars(trigger)) == []


@pytest.mark.backends(MINISTACK)
@pytest.mark.usefixtures("secretive")
def test_dag_runs_leave_no_secret_in_logs_and_in_the_database(
    run_dag: Callable[..., Ran], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    ran = run_dag("mapped", names=["model"])  # publishes, promotes, purges
    waited = run_dag("wait_in_vain_softly", name="model", version="9")  # deferred, then given up

    assert (ran.state, waited.tasks["wait"]) == ("success", "skipped")
    captured = capfd.readouterr()
    assert found_in(captured.out, captured.err, caplog.text, ran.xcoms, waited.xcoms) == []
    home = Path(os.environ["AIRFLOW_HOME"])
    kept = [path for path in home.rglob("*") if path.is_file() and path.suffix in {".db", ".db-wal", ".log"}]
    assert any(path.suffix == ".db" for path in kept)
    assert [path for path in kept if found_in(path.read_bytes())] == []


CANONICAL = (
    "The request signature we calculated does not match the signature you provided. Check your key.\n\nThe Canonical "
    f"String for this request should have been\n'POST\n/\n\nhost:dynamodb\nx-amz-security-token:{TOKEN}\n'"
)


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        ("GetItem", "InvalidSignatureException", CANONICAL),
        ("HeadBucket", "403", "Forbidden"),
        ("PutObject", "SignatureDoesNotMatch", CANONICAL),
        ("PutObject", "InvalidToken", f"The token is malformed: x-amz-security-token: {TOKEN}"),
    ],
)
def test_answers_of_aws_tell_no_secret(
    operation: str, code: str, message: str, repository: Repository, aws: Aws, unique_place: PlaceArguments
) -> None:
    assert repository.s3_bucket
    traffic = Traffic(answers={operation: (403, code, message)})
    mine = traffic.repository(aws, unique_place)

    with pytest.raises(VersionedError) as failed:
        mine.put_artifact("model", b"one") if operation != "HeadBucket" else mine.bootstrap()
    assert isinstance(failed.value, StorageError)
    assert found_in(told(failed.value)) == []
    assert "credentials" in str(failed.value)
    assert "request signature we calculated does not match" in str(failed.value) or code not in message


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_endpoint_with_a_password_is_told_without_it(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = f"{scheme}://user:{PASSWORD}@127.0.0.1:{free_ports(1)[0]}"
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1", "config_kwargs": {"retries": {"max_attempts": 0}}}
    stored = {"conn_type": "aws", "login": KEY_ID, "password": SECRET_KEY, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(stored))
    hook = VersionedRepositoryHook(s3_bucket="bucket")

    good, sentence = hook.test_connection()
    with pytest.raises(StorageError) as failed:
        hook.repository.put_artifact("model", b"one")

    assert not good
    assert f"{scheme}://***@127.0.0.1" in sentence
    assert found_in(sentence, told(failed.value)) == []


def test_secret_in_the_wrong_place_of_the_connection_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"service_config": {"versioned": {"s3_bucket": "bucket", "suffix": [PASSWORD]}}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws", "extra": extra}))

    with pytest.raises(InvalidTypeError, match="'suffix' is a list; write it in quotes") as refused:
        _ = VersionedRepositoryHook().repository
    assert found_in(told(refused.value)) == []
