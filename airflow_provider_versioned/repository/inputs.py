"""What a caller may pass, checked before anything is sent or written.

Pure functions: each returns the value in its one canonical form or raises
:class:`~airflow_provider_versioned.repository.errors.InvalidInputError` with what is allowed. Whether the named thing
exists is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError

LATEST = "LATEST"
ABSENT = "absent"  # as a revision: there is no such alias
HIGHEST_NUMBER = 999_999
RESERVED_METADATA = frozenset({"artifact_name", "artifact_sha256"})
MAX_METADATA_BYTES = 2048  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
MAX_TAGS = 10  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
MAX_TAG_KEY, MAX_TAG_VALUE = 128, 256  # as above
MAX_NAME_BYTES = 1024  # no S3 key is longer
MAX_PREFIX_BYTES = 700  # leaves room for a name and a version in an S3 key
MAX_WEIGHT = 99
MAX_TEXT = 2000

_NEW_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_ALIAS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]{0,63}")
_NUMBER = re.compile(r"[0-9]{1,6}")
_SUFFIX = re.compile(r"[A-Za-z0-9._-]{0,64}")
_BUCKET = re.compile(r"[A-Za-z0-9._:/-]{3,255}")
_TABLE = re.compile(r"[A-Za-z0-9_.:/-]{3,1024}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_KMS_KEY = re.compile(r"[A-Za-z0-9:/_-]{1,2048}")
_HEADER_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_new_name(name: str) -> str:
    """Allow a name under which content may be put or published."""
    if not isinstance(name, str):
        raise InvalidTypeError(f"An artifact name must be a string, got {name!r}.", name=name)
    if not _NEW_NAME.fullmatch(name):
        raise InvalidInputError(
            f"Artifact name {name!r} is not allowed; use 1 to 128 of A-Z a-z 0-9 . _ - after a letter or digit.",
            name=name,
        )
    return name


def check_stored_name(name: str) -> str:
    """Allow a name that may stand in the repository, also one that only the library ``versioned`` allows."""
    if not isinstance(name, str):
        raise InvalidTypeError(f"An artifact name must be a string, got {name!r}.", name=name)
    unusable = _CONTROL.search(name) or not _encodable(name)
    if unusable or not name.strip("/") or name.startswith("__") or len(name.encode()) > MAX_NAME_BYTES:
        raise InvalidInputError(
            f"Artifact name {name!r} is not allowed; a name is not empty, does not begin with '__', and is valid text "
            "of at most 1024 bytes without control characters.",
            name=name,
        )
    return name


def check_flat_name(name: str) -> str:
    """Allow a stored name whose S3 folder is its own, which is what deleting bytes needs."""
    check_stored_name(name)
    if "/" in name or name in {".", ".."}:
        raise InvalidInputError(
            f"Artifact name {name!r} has no S3 folder of its own, so its bytes cannot be freed safely; "
            "delete its versions one by one instead.",
            name=name,
        )
    return name


def check_alias(alias: str) -> str:
    """Allow an alias name."""
    if not isinstance(alias, str):
        raise InvalidTypeError(f"An alias must be a string, got {alias!r}.", alias=alias)
    if not _ALIAS.fullmatch(alias):
        raise InvalidInputError(
            f"Alias {alias!r} is not allowed; use 1 to 64 of A-Z a-z 0-9 _ . and begin with a letter, digit or _ "
            "(no hyphen).",
            alias=alias,
        )
    return alias


def check_stored_alias(alias: str) -> str:
    """Allow an alias name that may stand in the repository, also one that only the library ``versioned`` allows."""
    if not isinstance(alias, str):
        raise InvalidTypeError(f"An alias must be a string, got {alias!r}.", alias=alias)
    if not alias or not _encodable(alias) or len(alias.encode()) > MAX_NAME_BYTES:
        raise InvalidInputError(
            f"Alias {alias!r} is not allowed; an alias is valid text of 1 to 1024 bytes.", alias=alias
        )
    return alias


def check_version(version: int | str | None) -> str:
    """Bring a version into its public form: ``"LATEST"`` (also for None) or a number without leading zeros."""
    if version is None or version == LATEST:
        return LATEST
    if isinstance(version, bool) or not isinstance(version, (int, str)):
        raise InvalidTypeError(f"Version {version!r} must be an int, a string or None. {_VERSIONS}", version=version)
    if isinstance(version, str) and not _NUMBER.fullmatch(version):
        raise InvalidInputError(f"Version {version!r} is not allowed. {_VERSIONS}", version=version)
    if not 1 <= int(version) <= HIGHEST_NUMBER:
        raise InvalidInputError(f"Version {version!r} is not allowed. {_VERSIONS}", version=version)
    return str(int(version))


_VERSIONS = f"Use 'LATEST' or a number from 1 to {HIGHEST_NUMBER}."


def check_split(
    version: int | str | None, secondary_version: int | str | None, weight: int | None
) -> tuple[str, str | None, int | None]:
    """Bring the targets of an alias into their public form.

    Raises:
        InvalidTypeError: The weight is not an int, or is missing although there is a secondary version.
        InvalidInputError: The weight is outside 0-99 or stands alone, or both targets are the same version.
    """
    primary = check_version(version)
    if secondary_version is None:
        if weight is not None:
            raise InvalidInputError(
                f"secondary_version_weight={weight!r} was given without secondary_version; give both or neither.",
                weight=weight,
            )
        return primary, None, None
    secondary = check_version(secondary_version)
    if isinstance(weight, bool) or not isinstance(weight, int):
        raise InvalidTypeError(
            f"secondary_version_weight must be an int from 0 to 99 when secondary_version is given, got {weight!r}.",
            weight=weight,
        )
    if not 0 <= weight <= MAX_WEIGHT:
        raise InvalidInputError(f"secondary_version_weight must be from 0 to 99, got {weight}.", weight=weight)
    if primary == secondary:
        raise InvalidInputError(
            f"version and secondary_version are both {primary!r}; a split needs two different versions.",
            version=primary,
        )
    return primary, secondary, weight


def check_count(what: str, count: int) -> int:
    """Allow an int of 0 or more."""
    if isinstance(count, bool) or not isinstance(count, int):
        raise InvalidTypeError(f"{what} must be an int of 0 or more, got {count!r}.", **{what: count})
    if count < 0:
        raise InvalidInputError(f"{what} must be 0 or more, got {count}.", **{what: count})
    return count


def check_secs(what: str, secs: float | timedelta) -> float:
    """Bring a span of time of 0 or more into seconds."""
    if isinstance(secs, timedelta):
        secs = secs.total_seconds()
    if isinstance(secs, bool) or not isinstance(secs, (int, float)):
        raise InvalidTypeError(f"{what} must be a number of seconds of 0 or more, got {secs!r}.", **{what: secs})
    if not 0 <= secs < float("inf"):
        raise InvalidInputError(f"{what} must be 0 or more seconds, got {secs}.", **{what: secs})
    return float(secs)


def check_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Allow user metadata for an S3 object (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html)."""
    checked = _check_strings("metadata", metadata)
    for key, value in checked.items():
        if key.lower() in RESERVED_METADATA:
            raise InvalidInputError(
                f"Metadata key {key!r} is written by the repository itself; choose another key.", key=key
            )
        if not _HEADER_TOKEN.fullmatch(key) or not value.isascii() or _CONTROL.search(value):
            raise InvalidInputError(
                f"Metadata {key!r}: {value!r} is not allowed; S3 sends metadata as HTTP headers, so use ASCII without "
                "control characters, and no spaces in the key.",
                key=key,
            )
    size = sum(len(key) + len(value) for key, value in checked.items())
    if size > MAX_METADATA_BYTES - 200:  # the repository's own two entries need room in S3's 2 KB
        raise InvalidInputError(f"Metadata has {size} bytes; S3 allows 2 KB, of which 1848 are yours.", size=size)
    return checked


def check_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Allow S3 object tags (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html)."""
    checked = _check_strings("tags", tags)
    if len(checked) > MAX_TAGS:
        raise InvalidInputError(f"{len(checked)} tags were given; S3 allows {MAX_TAGS}.", count=len(checked))
    for key, value in checked.items():
        if not 1 <= len(key) <= MAX_TAG_KEY or len(value) > MAX_TAG_VALUE or not _encodable(key + value):
            raise InvalidInputError(
                f"Tag {key!r}: {value!r} is not allowed; S3 takes keys of 1 to 128 and values of up to 256 characters.",
                key=key,
            )
    return checked


def check_content_type(content_type: str | None) -> str | None:
    """Allow a media type."""
    if content_type is None:
        return None
    if not isinstance(content_type, str):
        raise InvalidTypeError(f"content_type must be a string, got {content_type!r}.", content_type=content_type)
    if not content_type or not content_type.isascii() or _CONTROL.search(content_type):
        raise InvalidInputError(
            f"content_type {content_type!r} is not allowed; use a media type such as 'application/zip'.",
            content_type=content_type,
        )
    return content_type


def check_text(what: str, text: str | None) -> str | None:
    """Allow a note (reason, author, key) of up to 2000 characters."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise InvalidTypeError(f"{what} must be a string, got {text!r}.", what=what)
    if not text or len(text) > MAX_TEXT or not _encodable(text):
        raise InvalidInputError(
            f"{what} must have 1 to {MAX_TEXT} characters of valid text, got {len(text)}: {text[:50]!r}.", what=what
        )
    return text


def check_place(s3_bucket: str, s3_prefix: str, table: str, suffix: str) -> tuple[str, str, str, str]:
    """Bring a repository's place into its canonical form; the prefix loses empty parts and outer slashes."""
    for what, value, pattern in (
        ("s3_bucket", s3_bucket, _BUCKET),
        ("dynamodb_table_name", table, _TABLE),
        ("suffix", suffix, _SUFFIX),
    ):
        if not isinstance(value, str):
            raise InvalidTypeError(f"{what} must be a string, got {value!r}.", what=what)
        if not pattern.fullmatch(value):
            raise InvalidInputError(f"{what}={value!r} is not allowed; it must match {pattern.pattern}.", what=what)
    if not isinstance(s3_prefix, str):
        raise InvalidTypeError(f"s3_prefix must be a string, got {s3_prefix!r}.", what="s3_prefix")
    parts = [part for part in s3_prefix.split("/") if part]
    unusable = _CONTROL.search(s3_prefix) or not _encodable(s3_prefix)
    if unusable or {".", ".."} & set(parts) or len(s3_prefix.encode()) > MAX_PREFIX_BYTES:
        raise InvalidInputError(
            f"s3_prefix={s3_prefix!r} is not allowed; use up to 700 bytes, no '.' or '..' part, no control characters.",
            what="s3_prefix",
        )
    return s3_bucket, "/".join(parts), table, suffix


def check_account(what: str, account: str | None) -> str | None:
    """Allow an AWS account."""
    if account is None:
        return None
    if not isinstance(account, str):
        raise InvalidTypeError(f"{what} must be a string of twelve digits, got {account!r}.", what=what)
    if not _ACCOUNT.fullmatch(account):
        raise InvalidInputError(f"{what}={account!r} is no AWS account; give its twelve digits.", what=what)
    return account


def check_kms_key(kms_key_id: str | None) -> str | None:
    """Allow what may name a KMS key: an ARN, an id, or an alias such as ``alias/models``."""
    if kms_key_id is None:
        return None
    if not isinstance(kms_key_id, str):
        raise InvalidTypeError(f"kms_key_id must be a string, got {kms_key_id!r}.", what="kms_key_id")
    if not _KMS_KEY.fullmatch(kms_key_id):
        raise InvalidInputError(
            f"kms_key_id={kms_key_id!r} names no KMS key; give its ARN, its id, or an alias such as 'alias/models'.",
            what="kms_key_id",
        )
    return kms_key_id


def _check_strings(what: str, values: Mapping[str, str] | None) -> dict[str, str]:
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise InvalidTypeError(f"{what} must be a mapping of strings, got {values!r}.", what=what)
    for key, value in values.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise InvalidTypeError(f"{what} must map strings to strings, got {key!r}: {value!r}.", what=what)
    return dict(values)


def _encodable(text: str) -> bool:
    """Tell whether a text has a UTF-8 form; half a surrogate pair, as in a badly decoded file name, has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
