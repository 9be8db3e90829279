"""From an AWS answer to an error of ours: one table, one place.

Which answers are a lost race (and so part of a protocol) is told by :func:`code_of`; those are handled where the
request is sent. Everything else becomes a sentence here.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as NoConnectionError,
)

from airflow_provider_versioned.repository.errors import (
    AccessDeniedError,
    StorageError,
    StorageNotFoundError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BROKEN = (HTTPClientError, IncompleteReadError, NoConnectionError)  # the connection, while an answer was under way
MISSING = frozenset({"NoSuchBucket", "ResourceNotFoundException"})
DENIED = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "Forbidden",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "KMSAccessDeniedException",
        "MissingAuthenticationTokenException",
        "NotSignedUp",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
UNAVAILABLE = frozenset(
    {
        "500",
        "502",
        "503",
        "504",
        "BandwidthLimitExceeded",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
# Those of them that say: too much at once.
THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# Another request holds the item or the key at this moment: sent again, it goes through.
CONTENDED = frozenset(
    {"409", "ConditionalRequestConflict", "OperationAborted", "TransactionConflict", "TransactionConflictException"}
)

# The narrower of S3's and DynamoDB's limits: https://docs.aws.amazon.com/general/latest/gr/signature-v4-troubleshooting.html
_SIGNATURE_LIVES = timedelta(minutes=5)

_SIGNED = re.compile(r"The Canonical String for this request.*|x-amz-security-token.*", re.DOTALL | re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(://)[^/@\s\"']+@")

_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError)


def code_of(error: ClientError) -> str:
    """Return the AWS error code of an answer, such as ``ConditionalCheckFailedException`` or ``404``."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def was_repeated(error: ClientError) -> bool:
    """Tell whether the SDK had sent the request before: it may have been carried out then."""
    return error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0


@contextmanager
def translated(asked: str, resource: str, owner: str | None = None) -> Iterator[None]:
    """Turn botocore's errors inside the block into errors of ours.

    Args:
        asked: What the caller wanted, as the beginning of a sentence: ``"Publishing 'model'"``.
        resource: What was spoken to: ``"table 'artifacts'"``.
        owner: Account that the bucket was said to belong to; S3 denies access if it is another's.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translate(error, asked, resource, owner) from error


def translate(error: ClientError | BotoCoreError, asked: str, resource: str, owner: str | None = None) -> StorageError:
    """Return the error of ours for an answer, or for the lack of one."""
    _redact(error)
    if isinstance(error, ClientError):
        return _from_answer(error, asked, resource, owner)
    return _from_silence(error, asked, resource)


def _redact(error: ClientError | BotoCoreError) -> None:
    """Take out of an error what nobody may read in a log, where it stands as the cause of ours.

    DynamoDB answers a wrong signature with all that should have been signed, the session token included; an endpoint
    or a proxy may have a password in its URL.
    """
    error.args = tuple(redacted(part) if isinstance(part, str) else part for part in error.args)
    if isinstance(error, ClientError) and "Message" in error.response.get("Error", {}):
        error.response["Error"]["Message"] = redacted(str(error.response["Error"]["Message"]))
    elif isinstance(error, BotoCoreError):
        error.kwargs = {
            key: redacted(value) if isinstance(value, str) else value for key, value in error.kwargs.items()
        }


def redacted(text: str) -> str:
    """Return a message of AWS or botocore without credentials."""
    return _PASSWORD_IN_URL.sub(r"\1***@", _SIGNED.sub("(left out: what should have been signed)", text))


def _from_answer(error: ClientError, asked: str, resource: str, owner: str | None) -> StorageError:
    code, operation = code_of(error), error.operation_name
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = str(error.response.get("Error", {}).get("Message") or "no message")
    facts = {"operation": operation, "code": code, "resource": resource}
    if code in MISSING:
        return StorageNotFoundError(
            f"{asked} failed: {resource} does not exist ({operation}: {code}); check the name and the region, "
            "or create it with Repository.bootstrap().",
            **facts,
        )
    if code in DENIED and (off := _clock_is_off(error)):
        return AccessDeniedError(
            f"{asked} failed: {resource} refused the request ({operation}: {code}) because this machine's clock is "
            f"{off}; set the clock, then try again.",
            **facts,
        )
    if code in DENIED:
        owned = f", and make sure that the bucket belongs to account {owner} (expected_bucket_owner)" if owner else ""
        return AccessDeniedError(
            f"{asked} failed: access to {resource} was denied ({operation}: {code}: {said}); check the credentials and "
            f"grant the permission for {operation}{owned}.",
            **facts,
        )
    if code in UNAVAILABLE or code in CONTENDED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return StorageUnavailableError(
            f"{asked} failed: {resource} is overloaded or unavailable ({operation}: {code}); try again later.", **facts
        )
    return StorageError(f"{asked} failed: {resource} refused the request ({operation}: {code}: {said}).", **facts)


def _clock_is_off(error: ClientError) -> str | None:
    """Say by how much our clock differs from that of the server, if that explains a refusal.

    A request is signed with the time, and AWS refuses it after a few minutes; not every answer says so, and one to a
    HEAD request says nothing at all, but each has a date.
    """
    date = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        ahead = datetime.now(UTC) - parsedate_to_datetime(date)
    except (TypeError, ValueError):  # no date, or one without a zone
        return None
    if abs(ahead) < _SIGNATURE_LIVES:
        return None
    return f"{round(abs(ahead) / timedelta(minutes=1))} minutes {'fast' if ahead > timedelta(0) else 'slow'}"


def _from_silence(error: BotoCoreError, asked: str, resource: str) -> StorageError:
    facts = {"operation": None, "code": type(error).__name__, "resource": resource}
    if isinstance(error, _NO_CREDENTIALS):
        return AccessDeniedError(
            f"{asked} failed: no usable AWS credentials were found for {resource} ({error}); give a "
            "session, clients or a connection that has some.",
            **facts,
        )
    if isinstance(error, NoRegionError):
        return StorageError(
            f"{asked} failed: no AWS region is known for {resource}; set region_name or AWS_DEFAULT_REGION.", **facts
        )
    if isinstance(error, (NoConnectionError, HTTPClientError, IncompleteReadError)):
        return StorageUnavailableError(
            f"{asked} failed: {resource} could not be reached ({error}); check the endpoint and the network, then try "
            "again.",
            **facts,
        )
    return StorageError(f"{asked} failed: the request to {resource} could not be made ({error}).", **facts)
