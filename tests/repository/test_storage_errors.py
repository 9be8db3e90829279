"""What a user reads when AWS says no, or nothing: one sentence with the thing and the way out; no harm is done."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import IncompleteReadError, ReadTimeoutError

from airflow_provider_versioned.repository import (
    AccessDeniedError,
    Repository,
    StorageError,
    StorageNotFoundError,
    StorageUnavailableError,
)
from scripts.server_process import free_ports
from tests.repository.library import our_view
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.repository.store import Store
    from tests.repository.traffic import Traffic

SECRETS = ("AKIDACCESSKEY", "verysecretkey", "verysecrettoken")
WAYS_OUT = ("check the", "grant the permission", "try again", "give a session", "set region_name")

OPERATIONS: dict[str, tuple[str, Callable[[Repository], object]]] = {
    "put": ("Putting 'model'", lambda repository: repository.put_artifact("model", b"new")),
    "publish": ("Publishing 'model'", lambda repository: repository.publish_artifact_version("model")),
    "publish content": (
        "Publishing 'model'",
        lambda repository: repository.publish_artifact_version("model", content=b"new"),
    ),
    "put_alias": ("Moving alias 'prod' of 'model'", lambda repository: repository.put_alias("model", "prod", 2)),
    "get version": (
        "Reading version LATEST of 'model'",
        lambda repository: repository.get_artifact_version("model"),
    ),
    "get_alias": ("Reading alias 'prod' of 'model'", lambda repository: repository.get_alias("model", "prod")),
    "purge": (
        "Listing the versions of 'model'",
        lambda repository: repository.purge_artifact_versions("model", 0, 0),
    ),
    "delete": ("Listing the aliases of 'model'", lambda repository: repository.delete_artifact_version("model", 2)),
}
ANSWERS_OF_DYNAMODB: list[tuple[int, str, type[StorageError]]] = [
    (400, "AccessDeniedException", AccessDeniedError),
    (400, "ExpiredTokenException", AccessDeniedError),
    (400, "UnrecognizedClientException", AccessDeniedError),
    (400, "ResourceNotFoundException", StorageNotFoundError),
    (400, "ProvisionedThroughputExceededException", StorageUnavailableError),
    (400, "ThrottlingException", StorageUnavailableError),
    (500, "InternalServerError", StorageUnavailableError),
    (503, "Whatever", StorageUnavailableError),
]
ANSWERS_OF_S3: list[tuple[int, str, type[StorageError]]] = [
    (403, "AccessDenied", AccessDeniedError),
    (400, "ExpiredToken", AccessDeniedError),
    (403, "InvalidAccessKeyId", AccessDeniedError),
    (404, "NoSuchBucket", StorageNotFoundError),
    (503, "SlowDown", StorageUnavailableError),
    (500, "InternalError", StorageUnavailableError),
    (400, "EntityTooLarge", StorageError),
]


@pytest.fixture
def filled(repository: Repository) -> Repository:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("model", content=content)
    repository.put_alias("model", "prod", 1)
    return repository


def on_credentials(store: Store, traffic: Traffic) -> Repository:
    """Return a repository that is used already, with credentials that can be told, watched."""
    session = boto3.Session(*SECRETS, region_name=store.aws.region)
    s3, dynamodb = session.client("s3"), session.client("dynamodb")
    traffic.watch(s3, dynamodb)
    return Repository(**store.place, s3_client=s3, dynamodb_client=dynamodb)


def assert_helpful(error: StorageError, asked: str, thing: str) -> None:
    """Assert that a message is one sentence with operation, thing and way out, and no credential."""
    message = str(error)
    assert message.startswith(f"{asked} failed: ")
    assert thing in message
    assert message.endswith(".")
    assert "\n" not in message
    assert not [secret for secret in SECRETS if secret in message + repr(error.facts)]
    assert str(pickle.loads(pickle.dumps(error))) == message  # noqa: S301 -- our own bytes
    if type(error) is not StorageError:
        assert any(way in message for way in WAYS_OUT)


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_of_dynamodb_becomes_its_error_and_writes_nothing(
    filled: Repository, store: Store, traffic: Traffic, operation: str
) -> None:
    asked, act = OPERATIONS[operation]
    disturbed = on_credentials(store, traffic)
    for status, code, error_class in ANSWERS_OF_DYNAMODB:
        traffic.answers = {"*": (status, code, "said the server")}
        with store.unchanged(), pytest.raises(StorageError) as caught:
            act(disturbed)
        assert type(caught.value) is error_class, code
        assert caught.value.facts["code"] == code
        assert_helpful(caught.value, asked, f"table '{store.table}'")
    assert filled.get_alias("model", "prod").version == "1"


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize(
    ("operation", "request_name"), [("put", "PutObject"), ("publish", "CopyObject"), ("publish content", "PutObject")]
)
def test_every_answer_of_s3_becomes_its_error_and_shows_nothing(
    filled: Repository, store: Store, traffic: Traffic, operation: str, request_name: str
) -> None:
    asked, act = OPERATIONS[operation]
    disturbed = on_credentials(store, traffic)
    seen, objects = our_view(filled, "model"), store.objects()
    for status, code, error_class in ANSWERS_OF_S3:
        traffic.answers = {request_name: (status, code, "said the server")}
        with pytest.raises(StorageError) as caught:
            act(disturbed)
        assert type(caught.value) is error_class, code
        assert caught.value.facts["operation"] == request_name
        assert_helpful(caught.value, asked, f"bucket '{store.bucket}'")
        assert our_view(filled, "model") == seen
        assert store.objects() == objects
    traffic.answers.clear()
    act(disturbed)  # the way is free as soon as AWS allows it
    assert our_view(filled, "model") != seen


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize(("status", "error_class"), [(403, AccessDeniedError), (503, StorageUnavailableError)])
def test_head_without_a_body_becomes_its_error(
    filled: Repository, store: Store, traffic: Traffic, status: int, error_class: type[StorageError]
) -> None:
    disturbed = on_credentials(store, traffic)
    store.aws.dynamodb.update_item(  # as the library leaves it, so that S3 is asked for the ETag
        TableName=store.table, Key={"pk": {"S": "model"}, "sk": {"S": "LATEST"}}, UpdateExpression="REMOVE etag"
    )
    traffic.answers = {"HeadObject": (status, "", "")}

    with pytest.raises(error_class) as caught:
        disturbed.publish_artifact_version("model")
    assert_helpful(caught.value, "Publishing 'model'", f"bucket '{store.bucket}'")
    assert filled.list_artifact_versions("model")


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.backends(MOTO)
def test_missing_table_is_named_with_the_way_out_and_nothing_is_put(store: Store, operation: str) -> None:
    store.aws.dynamodb.update_table(TableName=store.table, DeletionProtectionEnabled=False)
    store.aws.dynamodb.delete_table(TableName=store.table)
    asked, act = OPERATIONS[operation]

    with pytest.raises(StorageNotFoundError, match=r"or create it with Repository\.bootstrap\(\)") as caught:
        act(store.reopened())
    assert_helpful(caught.value, asked, f"table '{store.table}'")
    assert store.keys() == []


@pytest.mark.backends(MOTO, MINISTACK)  # SeaweedFS makes a bucket that is missing
@pytest.mark.parametrize("operation", ["put", "publish content"])
def test_missing_bucket_is_named_with_the_way_out_and_nothing_is_visible(store: Store, operation: str) -> None:
    store.aws.s3.delete_bucket(Bucket=store.bucket)
    asked, act = OPERATIONS[operation]

    with pytest.raises(StorageNotFoundError, match=r"or create it with Repository\.bootstrap\(\)") as caught:
        act(store.reopened())
    assert_helpful(caught.value, asked, f"bucket '{store.bucket}'")
    make_again: dict[str, Any] = dict(store.aws.bootstrap_arguments)
    store.reopened().bootstrap(**make_again)
    assert store.reopened().list_artifact_versions("model") == []
    act(store.reopened())
    assert store.reopened().get_artifact_version("model").get_content() == b"new"


def test_missing_table_of_an_empty_account_is_named(store: Store) -> None:
    other = Repository(
        store.bucket, dynamodb_table_name="nothing-here", s3_client=store.aws.s3, dynamodb_client=store.aws.dynamodb
    )

    with pytest.raises(StorageNotFoundError, match="table 'nothing-here' does not exist"):
        other.get_alias("model", "prod")


def test_no_credentials_are_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    repository = Repository("bucket", dynamodb_table_name="table")

    for asked, act in OPERATIONS.values():
        with pytest.raises(AccessDeniedError, match="no usable AWS credentials were found") as caught:
            act(repository)
        assert_helpful(caught.value, asked, "table 'table'")
    with pytest.raises(AccessDeniedError) as caught:
        repository.list_artifact_names()
    assert_helpful(caught.value, "Listing artifact names", "bucket 'bucket'")


def test_no_region_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    repository = Repository("bucket", dynamodb_table_name="table")

    for act in (lambda: repository.get_alias("model", "prod"), repository.bootstrap):
        with pytest.raises(StorageError, match=r"no AWS region is known for .*; set region_name or AWS_DEFAULT_REGION"):
            act()


def test_unknown_profile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(StorageError, match="nobody"):
        Repository("bucket", dynamodb_table_name="table").get_alias("model", "prod")


def unreachable(service: str) -> Any:
    """Return a client of a server that is not there."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=2)
    (port,) = free_ports(1)
    session: Any = boto3.Session("test", "test", region_name="us-east-1")
    return session.client(service, endpoint_url=f"http://127.0.0.1:{port}", config=config)


@pytest.mark.backends(MOTO)
def test_unreachable_dynamodb_is_told_and_nothing_is_put(store: Store) -> None:
    repository = Repository(**store.place, s3_client=store.aws.s3, dynamodb_client=unreachable("dynamodb"))

    for asked, act in OPERATIONS.values():
        with store.unchanged(), pytest.raises(StorageUnavailableError, match="could not be reached") as caught:
            act(repository)
        assert_helpful(caught.value, asked, f"table '{store.table}'")


@pytest.mark.backends(MOTO)
def test_unreachable_s3_is_told_by_everything_that_needs_it(filled: Repository, store: Store) -> None:
    cut_off = Repository(**store.place, s3_client=unreachable("s3"), dynamodb_client=store.aws.dynamodb)
    seen = our_view(filled, "model")
    needs: dict[str, Callable[[], object]] = {
        "Putting 'model'": lambda: cut_off.put_artifact("model", b"new"),
        "Publishing 'model'": lambda: cut_off.publish_artifact_version("model"),
        "Reading 'model' version 1": lambda: cut_off.get_artifact_version("model", 1).get_content(),
        "Listing artifact names": cut_off.list_artifact_names,
        "Purging all artifacts": cut_off.purge_all,
    }

    for asked, act in needs.items():
        with pytest.raises(StorageUnavailableError, match="could not be reached") as caught:
            act()
        assert_helpful(caught.value, asked, f"bucket '{store.bucket}'")
    assert our_view(filled, "model") == seen
    assert cut_off.get_alias("model", "prod").version == "1"  # what needs no S3 goes on
    with pytest.raises(StorageUnavailableError):
        cut_off.purge_artifact("model")
    filled.purge_artifact("model")
    assert store.keys() == []


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize(
    "fault",
    [IncompleteReadError(actual_bytes=1, expected_bytes=3), ReadTimeoutError(endpoint_url="http://127.0.0.1")],
)
def test_connection_lost_in_the_middle_of_content_can_be_tried_again(
    filled: Repository, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    version = filled.get_artifact_version("model", 1)

    def cut(*_: object) -> bytes:
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr("botocore.response.StreamingBody.read", cut)
        patched.setattr("botocore.response.StreamingBody.readinto", cut)
        with pytest.raises(StorageUnavailableError, match="Reading 'model' version 1 failed"):
            version.get_content()
    assert version.get_content() == b"one"
