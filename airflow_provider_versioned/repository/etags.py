"""ETags that LATEST's object must not get (again), because a request that may still come is on condition of them.

S3's only condition on replacing or deleting an object is its ETag, and the same bytes get the same ETag. So a copy or a
deletion that is late could take an object that was put since with the bytes that were there before. Therefore whoever
is going to copy to LATEST or to delete it first writes into LATEST's item which ETag it expects (``expected_etags``),
and whoever writes the object meanwhile gives it another one. See docs/decisions/009-no-etag-twice.md.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.repository.items import ArtifactItem
from airflow_provider_versioned.repository.revisions import begun_at

if TYPE_CHECKING:
    from collections.abc import Collection

    from pynamodb.expressions.condition import Condition

_OF_ONE_REQUEST = re.compile('"([0-9a-f]{32})"')
# S3 refuses a request that was signed more than 15 minutes ago:
# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
MAX_LATENESS = timedelta(hours=1)


def expectation(etag: str, revision: str) -> str:
    """Return the entry by which somebody says what object it expects; the revision tells who, and since when."""
    return f"{etag} {revision}"


def entries(item: ArtifactItem | None) -> frozenset[str]:
    """Return all entries of LATEST's item."""
    return frozenset(item.expected_etags or ()) if item is not None else frozenset()


def avoided(item: ArtifactItem | None, own: Collection[str] = ()) -> frozenset[str]:
    """Return the ETags that somebody may still expect.

    Args:
        own: Revisions of which entries do not count.
    """
    counting = (entry.rpartition(" ") for entry in entries(item) - outdated(item))
    return frozenset(etag for etag, _, revision in counting if revision not in own)


def overruling(item: ArtifactItem | None, own: Collection[str] = ()) -> frozenset[str]:
    """Return the entry to be made for the writer whose mark is taken away: it may still come, and expects an object.

    Args:
        own: Marks for which no entry is needed.
    """
    if item is None or item.pending is None or item.pending in own or item.etag is None:
        return frozenset()
    return frozenset({expectation(item.etag, item.pending)})


def outdated(item: ArtifactItem | None) -> frozenset[str]:
    """Return the entries of those who have not come back."""
    return frozenset(entry for entry in entries(item) if is_outdated(entry.rpartition(" ")[2]))


def is_outdated(revision: str | None) -> bool:
    """Tell whether whoever announced something under a revision does not come back any more."""
    since = begun_at(revision)
    return since is None or since < datetime.now(UTC) - MAX_LATENESS


def as_expected(item: ArtifactItem | None) -> Condition:
    """Demand that nobody has written down an expectation since the item was read."""
    said = set(entries(item))
    return ArtifactItem.expected_etags == said if said else ArtifactItem.expected_etags.does_not_exist()


def content_in_one_part(asked: str, name: str, md5_digest: bytes, avoid: frozenset[str]) -> bool:
    """Tell whether content has to go up as an upload in one part, so as to get none of the avoided ETags.

    Args:
        asked: What the caller wanted, as the beginning of a sentence.

    Raises:
        ConflictError: S3 would give it one of them either way.
    """
    of_one_request = f'"{md5_digest.hex()}"'
    of_one_part = f'"{md5(md5_digest, usedforsecurity=False).hexdigest()}-1"'
    if {of_one_request, of_one_part} <= avoid:
        raise etag_conflict(asked, name)
    return of_one_request in avoid


def etag_conflict(asked: str, name: str) -> ConflictError:
    """Return the error that says that S3 would give content no ETag that nobody expects."""
    return ConflictError(
        f"{asked} failed: writers of LATEST that have not come back may still replace exactly these bytes; put "
        f"other content, or try again after {MAX_LATENESS} (h:mm:ss), when they do not count any more.",
        name=name,
    )


def copy_in_one_part(asked: str, name: str, source: str, avoid: frozenset[str]) -> bool:
    """Tell the same of a copy.

    Args:
        source: ETag of what is copied; of an object that came in parts, it does not tell those of the copy.

    Raises:
        ConflictError: As for content.
    """
    digest = _md5_of(source)
    if digest is None:
        possible = [found for etag in avoid if (found := _md5_of(etag)) is not None]
        in_one_part = [content_in_one_part(asked, name, found, avoid) for found in possible]
        return any(in_one_part)
    return content_in_one_part(asked, name, digest, avoid)


def _md5_of(etag: str) -> bytes | None:
    """Return the MD5 that the ETag of an object from one request is.

    Where objects are encrypted with a KMS key it only looks like one, and no two objects have the same.
    """
    found = _OF_ONE_REQUEST.fullmatch(etag)
    return bytes.fromhex(found[1]) if found else None
