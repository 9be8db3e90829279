"""Artifacts with many versions, made quickly: their records only, as publishing would have left them."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.servers import Aws, PlaceArguments

_AT_ONCE = 25  # items of one BatchWriteItem
_CONTENT = b"content"
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
        "etag": {"S": f'"{hashlib.md5(_CONTENT, usedforsecurity=False).hexdigest()}"'},
        "size": {"N": str(len(_CONTENT))},
        "revision": {"S": sha256[:32]},
        "state": {"S": "published"},
        "published_by": {"S": "dag release_model, run scheduled__2025-01-01T00:00:00+00:00, task publish"},
    }


def seed(
    aws: Aws, where: PlaceArguments, names: Sequence[str], versions: int, *, objects: bool = False, threads: int = 4
) -> None:
    """Make artifacts with versions 1 to n, LATEST, and an object each by which they are listed.

    Args:
        objects: Whether every version has its object, too.
        threads: How many requests at once.
    """
    executor = ThreadPoolExecutor(threads)

    def put(name: str, sk: str) -> None:
        aws.s3.put_object(
            Bucket=where["s3_bucket"],
            Key=f"{where['s3_prefix']}/{name}/{sk}.bin",
            Body=_CONTENT,
            Metadata={"artifact_name": name, "artifact_sha256": version_item(name, sk)["sha256"]["S"]},
        )

    def write(puts: list[Any]) -> None:
        aws.dynamodb.batch_write_item(RequestItems={where["dynamodb_table_name"]: puts})

    with executor:
        under_way: list[Iterator[None]] = []
        for name in names:
            sks = ["LATEST", *(f"{number:06}" for number in range(1, versions + 1))]
            puts = [{"PutRequest": {"Item": version_item(name, sk)}} for sk in sks]
            counter = {"pk": {"S": f"__{name}-meta"}, "sk": {"S": "counter"}, "highest": {"N": str(versions)}}
            puts.append({"PutRequest": {"Item": counter}})
            under_way += [
                executor.map(write, [puts[start : start + _AT_ONCE] for start in range(0, len(puts), _AT_ONCE)]),
                executor.map(put, [name] * len(sks), sks if objects else sks[:1]),
            ]
        for results in under_way:
            list(results)  # raises what went wrong
