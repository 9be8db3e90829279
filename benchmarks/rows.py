"""What is measured of a repository beside the library ``versioned``: every operation that both have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository import Repository
from benchmarks.seed import seed
from benchmarks.servers import library_session
from benchmarks.sides import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.servers import Aws, PlaceArguments

SIZE = 1024
FEW_VERSIONS, FEW_ALIASES = 10, 3


def content(turn: int) -> bytes:
    """Return bytes that no other turn has."""
    return f"{turn:x}".encode().rjust(SIZE, b".")


def put(repository: Any, name: str, turn: int) -> bytes:
    """Make LATEST new; return what the next turn would put."""
    repository.put_artifact(name, content(turn))
    return content(-turn - 1_000_000)


def once(prepare: Callable[[Any, str], object]) -> Callable[[Any, str, int], int]:
    """Return a preparation for the first turn only, which hands on the number of the turn."""

    def before(repository: Any, name: str, turn: int) -> int:
        if turn < 0:
            prepare(repository, name)
        return turn

    return before


def versions(repository: Any, name: str, count: int = FEW_VERSIONS) -> None:
    """Publish some versions."""
    for number in range(1, count + 1):
        repository.put_artifact(name, content(-number))
        repository.publish_artifact_version(name)


def aliases(repository: Any, name: str) -> None:
    """Publish some versions, and point aliases at one."""
    versions(repository, name, 4)
    for number in range(FEW_ALIASES):
        repository.put_alias(name, f"alias{number}", 1)


def published(repository: Any, name: str, turn: int) -> Any:
    """Publish a version; return its number."""
    repository.put_artifact(name, content(turn))
    return repository.publish_artifact_version(name).version


def small_artifact(repository: Any, name: str, turn: int) -> str:
    """Make an artifact of three versions and an alias; return its name, since numbers are never given again."""
    made = f"{name}-{turn}".replace("--", "-before-")
    versions(repository, made, 3)
    repository.put_alias(made, "prod", 1)
    return made


def _pointed(repository: Any, name: str, _turn: int) -> None:
    if not repository.list_aliases(name):
        versions(repository, name, 1)
    repository.put_alias(name, "prod", 1)


def _put_and_publish(repository: Any, name: str, given: bytes) -> None:
    repository.put_artifact(name, given)
    repository.publish_artifact_version(name)


def _read(repository: Any, name: str, _found: Any) -> bytes:
    found: bytes = repository.get_artifact_version(name, 2).get_content()
    return found


def _read_by_library(repository: Any, name: str, _found: Any) -> bytes:
    found: bytes = repository.get_artifact_version(name, 2).get_content(library_session(repository.aws_region))
    return found


def _artifacts(count: int) -> Callable[[Any, str, int], None]:
    """Return a preparation that makes artifacts of 3 versions."""

    def before(repository: Any, _name: str, _turn: int) -> None:
        for number in range(count):
            versions(repository, f"artifact-{number}", 3)

    return before


def _bootstrap_by_library(repository: Any, _name: str, _found: Any) -> None:
    repository.bootstrap(library_session(repository.aws_region))


def many(aws: Aws, count: int, *, objects: bool) -> Callable[[Any, str, int], str]:
    """Return a preparation that makes an artifact of many versions, and hands on its name."""

    def before(repository: Any, name: str, turn: int) -> str:
        made = f"{name}-{turn}-{count}"
        where: PlaceArguments = {
            "s3_bucket": repository.s3_bucket,
            "s3_prefix": repository.s3_prefix,
            "dynamodb_table_name": repository.dynamodb_table_name,
            "suffix": repository.suffix,
        }
        seed(aws, where, [made], count, objects=objects)
        return made

    return before


def of_both(aws: Aws, *, small: bool = False) -> Sequence[Row]:
    """Return the operations that the library has, too."""
    thousand, fifty, turns = (40, 5, 1) if small else (1000, 50, 2)

    def fresh(repository: Any) -> Repository:
        return Repository(
            *(repository.s3_bucket, repository.s3_prefix, repository.dynamodb_table_name, repository.suffix),
            s3_client=aws.s3,
            dynamodb_client=aws.dynamodb,
        )

    return (
        Row(
            "put new content",
            "put_artifact",
            lambda r, n, given: r.put_artifact(n, given),
            lambda r, n, given: r.put_artifact(n, given),
            put,
        ),
        Row(
            "put unchanged content",
            "put_artifact",
            lambda r, n, _: r.put_artifact(n, content(-1)),
            lambda r, n, _: r.put_artifact(n, content(-1)),
            once(lambda r, n: r.put_artifact(n, content(-1))),
        ),
        Row(
            "publish LATEST",
            "publish_artifact_version",
            lambda r, n, _: r.publish_artifact_version(n),
            lambda r, n, _: r.publish_artifact_version(n),
            put,
        ),
        Row(
            "publish given bytes (there: put, publish)",
            "publish_artifact_version",
            lambda r, n, turn: r.publish_artifact_version(n, content=content(turn)),
            lambda r, n, turn: _put_and_publish(r, n, content(turn)),
            once(lambda r, n: versions(r, n, 1)),
            target=0.6,
        ),
        Row(
            "publish given bytes, as the first call of a process",
            "publish_artifact_version",
            lambda r, n, turn: fresh(r).publish_artifact_version(n, content=content(turn)),
            lambda r, n, turn: _put_and_publish(r, n, content(turn)),
            once(lambda r, n: versions(r, n, 1)),
            target=0.6,
        ),
        Row(
            "publish given bytes under a key (there: without)",
            "publish_artifact_version",
            lambda r, n, turn: r.publish_artifact_version(n, content=content(turn), idempotency_key=f"k{turn}"),
            lambda r, n, turn: _put_and_publish(r, n, content(turn)),
            once(lambda r, n: versions(r, n, 1)),
            target=0.6,
        ),
        Row(
            "get a version's record",
            "get_artifact_version",
            lambda r, n, _: r.get_artifact_version(n, 2),
            lambda r, n, _: r.get_artifact_version(n, 2),
            once(lambda r, n: versions(r, n, 2)),
        ),
        Row(
            "list 10 versions",
            "list_artifact_versions",
            lambda r, n, _: r.list_artifact_versions(n),
            lambda r, n, _: r.list_artifact_versions(n),
            once(versions),
        ),
        Row(
            "get a record and read 1 KiB (there: unverified)",
            "read_content",
            _read,
            _read_by_library,
            once(lambda r, n: versions(r, n, 2)),
        ),
        Row(
            "put an alias",
            "put_alias",
            lambda r, n, turn: r.put_alias(n, "prod", 1 + turn % 2),
            lambda r, n, turn: r.put_alias(n, "prod", 1 + turn % 2),
            once(lambda r, n: versions(r, n, 2)),
        ),
        Row(
            "put an alias, split",
            "put_alias",
            lambda r, n, turn: r.put_alias(n, "prod", 1 + turn % 2, 2 - turn % 2, 20),
            lambda r, n, turn: r.put_alias(n, "prod", 1 + turn % 2, 2 - turn % 2, 20),
            once(lambda r, n: versions(r, n, 2)),
            target=0.7,
        ),
        Row(
            "put an alias, split, as the first call of a process",
            "put_alias",
            lambda r, n, turn: fresh(r).put_alias(n, "prod", 1 + turn % 2, 2 - turn % 2, 20),
            lambda r, n, turn: r.put_alias(n, "prod", 1 + turn % 2, 2 - turn % 2, 20),
            once(lambda r, n: versions(r, n, 2)),
            target=0.7,
        ),
        Row(
            "get an alias",
            "get_alias",
            lambda r, n, _: r.get_alias(n, "alias0"),
            lambda r, n, _: r.get_alias(n, "alias0"),
            once(aliases),
        ),
        Row(
            "list 3 aliases",
            "list_aliases",
            lambda r, n, _: r.list_aliases(n),
            lambda r, n, _: r.list_aliases(n),
            once(aliases),
        ),
        Row(
            "delete an alias",
            "delete_alias",
            lambda r, n, _: r.delete_alias(n, "prod"),
            lambda r, n, _: r.delete_alias(n, "prod"),
            _pointed,
        ),
        Row(
            "delete a version",
            "delete_artifact_version",
            lambda r, n, version: r.delete_artifact_version(n, version),
            lambda r, n, version: r.delete_artifact_version(n, version),
            published,
        ),
        Row(
            f"purge {thousand:,} versions",
            "purge_artifact_versions",
            lambda r, _, name: r.purge_artifact_versions(name, 0, 0),
            lambda r, _, name: r.purge_artifact_versions(name, 0, 0),
            many(aws, thousand, objects=False),
            target=0.05,
            turns=turns,
        ),
        Row(
            "purge an artifact of 3 versions and an alias",
            "purge_artifact",
            lambda r, _, name: r.purge_artifact(name),
            lambda r, _, name: r.purge_artifact(name),
            small_artifact,
        ),
        Row(
            f"purge an artifact of {thousand:,} versions",
            "purge_artifact",
            lambda r, _, name: r.purge_artifact(name),
            lambda r, _, name: r.purge_artifact(name),
            many(aws, thousand, objects=True),
            target=0.4,
            turns=turns + 1,
        ),
        Row(
            "list the names of 3 artifacts",
            "list_artifact_names",
            lambda r, _, __: r.list_artifact_names(),
            lambda r, _, __: r.list_artifact_names(),
            once(lambda r, n: _artifacts(3)(r, n, 0)),
            place="three",
        ),
        Row(
            "purge all, 3 artifacts of 3 versions",
            "purge_all",
            lambda r, _, __: r.purge_all(),
            lambda r, _, __: r.purge_all(),
            _artifacts(3),
            place="all",
        ),
        Row(
            f"purge all, {fifty} artifacts of 3 versions",
            "purge_all",
            lambda r, _, __: r.purge_all(),
            lambda r, _, __: r.purge_all(),
            _artifacts(fifty),
            turns=turns + 1,
            place="all",
        ),
        Row(
            "bootstrap, all there already",
            "bootstrap",
            lambda r, _, __: r.bootstrap(deletion_protection=False, point_in_time_recovery=False),
            _bootstrap_by_library,
        ),
    )
