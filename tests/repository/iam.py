"""Identity and access management in small: refuses each request to AWS that a policy does not allow, as AWS does.

Written after AWS's own pages and not after ``permissions.py``, which is what it tests: which actions a request needs
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html), how a statement is matched
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html), and that a missing object is told
apart from a forbidden one only to whoever may list the bucket
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import OperationModel

_TRANSACTED = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_ON_BUCKETS = {
    "CreateBucket": "CreateBucket",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketVersioning": "GetBucketVersioning",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketVersioning": "PutBucketVersioning",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
_ON_OBJECTS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObject": "DeleteObject",
    "GetObject": "GetObject",
    "GetObjectTagging": "GetObjectTagging",
    "HeadObject": "GetObject",
    "ListParts": "ListMultipartUploadParts",
    "PutObject": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}


@dataclass(frozen=True)
class Need:
    """One permission that a request needs."""

    action: str
    resource: str


@dataclass
class Gate:
    """Lets through what a policy allows.

    Attributes:
        policy: None allows everything.
        used: What was needed and allowed.
        refused: What was needed and not allowed.
        is_tagged: Tells, past the gate, whether an object has tags.
    """

    is_tagged: Callable[[str, str], bool]

    policy: dict[str, Any] | None = None
    used: set[Need] = field(default_factory=set)
    refused: list[Need] = field(default_factory=list)

    def guard(self, *clients: Any) -> None:
        """Stand before clients; use fresh ones."""
        for client in clients:
            service = client.meta.service_model.service_name
            client.meta.events.register(f"provide-client-params.{service}", self._remember)
            client.meta.events.register(f"before-call.{service}", self._admit)
            client.meta.events.register(f"after-call.{service}", self._hide)

    def _remember(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["given"] = dict(params)  # botocore rewrites some of them

    def _admit(self, model: OperationModel, context: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]] | None:
        for need in self._needs(model, context["given"]):
            if not self._allows(need):
                return SimpleNamespace(status_code=403), _denial(model)
        return None

    def _hide(
        self, http_response: Any, parsed: dict[str, Any], model: OperationModel, context: dict[str, Any], **_: object
    ) -> None:
        """Answer that a missing object is forbidden, to whoever may not list the bucket."""
        if http_response.status_code == HTTPStatus.NOT_FOUND and "Key" in context["given"]:
            need = Need("s3:ListBucket", _bucket(context["given"]["Bucket"]))
            if not self._allows(need):
                parsed.update(_denial(model))

    def _needs(self, model: OperationModel, given: dict[str, Any]) -> Iterator[Need]:
        if model.service_model.service_name == "dynamodb":
            return _of_dynamodb(model.name, given)
        return _of_s3(model.name, given, self.is_tagged)

    def _allows(self, need: Need) -> bool:
        allowed = self.policy is None or allows(self.policy, need)
        (self.used.add if allowed else self.refused.append)(need)
        return allowed


def _of_dynamodb(operation: str, given: dict[str, Any]) -> Iterator[Need]:
    if operation == "TransactWriteItems":
        for item in given["TransactItems"]:
            ((kind, arguments),) = item.items()
            yield Need(f"dynamodb:{_TRANSACTED[kind]}", _table(arguments["TableName"]))
    elif operation == "BatchGetItem":
        yield from (Need("dynamodb:BatchGetItem", _table(name)) for name in given["RequestItems"])
    else:
        yield Need(f"dynamodb:{operation}", _table(given["TableName"]))


def _of_s3(operation: str, given: dict[str, Any], is_tagged: Callable[[str, str], bool]) -> Iterator[Need]:
    bucket = _bucket(given["Bucket"])
    if operation == "DeleteObjects":
        yield from (Need("s3:DeleteObject", f"{bucket}/{entry['Key']}") for entry in given["Delete"]["Objects"])
    elif operation in _ON_BUCKETS:
        yield Need(f"s3:{_ON_BUCKETS[operation]}", bucket)
    else:
        yield from _of_object(operation, given, f"{bucket}/{given['Key']}")
        source = given.get("CopySource", {})
        if operation == "CopyObject" and is_tagged(source["Bucket"], source["Key"]):
            yield Need("s3:GetObjectTagging", f"{_bucket(source['Bucket'])}/{source['Key']}")
            yield Need("s3:PutObjectTagging", f"{bucket}/{given['Key']}")


def _of_object(operation: str, given: dict[str, Any], resource: str) -> Iterator[Need]:
    yield Need(f"s3:{_ON_OBJECTS[operation]}", resource)
    if "Tagging" in given:
        yield Need("s3:PutObjectTagging", resource)
    if given.get("IfMatch", "*") != "*":  # whoever may compare may read
        yield Need("s3:GetObject", resource)
    if "CopySource" in given:
        yield Need("s3:GetObject", f"{_bucket(given['CopySource']['Bucket'])}/{given['CopySource']['Key']}")


def allows(policy: dict[str, Any], need: Need) -> bool:
    """Tell whether a policy allows something; knows no conditions, so it allows nothing that has one."""
    return any(
        statement["Effect"] == "Allow"
        and "Condition" not in statement
        and any(fnmatchcase(need.action, pattern) for pattern in _listed(statement["Action"]))
        and any(fnmatchcase(need.resource, pattern) for pattern in _listed(statement["Resource"]))
        for statement in policy["Statement"]
    )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _bucket(name: str) -> str:
    return f"arn:aws:s3:::{name}"


def _table(name: str) -> str:
    return f"arn:aws:dynamodb:us-east-1:123456789012:table/{name}"


def _denial(model: OperationModel) -> dict[str, Any]:
    code, message = ("403", "Forbidden") if model.http["method"] == "HEAD" else ("AccessDenied", "not in the policy")
    return {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 403}}
