"""What bootstrap sets, and leaves, of the encryption of the bucket and of the table. Pure: no request.

Both are encrypted in any case, with keys that AWS keeps to itself. A KMS key of one's own is set where there is none;
another one that somebody chose is refused, never replaced. A bucket key goes with it, which spares requests to KMS
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html). No request of the repository names a key, so
what the bucket says holds for puts, copies and uploads in parts alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WITH_KMS = frozenset({"aws:kms", "aws:kms:dsse"})


def bucket_configuration(kms_key_id: str | None) -> dict[str, Any]:
    """Return the bucket's default encryption, as S3 takes it."""
    if kms_key_id is None:
        return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": kms_key_id}
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]}


def table_specification(kms_key_id: str) -> dict[str, Any]:
    """Return the table's encryption, as DynamoDB takes it."""
    return {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": kms_key_id}


def bucket_lacks(rules: Sequence[Mapping[str, Any]], kms_key_id: str | None, bucket: str) -> bool:
    """Tell whether a bucket's default encryption is to be set.

    Args:
        rules: What the bucket has now. A new one has ``AES256``, which nobody chose.

    Raises:
        InvalidInputError: Another key is set.
    """
    found = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules]
    if kms_key_id is None:
        return not found
    with_kms = [default for default in found if default.get("SSEAlgorithm") in _WITH_KMS]
    for default in with_kms:
        _demand_same(default.get("KMSMasterKeyID") or "alias/aws/s3", kms_key_id, bucket)
    return not with_kms


def table_lacks(described: Mapping[str, Any], kms_key_id: str | None, table: str) -> bool:
    """Tell whether a table's encryption is to be set.

    Args:
        described: The table as DescribeTable tells of it.

    Raises:
        InvalidInputError: Another key is set.
    """
    if kms_key_id is None:
        return False
    found = described.get("SSEDescription", {})
    if found.get("Status") not in {"ENABLED", "ENABLING", "UPDATING"} or found.get("SSEType") != "KMS":
        return True
    _demand_same(found.get("KMSMasterKeyArn", ""), kms_key_id, table)
    return False


def _demand_same(found: str, wanted: str, resource: str) -> None:
    """Refuse another key; whether an alias names a key is known to KMS alone, so it counts as the same."""
    if _key(found) == _key(wanted) or (_is_alias(found) != _is_alias(wanted)):
        return
    raise InvalidInputError(
        f"Bootstrapping the repository failed: {resource} is encrypted with KMS key {found!r}, not with {wanted!r}; "
        "name that key, or change it yourself.",
        found=found,
        wanted=wanted,
    )


def _key(text: str) -> str:
    """Return an alias or the id of a key without the account and region that an ARN has before it."""
    return text.rpartition(":")[2].removeprefix("key/")


def _is_alias(text: str) -> bool:
    return _key(text).startswith("alias/")
