"""Making a repository: in any region, any number of times, protected, and never over somebody else's table."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import (
    InvalidInputError,
    Repository,
    StorageError,
    StorageUnavailableError,
)
from tests.repository.store import Store
from tests.servers import DYNAMODB_LOCAL, MOTO, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.repository.traffic import Traffic
    from tests.servers import Aws, PlaceArguments

PROTECTION = ["block_public_access", "default_encryption", "point_in_time_recovery", "deletion_protection"]


@pytest.fixture
def bare(aws: Aws, unique_place: PlaceArguments) -> Store:
    """A place where nothing exists yet."""
    return Store(aws, unique_place)


def make_bucket(store: Store) -> None:
    store.aws.s3.create_bucket(Bucket=store.bucket)


def make_table(store: Store, **keys: str) -> None:
    """Make a table with an attribute of a type for each key, in the order HASH, RANGE."""
    kinds = zip(keys, ("HASH", "RANGE"), strict=False)
    store.aws.dynamodb.create_table(
        TableName=store.table,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in kinds],  # type: ignore[typeddict-item] # plain strings
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in keys.items()],  # type: ignore[typeddict-item] # as above
        BillingMode="PAY_PER_REQUEST",
    )


def bucket_exists(store: Store) -> bool:
    return store.bucket in {bucket["Name"] for bucket in store.aws.s3.list_buckets()["Buckets"]}


def table_exists(store: Store) -> bool:
    return store.table in store.aws.dynamodb.list_tables()["TableNames"]


def settings(store: Store) -> dict[str, Any]:
    """Return the protective settings as they stand."""
    s3, dynamodb = store.aws.s3, store.aws.dynamodb

    def read(what: Callable[..., Any], *path: str, **arguments: Any) -> Any:
        try:
            value = what(**arguments)
        except s3.exceptions.ClientError:
            return None
        for step in path:
            value = value.get(step, {})
        return value or None

    recovery = ("ContinuousBackupsDescription", "PointInTimeRecoveryDescription", "PointInTimeRecoveryStatus")
    return {
        "block_public_access": read(s3.get_public_access_block, "PublicAccessBlockConfiguration", Bucket=store.bucket),
        "default_encryption": read(
            s3.get_bucket_encryption, "ServerSideEncryptionConfiguration", "Rules", Bucket=store.bucket
        ),
        "bucket_versioning": read(s3.get_bucket_versioning, "Status", Bucket=store.bucket),
        "point_in_time_recovery": read(dynamodb.describe_continuous_backups, *recovery, TableName=store.table)
        == "ENABLED",
        "deletion_protection": read(
            dynamodb.describe_table, "Table", "DeletionProtectionEnabled", TableName=store.table
        )
        is True,
    }


def test_bootstrap_makes_bucket_table_and_mark(bare: Store) -> None:
    bare.reopened().bootstrap(**bare.aws.bootstrap_arguments)

    table = bare.aws.dynamodb.describe_table(TableName=bare.table)["Table"]
    keys = [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]]
    assert keys == [("pk", "HASH"), ("sk", "RANGE")]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert bucket_exists(bare)
    assert bare.items() == {
        ("__repository", "marker"): {
            "pk": {"S": "__repository"},
            "sk": {"S": "marker"},
            "s3_bucket": {"S": bare.bucket},
            "s3_prefix": {"S": "artifacts"},
            "suffix": {"S": ".bin"},
        }
    }


def test_bootstrap_repeated_changes_nothing(bare: Store, traffic: Traffic) -> None:
    bare.reopened().bootstrap(**bare.aws.bootstrap_arguments)
    bare.reopened().put_artifact("model", b"content")
    before = settings(bare)

    again = traffic.repository(bare.aws, bare.place)
    with bare.unchanged():
        sent = traffic.of(lambda: again.bootstrap(**bare.aws.bootstrap_arguments))
    assert settings(bare) == before
    writes = [operation for operation in sent if operation.startswith(("Create", "Update", "Put"))]
    assert writes == ["PutItem"]  # the mark, on condition that there is none


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("settings_on", [True, False])
@pytest.mark.parametrize("setting", PROTECTION)
def test_bootstrap_sets_what_is_on_and_leaves_what_is_off(bare: Store, setting: str, *, settings_on: bool) -> None:
    chosen = {name: (name == setting) is settings_on for name in PROTECTION}
    bare.reopened().bootstrap(**chosen, bucket_versioning=settings_on, kms_key_id=None)

    found = settings(bare)
    assert {name: bool(found[name]) for name in PROTECTION} == chosen
    assert found["bucket_versioning"] == ("Enabled" if settings_on else None)


@pytest.mark.backends(MOTO)
def test_bootstrap_blocks_all_public_access_and_encrypts_by_default(bare: Store) -> None:
    bare.reopened().bootstrap()

    found = settings(bare)
    assert set(found["block_public_access"].values()) == {True}
    assert len(found["block_public_access"]) == 4
    assert found["default_encryption"][0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert found["point_in_time_recovery"]
    assert found["deletion_protection"]
    assert found["bucket_versioning"] is None


@pytest.mark.backends(MOTO)
def test_bootstrap_leaves_the_settings_of_a_person_alone(bare: Store) -> None:
    make_bucket(bare)
    kms = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "our-key"}}]}
    bare.aws.s3.put_bucket_encryption(Bucket=bare.bucket, ServerSideEncryptionConfiguration=kms)  # type: ignore[arg-type] # plain strings
    partial = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    bare.aws.s3.put_public_access_block(Bucket=bare.bucket, PublicAccessBlockConfiguration=partial)  # type: ignore[arg-type] # as above
    before = settings(bare)

    bare.reopened().bootstrap()
    found = settings(bare)
    assert found["default_encryption"] == before["default_encryption"]
    assert found["block_public_access"] == partial


def test_bootstrap_with_capacity_makes_a_provisioned_table(bare: Store) -> None:
    bare.reopened().bootstrap(3, 4, **bare.aws.bootstrap_arguments)

    units = bare.aws.dynamodb.describe_table(TableName=bare.table)["Table"]["ProvisionedThroughput"]
    assert (units["WriteCapacityUnits"], units["ReadCapacityUnits"]) == (3, 4)


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize(
    "units", [(1, None), (None, 1), (0, 1), (1, 0), (-1, -1), (True, True), (1.5, 1.5), ("1", "1")]
)
def test_bootstrap_with_half_or_no_capacity_is_refused_and_makes_nothing(bare: Store, units: Any) -> None:
    with pytest.raises(InvalidInputError, match="apacity units"):
        bare.reopened().bootstrap(*units)
    assert not table_exists(bare)
    assert not bucket_exists(bare)


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("region", ["us-east-1", "us-west-2", "eu-central-1", "ap-southeast-3"])
def test_bootstrap_names_every_region_but_the_first(bare: Store, traffic: Traffic, region: str) -> None:
    session = bare.aws.session()
    s3, dynamodb = session.client("s3", region_name=region), session.client("dynamodb", region_name=region)
    traffic.watch(s3, dynamodb)
    Repository(**bare.place, s3_client=s3, dynamodb_client=dynamodb).bootstrap()

    request: Any = traffic.requests[traffic.operations.index("CreateBucket")]
    named = f"<LocationConstraint>{region}</LocationConstraint>".encode() in (request.body or b"")
    assert named is (region != "us-east-1")
    assert bucket_exists(bare)


@pytest.mark.parametrize("keys", [{"id": "S"}, {"pk": "S"}, {"pk": "S", "sk": "N"}, {"sk": "S", "pk": "S"}])
def test_bootstrap_on_a_table_with_other_keys_is_refused_and_makes_nothing(bare: Store, keys: dict[str, str]) -> None:
    make_table(bare, **keys)

    with pytest.raises(InvalidInputError, match="name another table"):
        bare.reopened().bootstrap(**bare.aws.bootstrap_arguments)
    assert not bucket_exists(bare)
    assert bare.aws.dynamodb.scan(TableName=bare.table)["Count"] == 0
    assert not bare.aws.dynamodb.describe_table(TableName=bare.table)["Table"].get("DeletionProtectionEnabled")


def test_bootstrap_adopts_bucket_and_table_that_are_there(bare: Store) -> None:
    make_bucket(bare)
    make_table(bare, pk="S", sk="S")
    bare.put_version("app", "000001")
    bare.put_object("other/file", b"content")

    bare.reopened().bootstrap(**bare.aws.bootstrap_arguments)
    assert [artifact.version for artifact in bare.reopened().list_artifact_versions("app")] == ["1"]
    assert bare.keys() == ["other/file"]


@pytest.mark.backends(*TRANSACTIONAL)
def test_bootstrap_by_two_at_once_succeeds_for_both(bare: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        repositories = [bare.reopened() for _ in range(4)]
        done = [pool.submit(repository.bootstrap, **bare.aws.bootstrap_arguments) for repository in repositories]
        assert [future.result() for future in done] == [None] * 4

    assert settings(bare)["deletion_protection"]
    assert len(bare.items()) == 1


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("CreateBucket", "OperationAborted"),
        ("PutPublicAccessBlock", "OperationAborted"),
        ("PutBucketEncryption", "OperationAborted"),
        ("UpdateTable", "ResourceInUseException"),
        ("UpdateContinuousBackups", "ContinuousBackupsUnavailableException"),
    ],
)
def test_bootstrap_waits_while_aws_is_busy_with_what_was_just_made(
    bare: Store, traffic: Traffic, monkeypatch: pytest.MonkeyPatch, operation: str, code: str
) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            traffic.answers.clear()

    monkeypatch.setattr("airflow_provider_versioned.repository.bootstrap.Bootstrap.__init__.__defaults__", (wait,))
    traffic.answers = {operation: (400, code, "busy")}
    traffic.repository(bare.aws, bare.place).bootstrap()

    assert len(waits) == 3
    assert all(settings(bare)[setting] for setting in PROTECTION)


@pytest.mark.backends(DYNAMODB_LOCAL)
@pytest.mark.parametrize("setting", ["block_public_access", "point_in_time_recovery"])
def test_bootstrap_on_a_server_that_lacks_a_setting_names_the_argument(bare: Store, setting: str) -> None:
    off: dict[str, Any] = dict(bare.aws.bootstrap_arguments)
    with pytest.raises(StorageError, match=f"If the server lacks this setting, pass {setting}=False"):
        bare.reopened().bootstrap(**{**off, setting: True})

    bare.reopened().bootstrap(**off)  # and it can be repeated with the argument
    assert bare.reopened().put_artifact("model", b"content").get_content() == b"content"


@pytest.mark.backends(MOTO)
def test_bootstrap_without_an_answer_says_what_it_spoke_to(bare: Store, traffic: Traffic) -> None:
    traffic.answers = {"DescribeTable": (500, "InternalServerError", "injected")}

    with pytest.raises(StorageUnavailableError, match=f"Bootstrapping the repository failed: table '{bare.table}'"):
        traffic.repository(bare.aws, bare.place).bootstrap()
    assert not bucket_exists(bare)
