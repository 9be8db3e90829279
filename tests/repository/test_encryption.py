"""A KMS key of one's own: set where there is none, for all that comes in; another one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import InvalidInputError, Repository
from airflow_provider_versioned.repository.encryption import bucket_lacks, table_lacks
from airflow_provider_versioned.repository.permissions import OPERATIONS, ROLES, Where, policy
from tests.repository.store import Store
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from tests.servers import Aws, PlaceArguments

KEY = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"
OTHER = KEY.replace("9012", "9013")
PART = 5 * 1024**2
WITH_SETTINGS = (MOTO, MINISTACK)


def bare(aws: Aws, place: PlaceArguments) -> tuple[Repository, Store]:
    """Return a repository where nothing exists yet, and its raw side."""
    return Repository(**place, s3_client=aws.s3, dynamodb_client=aws.dynamodb), Store(aws, place)


def keys_of(store: Store) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what bucket and table are encrypted with."""
    (rule,) = store.aws.s3.get_bucket_encryption(Bucket=store.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    described: Any = store.aws.dynamodb.describe_table(TableName=store.table)["Table"]
    return dict(rule), described.get("SSEDescription", {})


def key_of_object(store: Store, name: str, sk: str) -> tuple[str | None, str | None]:
    """Return how one object is encrypted."""
    head = store.aws.s3.head_object(Bucket=store.bucket, Key=store.key(name, sk))
    return head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")


@pytest.mark.backends(*WITH_SETTINGS)
def test_bootstrap_encrypts_bucket_and_table_with_the_key_and_repeats(aws: Aws, unique_place: PlaceArguments) -> None:
    repository, store = bare(aws, unique_place)
    for _ in range(2):
        repository.bootstrap(kms_key_id=KEY)

    rule, table = keys_of(store)
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    assert rule["BucketKeyEnabled"] is True
    assert (table["SSEType"], table["KMSMasterKeyArn"]) == ("KMS", KEY)


@pytest.mark.backends(MINISTACK)  # moto forgets the key of a table that is updated
def test_bootstrap_gives_a_key_to_what_has_none(aws: Aws, unique_place: PlaceArguments) -> None:
    repository, store = bare(aws, unique_place)
    repository.bootstrap()

    repository.bootstrap(kms_key_id=KEY)

    rule, table = keys_of(store)
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == KEY
    assert table["KMSMasterKeyArn"] == KEY


@pytest.mark.backends(*WITH_SETTINGS)
def test_bootstrap_without_a_key_leaves_that_of_a_person(aws: Aws, unique_place: PlaceArguments) -> None:
    repository, store = bare(aws, unique_place)
    repository.bootstrap(kms_key_id=KEY)
    before = keys_of(store)

    repository.bootstrap()

    assert keys_of(store) == before


@pytest.mark.backends(*WITH_SETTINGS)
def test_bootstrap_with_another_key_than_that_of_the_table_makes_and_sets_nothing(
    aws: Aws, unique_place: PlaceArguments
) -> None:
    repository, store = bare(aws, unique_place)
    repository.bootstrap(kms_key_id=KEY)
    before = keys_of(store)

    with pytest.raises(InvalidInputError, match=f"is encrypted with KMS key '{KEY}', not with '{OTHER}'"):
        repository.bootstrap(kms_key_id=OTHER)

    assert keys_of(store) == before


@pytest.mark.backends(*WITH_SETTINGS)
def test_everything_that_comes_in_is_encrypted_with_the_key(
    aws: Aws, unique_place: PlaceArguments, small_parts: int
) -> None:
    repository, store = bare(aws, unique_place)
    repository.bootstrap(kms_key_id=KEY)

    for name, size in (("small", 1), ("in-parts", small_parts + 1)):
        repository.publish_artifact_version(name, content=b"x" * size)  # a put, and a copy to LATEST
        repository.put_artifact(name, b"y" * size)
        repository.publish_artifact_version(name)  # a copy of LATEST
        for sk in ("000001", "LATEST", "000002"):
            assert key_of_object(store, name, sk) == ("aws:kms", KEY)
        assert repository.get_artifact_version(name, 2).get_content() == b"y" * size


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (KEY, KEY),
        (KEY, KEY.rpartition("/")[2]),
        (KEY, "alias/models"),
        ("alias/models", KEY),
        ("arn:aws:kms:us-east-1:123456789012:alias/models", "alias/models"),
    ],
)
def test_the_same_key_under_another_name_is_left(found: str, wanted: str) -> None:
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": found}}]
    described = {"SSEDescription": {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": found}}

    assert not bucket_lacks(rules, wanted, "bucket 'b'")
    assert not table_lacks(described, wanted, "table 't'")


@pytest.mark.parametrize(("found", "wanted"), [(KEY, OTHER), ("alias/models", "alias/others"), (None, "alias/models")])
def test_another_key_is_refused(found: str | None, wanted: str) -> None:
    default = {"SSEAlgorithm": "aws:kms"} | ({"KMSMasterKeyID": found} if found else {})

    with pytest.raises(InvalidInputError, match="bucket 'b' is encrypted with KMS key"):
        bucket_lacks([{"ApplyServerSideEncryptionByDefault": default}], wanted, "bucket 'b'")


def test_what_s3_sets_by_itself_is_no_choice_of_a_person() -> None:
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]

    assert bucket_lacks(rules, KEY, "bucket 'b'")
    assert not bucket_lacks(rules, None, "bucket 'b'")
    assert table_lacks({"SSEDescription": {"Status": "DISABLED"}}, KEY, "table 't'")


@pytest.mark.parametrize("key", ["", "a key", "key\n"])
def test_what_is_no_key_is_refused_before_anything_is_made(key: str) -> None:
    with pytest.raises(InvalidInputError, match="names no KMS key"):
        Repository("bucket").bootstrap(kms_key_id=key)


def test_key_for_what_shall_not_be_encrypted_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="kms_key_id goes with default_encryption"):
        Repository("bucket").bootstrap(kms_key_id=KEY, default_encryption=False)


@pytest.mark.parametrize("role", ROLES)
def test_policy_lets_a_role_use_the_key_as_far_as_it_writes(role: str) -> None:
    made = policy(role, Where("bucket", kms_key_arn=KEY))

    (statement,) = [entry for entry in made["Statement"] if entry["Sid"] == "Key"]
    assert statement["Resource"] == KEY
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": ["dynamodb.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com"]}
    }
    allowed = set(statement["Action"])
    assert "kms:Decrypt" in allowed
    assert ("kms:GenerateDataKey*" in allowed) == (role != "reader")
    assert ("kms:CreateGrant" in allowed) == (role == "operator")
    assert OPERATIONS["bootstrap"] <= ROLES["operator"].actions


def test_policy_without_a_key_names_none() -> None:
    assert "Key" not in {entry["Sid"] for entry in policy("operator", Where("bucket"))["Statement"]}


@pytest.mark.parametrize("arn", ["alias/models", KEY.replace(":key/", ":alias/"), "*", KEY + "*"])
def test_policy_for_no_key_arn_is_refused(arn: str) -> None:
    with pytest.raises(InvalidInputError, match="no ARN of a KMS key"):
        policy("reader", Where("bucket", kms_key_arn=arn))
