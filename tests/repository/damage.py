"""What crashes, the library ``versioned`` and people do to an artifact, and what the doctor has to say of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository import Problem, Repository
from tests.repository.fault_wire import Died, Wire, die_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_versioned.repository import Finding
    from tests.repository.store import RawItem, Store

Found = set[tuple[str, str]]
ELSEWHERE = {"S": "f" * 64}
OTHER_TIME = {"S": "2026-11-22T10:20:44.5Z"}
NO_TIME = {"S": "last Tuesday"}
GHOST = {"is_deleted": {"BOOL": True}}
OF_THE_LIBRARY = {"update_at": {"S": "2026-11-22T10:20:44.402141+0000"}}


def make_artifact(repository: Repository, name: str) -> None:
    """Make an artifact: versions 1 to 4, 3 deleted; alias prod at 1, then 2; next at 2 with 10 % to 4."""
    for content in (b"one", b"two", b"three", b"four"):
        repository.publish_artifact_version(name, content=content, idempotency_key=str(content))
    repository.delete_artifact_version(name, 3)
    repository.put_alias(name, "prod", 1)
    repository.put_alias(name, "prod", 2, idempotency_key="task")
    repository.put_alias(name, "next", 2, 4, 10)
    repository.record_outcome(name, "prod", 2, success=True, metrics={"ms": 3.5}, rollout="run", idempotency_key="one")


def found(findings: Iterable[Finding]) -> Found:
    """Return what findings are about."""
    return {(finding.problem.value, finding.where) for finding in findings}


@dataclass(frozen=True)
class Damage:
    """One way to damage the artifact of :func:`make_artifact`.

    Attributes:
        do: Takes the raw side, a repository, the artifact's name.
        found: What verify finds.
        left: What it finds after repair.
    """

    do: Callable[[Store, Repository, str], object]
    found: Found
    left: Found


def remove_attributes(store: Store, pk: str, sk: str, *names: str) -> None:
    """Write an item again without some attributes."""
    raw = store.item(pk, sk)
    store.put_item(pk, sk, **{key: value for key, value in raw.items() if key not in {"pk", "sk", *names}})


def lose_object(sk: str) -> Callable[[Store, Repository, str], object]:
    """Remove a version's object."""
    return lambda store, _, name: store.delete_object(store.key(name, sk))


def lose_item(sk: str) -> Callable[[Store, Repository, str], object]:
    """Remove a version's item."""
    return lambda store, _, name: store.delete_item(name, sk)


def overwrite(sk: str, content: bytes, **metadata: str) -> Callable[[Store, Repository, str], object]:
    """Write a version's object again; ``name`` in metadata stands for the artifact's."""

    def do(store: Store, _: Repository, name: str) -> None:
        said = {f"artifact_{key}": name if value == "name" else value for key, value in metadata.items()}
        store.put_object(store.key(name, sk), content, Metadata=said)

    return do


def put_item(pk: str, sk: str, **attributes: Any) -> Callable[[Store, Repository, str], object]:
    """Write an item; ``{name}`` in its pk stands for the artifact's name."""
    return lambda store, _, name: store.put_item(pk.format(name=name), sk, **attributes)


def set_attribute(pk: str, sk: str, attribute: str, value: RawItem) -> Callable[[Store, Repository, str], object]:
    """Change one attribute of an item."""
    return lambda store, _, name: store.set_attribute(pk.format(name=name), sk, attribute, value)


def die(action: Callable[[Repository, str], object], at: int) -> Callable[[Store, Repository, str], object]:
    """Let a process die when its so-maniest request has landed."""

    def do(store: Store, _: Repository, name: str) -> None:
        wire, s3, dynamodb = Wire(), store.aws.new_s3(), store.aws.new_dynamodb()
        dying = Repository(**store.place, s3_client=s3, dynamodb_client=dynamodb)
        dying.list_aliases("nobody")  # its first use reads the marker
        wire.join(s3, dynamodb)
        wire.fault, wire.at = die_after, at
        with suppress(Died):
            action(dying, name)

    return do


def together(*damages: Callable[[Store, Repository, str], object]) -> Callable[[Store, Repository, str], object]:
    """Do several."""

    def do(store: Store, repository: Repository, name: str) -> None:
        for damage in damages:
            damage(store, repository, name)

    return do


def asked(do: Callable[[Store, Repository, str], object], *problems: tuple[str, str]) -> Damage:
    """Damage that a person has to look at."""
    return Damage(do, set(problems), set(problems))


def repaired(do: Callable[[Store, Repository, str], object], *problems: tuple[str, str]) -> Damage:
    """Damage that is repaired."""
    return Damage(do, set(problems), set())


ONE = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"  # of b"one"
_NEW = b"new content"
P = Problem

DAMAGES: dict[str, Damage] = {
    # -- bytes and records
    "object lost": asked(lose_object("000001"), (P.RECORD_WITHOUT_BYTES, "1")),
    "object of LATEST lost": asked(lose_object("LATEST"), (P.RECORD_WITHOUT_BYTES, "LATEST")),
    "object of a deleted version lost": asked(lose_object("000003"), (P.DELETED_WITHOUT_BYTES, "3")),
    "item lost": asked(lose_item("000001"), (P.BYTES_WITHOUT_RECORD, "1")),
    "item of LATEST lost": repaired(lose_item("LATEST"), (P.BYTES_WITHOUT_RECORD, "LATEST")),
    "other bytes of the same size": asked(overwrite("000001", b"eno", name="name", sha256=ONE), (P.ETAG_MISMATCH, "1")),
    "other bytes of another size": asked(overwrite("000001", b"1", name="name", sha256=ONE), (P.SIZE_MISMATCH, "1")),
    "metadata of other bytes": asked(
        overwrite("000001", b"one", name="name", sha256="f" * 64), (P.SHA256_MISMATCH, "1")
    ),
    "no metadata": asked(overwrite("000001", b"one"), (P.METADATA_MISSING, "1")),
    "another ETag": repaired(set_attribute("{name}", "000001", "etag", {"S": '"other"'}), (P.ETAG_MISMATCH, "1")),
    "record of other bytes": asked(set_attribute("{name}", "000001", "sha256", ELSEWHERE), (P.SHA256_MISMATCH, "1")),
    "no sha256": repaired(
        lambda store, _, name: remove_attributes(store, name, "000001", "sha256"), (P.RECORD_INCOMPLETE, "1")
    ),
    "no is_deleted": repaired(
        lambda store, _, name: remove_attributes(store, name, "000001", "is_deleted"), (P.RECORD_INCOMPLETE, "1")
    ),
    "no update_at": repaired(
        lambda store, _, name: remove_attributes(store, name, "000001", "update_at"), (P.RECORD_INCOMPLETE, "1")
    ),
    "time in another form": repaired(
        set_attribute("{name}", "000001", "update_at", OTHER_TIME), (P.RECORD_INCOMPLETE, "1")
    ),
    "no time at all": repaired(set_attribute("{name}", "000001", "update_at", NO_TIME), (P.RECORD_INCOMPLETE, "1")),
    "no time on a deleted version": repaired(
        set_attribute("{name}", "000003", "update_at", NO_TIME), (P.RECORD_INCOMPLETE, "3")
    ),
    "no sha256 on LATEST": repaired(
        lambda store, _, name: remove_attributes(store, name, "LATEST", "sha256"), (P.RECORD_INCOMPLETE, "LATEST")
    ),
    "no sha256 anywhere": asked(
        together(
            lambda store, _, name: remove_attributes(store, name, "000001", "sha256"), overwrite("000001", b"one")
        ),
        (P.RECORD_INCOMPLETE, "1"),
        (P.METADATA_MISSING, "1"),
    ),
    "no sha256, and metadata of other bytes": asked(
        together(
            lambda store, _, name: remove_attributes(store, name, "000001", "sha256", "etag"),
            overwrite("000001", b"eno", name="name", sha256=ONE),
        ),
        (P.RECORD_INCOMPLETE, "1"),
    ),
    "no sha256, and metadata of another artifact": asked(
        together(
            lambda store, _, name: remove_attributes(store, name, "000001", "sha256", "etag"),
            overwrite("000001", b"one", name="another", sha256=ONE),
        ),
        (P.RECORD_INCOMPLETE, "1"),
    ),
    "attribute of another type": asked(
        set_attribute("{name}", "000001", "size", {"S": "3"}), (P.RECORD_UNREADABLE, "1")
    ),
    "counter of another type": asked(
        set_attribute("__{name}-meta", "counter", "highest", {"S": "4"}), (P.RECORD_UNREADABLE, "counter")
    ),
    # -- LATEST
    "LATEST overwritten without a record": repaired(
        overwrite(
            "LATEST", _NEW, name="name", sha256="fe32608c9ef5b6cf7e3f946480253ff76f24f4ec0678f3d0f07f9844cbff9601"
        ),
        (P.LATEST_APART, "LATEST"),
    ),
    "put died before the object": repaired(
        die(lambda repository, name: repository.put_artifact(name, _NEW), 1), (P.STALE_PENDING, "LATEST")
    ),
    "put died after the object": repaired(
        die(lambda repository, name: repository.put_artifact(name, _NEW), 2), (P.STALE_PENDING, "LATEST")
    ),
    "publish died before the copy to LATEST": repaired(
        die(lambda repository, name: repository.publish_artifact_version(name, content=_NEW), 4),
        (P.STALE_PENDING, "LATEST"),
    ),
    "put died, and the object is lost": asked(
        together(die(lambda repository, name: repository.put_artifact(name, _NEW), 1), lose_object("LATEST")),
        (P.RECORD_WITHOUT_BYTES, "LATEST"),
    ),
    # -- numbers
    "publish died after the claim": asked(
        die(lambda repository, name: repository.publish_artifact_version(name, content=_NEW), 2), (P.STUCK_CLAIM, "5")
    ),
    "publish died before the commit": asked(
        die(lambda repository, name: repository.publish_artifact_version(name, content=_NEW), 3), (P.STUCK_CLAIM, "5")
    ),
    "freeing died before the bytes": repaired(
        die(lambda repository, name: repository.free_artifact_versions(name, 0), 3), (P.UNFINISHED_PURGE, "3")
    ),
    "freeing died after the bytes": repaired(
        die(lambda repository, name: repository.free_artifact_versions(name, 0), 4), (P.UNFINISHED_PURGE, "3")
    ),
    "ghost of a number": repaired(put_item("{name}", "001000", **GHOST), (P.GHOST, "1000")),
    "ghost under an odd key": repaired(put_item("{name}", "latest", **GHOST), (P.GHOST, "latest")),
    "ghost over bytes": asked(put_item("{name}", "000001", **GHOST), (P.GHOST, "1")),
    "ghost above numbers that are gone": repaired(
        together(
            lose_item("000004"),
            lose_object("000004"),
            put_item("{name}", "000009", **GHOST),
            put_item("__{name}-alias", "next", version={"S": "000002"}, **OF_THE_LIBRARY),
        ),
        (P.GHOST, "9"),
        (P.ALIAS_UNRECORDED, "next"),
    ),
    "counter lost": repaired(
        lambda store, _, name: store.delete_item(f"__{name}-meta", "counter"), (P.COUNTER_MISSING, "counter")
    ),
    "counter low": repaired(
        set_attribute("__{name}-meta", "counter", "highest", {"N": "2"}), (P.COUNTER_LOW, "counter")
    ),
    # -- aliases
    "target deleted by the library": asked(
        set_attribute("{name}", "000002", "is_deleted", {"BOOL": True}),
        (P.DANGLING_ALIAS, "prod"),
        (P.DANGLING_ALIAS, "next"),
    ),
    "target lost": asked(together(lose_item("000004"), lose_object("000004")), (P.DANGLING_ALIAS, "next")),
    "alias moved by the library": repaired(
        put_item("__{name}-alias", "prod", version={"S": "000001"}, **OF_THE_LIBRARY),
        (P.ALIAS_UNREGISTERED, "prod"),
        (P.STALE_REGISTRATION, "prod"),
        (P.ALIAS_UNRECORDED, "prod"),
    ),
    "alias made by the library": repaired(
        put_item(
            "__{name}-alias",
            "dev",
            version={"S": "LATEST"},
            secondary_version={"S": "000001"},
            secondary_version_weight={"N": "20"},
            **OF_THE_LIBRARY,
        ),
        (P.ALIAS_UNREGISTERED, "dev"),
        (P.ALIAS_UNRECORDED, "dev"),
    ),
    "alias written again by the library as it was": repaired(
        put_item("__{name}-alias", "prod", version={"S": "000002"}, **OF_THE_LIBRARY), (P.ALIAS_UNRECORDED, "prod")
    ),
    "alias deleted by the library": repaired(
        lambda store, _, name: store.delete_item(f"__{name}-alias", "prod"),
        (P.STALE_REGISTRATION, "prod"),
        (P.ALIAS_UNRECORDED, "prod"),
    ),
    "registration lost": repaired(
        lambda store, _, name: remove_attributes(store, name, "000002", "aliases"),
        (P.ALIAS_UNREGISTERED, "prod"),
        (P.ALIAS_UNREGISTERED, "next"),
    ),
    "registration of a deleted version": repaired(
        set_attribute("{name}", "000003", "aliases", {"SS": ["prod"]}), (P.STALE_REGISTRATION, "prod")
    ),
    "registration of no alias": repaired(
        set_attribute("{name}", "000001", "aliases", {"SS": ["gone"]}), (P.STALE_REGISTRATION, "gone")
    ),
    "alias with a time in another form": repaired(
        set_attribute("__{name}-alias", "prod", "update_at", OTHER_TIME), (P.ALIAS_UNREADABLE, "prod")
    ),
    "alias with no time": asked(
        set_attribute("__{name}-alias", "prod", "update_at", NO_TIME), (P.ALIAS_UNREADABLE, "prod")
    ),
    "alias at no version": asked(
        set_attribute("__{name}-alias", "prod", "version", {"S": "newest"}), (P.ALIAS_UNREADABLE, "prod")
    ),
    "head lost": repaired(
        lambda store, _, name: store.delete_item(f"__{name}-meta", "alias#prod"), (P.HEAD_MISSING, "prod")
    ),
    "head of another type": asked(
        set_attribute("__{name}-meta", "alias#prod", "sequence", {"S": "2"}), (P.HISTORY_BROKEN, "prod")
    ),
    "first change lost": asked(
        lambda store, _, name: store.delete_item(f"__{name}-meta", f"history#prod#{1:012d}"),
        (P.HISTORY_BROKEN, "prod"),
    ),
    "newest change lost": asked(
        lambda store, _, name: store.delete_item(f"__{name}-meta", f"history#prod#{2:012d}"),
        (P.HISTORY_BROKEN, "prod"),
    ),
    "change doubled": asked(
        lambda store, _, name: store.put_item(
            f"__{name}-meta",
            f"history#prod#{3:012d}",
            **{
                key: value
                for key, value in store.item(f"__{name}-meta", f"history#prod#{2:012d}").items()
                if key not in {"pk", "sk"}
            },
        ),
        (P.HISTORY_BROKEN, "prod"),
    ),
    "history that leads elsewhere": asked(
        set_attribute("__{name}-meta", f"history#prod#{2:012d}", "version", {"S": "1"}), (P.HISTORY_BROKEN, "prod")
    ),
    # -- what is not ours
    "foreign items": asked(
        together(
            put_item("{name}", "#meta", color={"S": "red"}),
            put_item("__{name}-alias", "#meta", color={"S": "red"}),
            put_item("__{name}-meta", "notes", color={"S": "red"}),
        ),
        (P.FOREIGN_ITEMS, "__{name}-alias #meta"),
    ),
    "foreign objects": asked(
        together(
            lambda store, _, name: store.put_object(f"artifacts/{name}/000001.txt", b"another repository's"),
            lambda store, _, name: store.put_object(f"artifacts/{name}/notes", b"a person's"),
            overwrite("000777", b"nobody's"),
        ),
        (P.FOREIGN_OBJECTS, "artifacts/{name}/000001.txt"),
    ),
}


def about(problems: Found, name: str) -> Found:
    """Fill an artifact's name into what is to be found."""
    return {(problem, where.format(name=name)) for problem, where in problems}
