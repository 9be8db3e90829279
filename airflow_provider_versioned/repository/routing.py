"""Which side of an alias a routing key belongs to: sticky, the same in every process and in every language.

The rule, also in ``docs/routing.md`` with test vectors: hash the alias and the key with SHA-256, take the first 48 bits
as a number, modulo 10,000 buckets; the secondary version has the buckets below ``weight * 100``. So a key keeps its
side while the weight stays, and a higher weight only brings more keys to the secondary version. Pure functions.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError

Side = Literal["primary", "secondary"]

BUCKETS = 10_000
BUCKETS_PER_PERCENT = BUCKETS // 100
SIDES: tuple[Side, ...] = ("primary", "secondary")
_HASHED_BYTES = 6  # 48 bits: exact in a double, so that JavaScript and SQL can do it; modulo 10,000 biases by 4e-11


def bucket_of(name: str, alias: str, key: str | bytes) -> int:
    """Return the bucket of a routing key for an alias, from 0 to 9,999.

    Args:
        key: What shall stay on one side, such as a customer's id; text counts as its UTF-8 bytes, unnormalised.

    Raises:
        InvalidTypeError: The key is neither text nor bytes.
        InvalidInputError: The key is empty, so everything would land on one side, or has no UTF-8 form.
    """
    salt = f"{name}/{alias}\0".encode()
    digest = hashlib.sha256(salt + _key_bytes(key)).digest()
    return int.from_bytes(digest[:_HASHED_BYTES], "big") % BUCKETS


def side_of(bucket: int, weight: int | None) -> Side:
    """Return the side of a bucket at a weight of the secondary version in whole percent."""
    return "secondary" if bucket < (weight or 0) * BUCKETS_PER_PERCENT else "primary"


def check_side(side: str) -> Side:
    """Allow the name of a side.

    Raises:
        InvalidInputError: It is none.
    """
    for allowed in SIDES:
        if side == allowed:
            return allowed
    raise InvalidInputError(f"side must be one of {', '.join(SIDES)} or None, got {side!r}.", side=side)


def _key_bytes(key: str | bytes) -> bytes:
    if not isinstance(key, (str, bytes)):
        raise InvalidTypeError(f"A routing key must be str or bytes, got {key!r}; give its text, such as str({key!r}).")
    try:
        encoded = key.encode() if isinstance(key, str) else key
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"Routing key {key!r} is no valid text; give bytes.") from error
    if not encoded:
        raise InvalidInputError("A routing key must not be empty: all traffic would land on one side.")
    return encoded
