"""Artifacts with many versions, made quickly: their records only, as publishing would have left them."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers import Aws, PlaceArguments

_AT_ONCE = 25  # items of one BatchWriteItem
_OLD = "2025-01-01T00:00:00.000000+0000"


def version_item(name: str, sk: str) -> dict[str, Any]:
    """Return the record of a version."""
    sha256 = hashlib.sha256(f"{name} {sk}".encode()).hexdigest()
    return {
        "pk": {"S": name},
        "sk": {"S": sk},
        "update_at": {"S": _OLD},
        "is_deleted": {"BOOL": False},
        "sha256": {"S": sha256},
        "etag": {"S": f'"{sha256[:32]}"'},
        "size": {"N": "1048576"},
        "revision": {"S": sha256[:32]},
        "state": {"S": "published"},
        "published_by": {"S": "dag release_model, run scheduled__2025-01-01T00:00:00+00:00, task publish"},
    }


def seed(aws: Aws, where: PlaceArguments, names: Sequence[str], versions: int) -> None:
    """Make artifacts with versions 1 to n, LATEST, and an object each by which they are listed."""

    def make(name: str) -> None:
        sks = ["LATEST", *(f"{number:06}" for number in range(1, versions + 1))]
        puts = [{"PutRequest": {"Item": version_item(name, sk)}} for sk in sks]
        for start in range(0, len(puts), _AT_ONCE):
            aws.dynamodb.batch_write_item(
                RequestItems={where["dynamodb_table_name"]: puts[start : start + _AT_ONCE]}  # type: ignore[dict-item] # as the stubs do not know their own items
            )
        aws.s3.put_object(Bucket=where["s3_bucket"], Key=f"{where['s3_prefix']}/{name}/LATEST.bin", Body=b"content")

    with ThreadPoolExecutor(4) as executor:
        list(executor.map(make, names))
