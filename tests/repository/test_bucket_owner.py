"""The expected owner of the bucket: on every request to S3, and a bucket of another account is refused.

No server here looks at it (MiniStack, SeaweedFS and moto answer whatever it says), so the requests are looked at, and a
stand-in refuses as S3 does (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html).
"""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import (
    AccessDeniedError,
    InUseError,
    InvalidInputError,
    Repository,
    VersionedError,
)
from tests.repository.operations import CALLS, EVERYWHERE, STATES, TAGS, Stage
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.model import OperationModel

    from tests.repository.store import Store
    from tests.repository.traffic import Traffic
    from tests.servers import Aws, PlaceArguments

OURS, THEIRS = "123456789012", "999999999999"
PART = 5 * 1024**2  # the smallest that S3 takes
COPIES = {"CopyObject", "UploadPartCopy"}


def watched(traffic: Traffic, aws: Aws, place: PlaceArguments, owner: str = OURS) -> Repository:
    """Return a repository that expects an owner, on watched clients."""
    s3, dynamodb = aws.new_s3(), aws.new_dynamodb()
    traffic.watch(s3, dynamodb)
    return Repository(**place, s3_client=s3, dynamodb_client=dynamodb, expected_bucket_owner=owner)


def owners(traffic: Traffic) -> Iterator[tuple[str, str | None, str | None]]:
    """Return which owners the requests to S3 named: of the bucket, and of the bucket that is copied from."""
    for operation, request in zip(traffic.operations, traffic.requests, strict=True):
        if "X-Amz-Target" not in request.headers:
            yield operation, _header(request, "expected-bucket-owner"), _header(request, "source-expected-bucket-owner")


def _header(request: AWSPreparedRequest, name: str) -> str | None:
    value = request.headers.get(f"x-amz-{name}")
    return value.decode() if isinstance(value, bytes) else value


def expected(operation: str) -> tuple[str, str | None, str | None]:
    """Return what a request must name."""
    return operation, None if operation == "CreateBucket" else OURS, OURS if operation in COPIES else None


@pytest.mark.backends(MINISTACK)
def test_every_operation_names_the_owner_in_every_request_to_s3(aws: Aws, store: Store, traffic: Traffic) -> None:
    stage, repository = Stage.set_up(store), watched(traffic, aws, store.place)
    further = [("sweep_artifact", "upload begun"), ("sweep_artifact", "orphan"), ("repair", "publish committed")]
    for operation, state in [*((operation, "published") for operation in CALLS if operation != "purge_all"), *further]:
        name = f"{operation}-{state}".replace(" ", "-")
        STATES[state](stage, name)
        for call in CALLS[operation]:
            with suppress(VersionedError):  # which the state is good for
                call(repository, name)
    EVERYWHERE["verify"](repository)
    with suppress(InUseError):  # what was protected
        repository.purge_all()

    seen = list(owners(traffic))
    assert seen == [expected(operation) for operation, _, _ in seen]
    asked = {"AbortMultipartUpload", "CopyObject", "DeleteObject", "DeleteObjects", "GetObject", "HeadObject"}
    assert asked | {"ListMultipartUploads", "ListObjectsV2", "PutObject"} <= {operation for operation, _, _ in seen}


@pytest.mark.backends(MINISTACK)
def test_uploads_and_copies_in_parts_name_the_owner(
    aws: Aws, repository: Repository, unique_place: PlaceArguments, traffic: Traffic, small_parts: int
) -> None:
    assert repository.s3_bucket

    mine = watched(traffic, aws, unique_place)
    mine.publish_artifact_version("large", content=b"x" * (small_parts + 1), tags=TAGS)
    mine.put_artifact("large", b"y" * (small_parts + 1))
    mine.publish_artifact_version("large")

    seen = list(owners(traffic))
    assert seen == [expected(operation) for operation, _, _ in seen]
    parts = {"CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"}
    assert parts <= {operation for operation, _, _ in seen}


@pytest.mark.backends(MOTO, MINISTACK)
def test_bootstrap_names_the_owner_in_every_request_but_the_one_that_makes_the_bucket(
    aws: Aws, unique_place: PlaceArguments, traffic: Traffic
) -> None:
    watched(traffic, aws, unique_place).bootstrap(**aws.bootstrap_arguments, bucket_versioning=True)

    seen = list(owners(traffic))
    assert seen == [expected(operation) for operation, _, _ in seen]
    made = [operation for operation, _, _ in seen].index("CreateBucket")
    assert seen[made + 1] == ("HeadBucket", OURS, None)


def test_no_owner_is_named_unless_one_is_expected(
    aws: Aws, repository: Repository, unique_place: PlaceArguments, traffic: Traffic
) -> None:
    assert repository.list_artifact_names() == []
    traffic.repository(aws, unique_place).publish_artifact_version("model", content=b"one")

    assert {(owner, source) for _, owner, source in owners(traffic)} == {(None, None)}


class AccountOf:
    """Stands before a client and refuses, as S3 does, what names another owner than that of a bucket that exists."""

    def __init__(self, owner: str, *, exists: bool = True) -> None:
        self._owner = owner
        self._exists = exists

    def stand_before(self, client: Any) -> None:
        client.meta.events.register("before-call.s3", self._judge)

    def _judge(self, model: OperationModel, params: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]] | None:
        self._exists = self._exists or model.name == "CreateBucket"
        if not self._exists or params["headers"].get("x-amz-expected-bucket-owner", self._owner) == self._owner:
            return None
        said = {"Code": "403", "Message": "Forbidden"}
        if model.http["method"] != "HEAD":
            said = {"Code": "AccessDenied", "Message": "Access Denied"}
        return SimpleNamespace(status_code=403), {"Error": said, "ResponseMetadata": {"HTTPStatusCode": 403}}


def test_bucket_of_another_account_is_refused_and_nothing_is_written(
    aws: Aws, store: Store, repository: Repository
) -> None:
    repository.publish_artifact_version("model", content=b"one")
    record = repository.get_artifact_version("model", 1)
    s3 = aws.new_s3()
    AccountOf(THEIRS).stand_before(s3)
    mine = Repository(**store.place, s3_client=s3, dynamodb_client=aws.dynamodb, expected_bucket_owner=OURS)

    before = store.objects()
    for call in (
        lambda: mine.put_artifact("model", b"two"),
        mine.list_artifact_names,
        lambda: mine.open_content(record),
        lambda: list(mine.verify("model")),
        lambda: mine.bootstrap(**aws.bootstrap_arguments),
    ):
        with pytest.raises(AccessDeniedError, match=f"belongs to account {OURS} \\(expected_bucket_owner\\)"):
            call()
    assert store.objects() == before
    assert repository.get_artifact_version("model").get_content() == b"one"

    same = Repository(**store.place, s3_client=s3, dynamodb_client=aws.dynamodb, expected_bucket_owner=THEIRS)
    assert same.get_artifact_version("model", 1).get_content() == b"one"
    # The caller's own client asks nothing of anybody.
    assert s3.head_bucket(Bucket=store.bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.backends(MOTO)
def test_new_bucket_of_another_account_than_expected_is_refused(aws: Aws, unique_place: PlaceArguments) -> None:
    s3 = aws.new_s3()
    AccountOf(THEIRS, exists=False).stand_before(s3)
    mine = Repository(**unique_place, s3_client=s3, dynamodb_client=aws.dynamodb, expected_bucket_owner=OURS)

    with pytest.raises(AccessDeniedError, match=f"belongs to account {OURS}"):
        mine.bootstrap(block_public_access=False, default_encryption=False)


@pytest.mark.parametrize("owner", ["12345678901", "1234567890123", "account", "", "12345678901x"])
def test_what_is_no_account_is_refused(owner: str) -> None:
    with pytest.raises(InvalidInputError, match="twelve digits"):
        Repository("bucket", expected_bucket_owner=owner)


def test_account_as_a_number_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="expected_bucket_owner must be a string"):
        Repository("bucket", expected_bucket_owner=123456789012)  # type: ignore[arg-type] # that is the point
