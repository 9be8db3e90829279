"""Which AWS actions each operation of the repository needs, and the IAM policies that follow for the roles of people.

One table, by method of :class:`~airflow_provider_versioned.repository.Repository`, crashes of others included: whoever
meets a write that somebody did not finish finishes it. The command ``versioned-artifacts iam-policy`` and the docs are
made of it. Pure: no request, no import of an AWS library. The names of the actions are those of AWS's own pages:

* https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html -- HeadObject needs
  ``s3:GetObject``; uploads in parts ``s3:PutObject``, and ``s3:AbortMultipartUpload`` to clean up.
* https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html -- without ``s3:ListBucket`` a missing object is
  answered with 403 instead of 404. That request has no ``s3:prefix``, so no condition on it can stand there.
* https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html -- copying needs ``s3:GetObject`` and
  ``s3:PutObject``, and of an object with tags ``s3:GetObjectTagging`` and ``s3:PutObjectTagging``.
* https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html and
  https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html -- a condition on an ETag needs
  ``s3:GetObject`` too.
* https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html -- a transaction needs the
  action of each of its parts.
* https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html and
  https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html -- resources.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.inputs import check_place

if TYPE_CHECKING:
    from collections.abc import Mapping

_ARN_PART = re.compile(r"\*|[a-z0-9-]+")
_KEY_ARN = re.compile(r"arn:(?P<partition>[a-z0-9-]+):kms:(?P<region>[a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+")
_KMS_READ = frozenset({"kms:Decrypt"})
# Decrypt also to write: S3 needs it for what goes up in parts, DynamoDB for the table's own key.
_KMS_WRITE = frozenset({"kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"})
_KMS_SET_UP = frozenset({"kms:CreateGrant", "kms:DescribeKey"})
_READ = frozenset({"dynamodb:BatchGetItem", "dynamodb:GetItem"})
_QUERY = frozenset({"dynamodb:GetItem", "dynamodb:Query"})  # GetItem: the table's marker, at the first request
_WRITE = frozenset({"dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:UpdateItem"})
_OBJECT = frozenset({"s3:GetObject", "s3:ListBucket"})  # to read one, or to find that there is none
_COPY = frozenset({"s3:GetObjectTagging", "s3:PutObject", "s3:PutObjectTagging"})
_UPLOADS = frozenset({"s3:AbortMultipartUpload", "s3:ListBucketMultipartUploads"})
_DESTROY = _QUERY | _WRITE | _OBJECT | _COPY | _UPLOADS | {"dynamodb:DeleteItem", "s3:DeleteObject"}
_APPLY = _QUERY | _OBJECT | _COPY | {"dynamodb:ConditionCheckItem", "dynamodb:UpdateItem"}
_STEER = frozenset({"dynamodb:BatchGetItem", "dynamodb:PutItem"})
_MOVE = _STEER | {"dynamodb:UpdateItem"}
_REPORT = _READ | {"dynamodb:PutItem", "dynamodb:UpdateItem"}

OPERATIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "bootstrap": frozenset(
            {
                "dynamodb:CreateTable",
                "dynamodb:DescribeContinuousBackups",
                "dynamodb:DescribeTable",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateContinuousBackups",
                "dynamodb:UpdateTable",
                "s3:CreateBucket",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketVersioning",
                "s3:GetEncryptionConfiguration",
                "s3:ListBucket",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
            }
        ),
        "put_artifact": _OBJECT | {"dynamodb:GetItem", "dynamodb:UpdateItem", "s3:PutObject", "s3:PutObjectTagging"},
        "publish_artifact_version": _READ | _QUERY | _WRITE | _OBJECT | _COPY | {"s3:AbortMultipartUpload"},
        "list_published_under": _QUERY,
        "get_artifact_version": _READ | _OBJECT,
        "list_artifact_versions": _QUERY | _OBJECT,
        "iter_artifact_versions": _QUERY | _OBJECT,
        "page_artifact_versions": _QUERY,
        "list_artifact_names": frozenset({"s3:ListBucket"}),
        "iter_artifact_names": frozenset({"s3:ListBucket"}),
        "open_content": _OBJECT,
        "read_content": _OBJECT,
        "download": _OBJECT,
        "delete_artifact_version": _APPLY,
        "restore_artifact_version": _OBJECT | {"dynamodb:GetItem", "dynamodb:UpdateItem"},
        "protect": frozenset({"dynamodb:GetItem", "dynamodb:UpdateItem"}),
        "unprotect": frozenset({"dynamodb:GetItem", "dynamodb:UpdateItem"}),
        "put_alias": _READ | _WRITE | _OBJECT | _COPY,
        "rollback_alias": _READ | _QUERY | _WRITE | _OBJECT | _COPY,
        "delete_alias": frozenset(
            {"dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
        ),
        "get_alias": _READ,
        "list_aliases": _QUERY,
        "list_alias_history": _QUERY,
        "get_alias_at": _QUERY,
        "page_alias_history": _QUERY,
        "list_alias_traces": _QUERY,
        "start_rollout": _MOVE | {"dynamodb:ConditionCheckItem"},
        "get_rollout": frozenset({"dynamodb:BatchGetItem"}),
        "list_rollouts": _QUERY,
        "shift_rollout": _MOVE,
        "promote_rollout": _MOVE,
        "abort_rollout": _MOVE | {"dynamodb:ConditionCheckItem"},
        "skip_rollout_step": _STEER,
        "freeze_rollout": _STEER,
        "unfreeze_rollout": _STEER,
        "record_judgement": _STEER,
        "roll_back_promotion": _MOVE,
        "record_outcome": _REPORT,
        "record_outcomes": _REPORT,
        "get_outcomes": _READ | _QUERY,
        "look_at_outcomes": _QUERY | {"dynamodb:PutItem"},
        "delete_outcomes": _QUERY | {"dynamodb:DeleteItem"},
        "plan_purge": _QUERY | _OBJECT,
        "apply_purge": _APPLY,
        "purge_artifact_versions": _APPLY,
        "free_artifact_versions": _QUERY | {"dynamodb:DeleteItem", "dynamodb:UpdateItem", "s3:DeleteObject"},
        "sweep_artifact": _READ
        | _QUERY
        | _OBJECT
        | _UPLOADS
        | {"dynamodb:DeleteItem", "dynamodb:UpdateItem", "s3:DeleteObject"},
        "verify": _QUERY | _OBJECT | {"dynamodb:Scan"},
        "repair": _QUERY | _WRITE | _OBJECT | _COPY | {"dynamodb:DeleteItem", "dynamodb:Scan", "s3:DeleteObject"},
        "purge_artifact": _DESTROY,
        "purge_all": _DESTROY | {"dynamodb:Scan"},
    }
)

_READER = (
    "get_artifact_version",
    "list_artifact_versions",
    "iter_artifact_versions",
    "list_artifact_names",
    "iter_artifact_names",
    "open_content",
    "read_content",
    "download",
    "get_alias",
    "list_aliases",
    "list_alias_history",
    "get_alias_at",
    "page_artifact_versions",
    "page_alias_history",
    "list_alias_traces",
    "get_outcomes",
    "get_rollout",
    "list_rollouts",
    "plan_purge",
)


@dataclass(frozen=True)
class Role:
    """What somebody may do.

    Attributes:
        summary: For whom it is, in one line.
        operations: Methods of Repository.
        without: Actions that these operations need only to finish what a dead process left of LATEST, and that are not
            worth the risk; without them, such an operation is refused until the next put or publish.
    """

    summary: str
    operations: tuple[str, ...]
    without: frozenset[str] = frozenset()

    @property
    def actions(self) -> frozenset[str]:
        """The AWS actions that the role is granted."""
        return frozenset().union(*(OPERATIONS[operation] for operation in self.operations)) - self.without


ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "reader": Role("reads records, aliases, history and content", _READER),
        "consumer": Role("a reader that reports outcomes", (*_READER, "record_outcome", "record_outcomes")),
        "publisher": Role(
            "a reader that puts and publishes",
            (*_READER, "put_artifact", "publish_artifact_version", "list_published_under"),
        ),
        "promoter": Role(
            "a reader that moves aliases and judges rollouts; writes no content",
            (
                *_READER,
                "put_alias",
                "rollback_alias",
                "delete_alias",
                "start_rollout",
                "shift_rollout",
                "promote_rollout",
                "abort_rollout",
                "skip_rollout_step",
                "freeze_rollout",
                "unfreeze_rollout",
                "record_judgement",
                "roll_back_promotion",
                "record_outcome",
                "record_outcomes",
                "look_at_outcomes",
                "delete_outcomes",
            ),
            without=_COPY,
        ),
        "retention": Role(
            "a reader that protects, deletes, restores, purges, frees and sweeps",
            (
                *_READER,
                "protect",
                "unprotect",
                "delete_artifact_version",
                "restore_artifact_version",
                "apply_purge",
                "purge_artifact_versions",
                "free_artifact_versions",
                "sweep_artifact",
                "verify",
            ),
        ),
        "operator": Role("does everything, also bootstrap, repair and destroy", tuple(OPERATIONS)),
    }
)

_ON_OBJECTS = frozenset(
    {
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:GetObjectTagging",
        "s3:PutObject",
        "s3:PutObjectTagging",
    }
)


@dataclass(frozen=True)
class Where:
    """Where a repository stands, in AWS's terms.

    Attributes:
        partition: ``aws``, ``aws-cn``, ``aws-us-gov``.
        region: Of the table; ``*`` for any.
        account: Of the table; ``*`` for any.
        kms_key_arn: ARN of the KMS key of bucket and table; None: they have none of their own.
    """

    s3_bucket: str
    s3_prefix: str = "versioned-artifacts"
    dynamodb_table_name: str = "versioned-artifacts"
    suffix: str = ""
    partition: str = "aws"
    region: str = "*"
    account: str = "*"
    kms_key_arn: str | None = None


def policy(role: str, where: Where) -> dict[str, Any]:
    """Return the IAM policy of a role at one repository, as JSON-able values.

    A key may be used through S3 and DynamoDB only; its own key policy must leave the decision to IAM, or say the same.

    Raises:
        InvalidInputError: There is no such role, or the place or the key is none.
    """
    if role not in ROLES:
        raise InvalidInputError(f"There is no role {role!r}; use one of {', '.join(ROLES)}.", role=role)
    bucket, prefix, table, suffix = check_place(
        where.s3_bucket, where.s3_prefix, where.dynamodb_table_name, where.suffix
    )
    _check_part("partition", where.partition)
    _check_part("region", where.region)
    _check_part("account", where.account)
    bucket_arn = f"arn:{where.partition}:s3:::{bucket}"
    objects = f"{bucket_arn}/{prefix}/*{suffix}" if prefix else f"{bucket_arn}/*{suffix}"
    table_arn = f"arn:{where.partition}:dynamodb:{where.region}:{where.account}:table/{table}"
    actions = ROLES[role].actions
    in_s3 = frozenset(action for action in actions if action.startswith("s3:"))
    statements = [
        _statement("Table", actions - in_s3, table_arn),
        _statement("Bucket", in_s3 - _ON_OBJECTS, bucket_arn),
        _statement("Content", in_s3 & _ON_OBJECTS, objects),
    ]
    if where.kms_key_arn is not None:
        statements.append(_key_statement(actions, where.kms_key_arn))
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(sid: str, actions: frozenset[str], resource: str) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resource}


def _key_statement(actions: frozenset[str], key_arn: str) -> dict[str, Any]:
    """Return what AWS needs of a key for the requests that a role may send.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html,
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html and
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    found = _KEY_ARN.fullmatch(key_arn)
    if found is None:
        raise InvalidInputError(
            f"kms_key_arn={key_arn!r} is no ARN of a KMS key; give arn:aws:kms:REGION:ACCOUNT:key/ID, because a policy "
            "cannot name a key by its alias.",
            what="kms_key_arn",
        )
    needed = _KMS_READ
    if actions & (_WRITE | {"s3:PutObject"}):
        needed |= _KMS_WRITE
    if "dynamodb:CreateTable" in actions:
        needed |= _KMS_SET_UP
    domain = "amazonaws.com.cn" if found["partition"] == "aws-cn" else "amazonaws.com"
    via = [f"{service}.{found['region']}.{domain}" for service in ("dynamodb", "s3")]
    return {**_statement("Key", needed, key_arn), "Condition": {"StringEquals": {"kms:ViaService": via}}}


def _check_part(what: str, value: str) -> None:
    if not _ARN_PART.fullmatch(value):
        raise InvalidInputError(f"{what}={value!r} is not allowed; use a name without ':' and '/', or '*'.", what=what)
