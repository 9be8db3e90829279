"""An S3 client whose every request says which account must own the bucket.

S3 then refuses the request with 403 if another account does: whoever deletes a bucket frees its name for everybody, and
a name may be mistyped (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html). Done around
the client and not where requests are made, so that none is forgotten, those of uploads and copies in parts included;
the caller's own client stays as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONDITIONS = ("ExpectedBucketOwner", "ExpectedSourceBucketOwner")  # the second: of what is copied


def owned(client: S3Client, account: str) -> S3Client:
    """Return a client that adds the account to whatever the given one sends."""
    return cast("S3Client", _Owned(client, account))


class _Owned:
    """The methods of a client, each with the account among its arguments where S3 takes it."""

    def __init__(self, client: Any, account: str) -> None:
        self._client = client
        self._account = account

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return self._with_account(name, found) if name in self._operations else found

    def get_paginator(self, operation_name: str) -> Any:
        paginator = self._client.get_paginator(operation_name)
        paginator.paginate = self._with_account(operation_name, paginator.paginate)
        return paginator

    @property
    def _operations(self) -> dict[str, str]:
        operations: dict[str, str] = self._client.meta.method_to_api_mapping
        return operations

    def _with_account(self, name: str, call: Any) -> Any:
        shape = self._client.meta.service_model.operation_model(self._operations[name]).input_shape
        added = {condition: self._account for condition in _CONDITIONS if shape and condition in shape.members}
        return lambda **arguments: call(**added, **arguments)
