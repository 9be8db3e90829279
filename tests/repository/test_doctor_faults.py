"""The doctor among others: repairs that die, lose answers or come too late, and verifying a repository in full use."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import (
    ArtifactNotFoundError,
    ConflictError,
    InUseError,
    InvalidInputError,
    Problem,
    Repository,
)
from tests.repository import fault_wire
from tests.repository.damage import DAMAGES, GHOST, OF_THE_LIBRARY, Damage, about, found, make_artifact
from tests.repository.fault_wire import Died, Wire
from tests.repository.interruption import interrupting
from tests.repository.invariants import Ledger, visible
from tests.servers import MINISTACK, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from tests.repository.store import Store

pytestmark = pytest.mark.backends(*TRANSACTIONAL)
on_one = pytest.mark.backends(MINISTACK)  # the quicker of the two
REPAIRED = {kind: damage for kind, damage in DAMAGES.items() if damage.found != damage.left}
MANY = [
    "LATEST overwritten without a record",
    "no sha256",
    "no time on a deleted version",
    "alias moved by the library",
    "alias made by the library",
    "ghost of a number",
    "ghost under an odd key",
    "counter low",
]
_WRITES = ("Put", "Update", "Delete", "TransactWrite")


class WriteWire(Wire):
    """Counts and disturbs writes alone: a process that dies over a read has done what the one before it did."""

    def send(self, request: AWSPreparedRequest, send: Callable[[AWSPreparedRequest], AWSResponse]) -> AWSResponse:
        """Pass a request on, or not."""
        target = request.headers.get("X-Amz-Target", b"")
        operation = (target if isinstance(target, str) else target.decode()).rpartition(".")[2]
        writes = operation.startswith(_WRITES) if operation else request.method not in {"GET", "HEAD"}
        return super().send(request, send) if writes else send(request)


@pytest.fixture
def wire() -> WriteWire:
    return WriteWire()


@pytest.fixture
def disturbed(store: Store, wire: WriteWire) -> Repository:
    """A repository on a wire that fails."""
    s3, dynamodb = store.aws.new_s3(), store.aws.new_dynamodb()
    wire.join(s3, dynamodb)
    return Repository(**store.place, s3_client=s3, dynamodb_client=dynamodb)


def heal(repository: Repository, name: str) -> list[bool]:
    """Repair; return what was done."""
    return [repair.done for repair in repository.repair(name, older_than_secs=0)]


def damaged(store: Store, repository: Repository, damages: list[Damage], name: str) -> None:
    make_artifact(repository, name)
    for damage in damages:
        damage.do(store, repository, name)


def check_every_death(
    store: Store, sound: Repository, disturbed: Repository, wire: WriteWire, damages: list[Damage]
) -> None:
    """Let a repair die before and after each of its writes, and repeat it."""
    left = set().union(*(damage.left for damage in damages))
    damaged(store, sound, damages, "undisturbed")
    wire.fault, wire.sent = None, 0
    heal(disturbed, "undisturbed")
    writes, healed = wire.sent, visible(sound, "undisturbed")
    assert writes > 0
    for at, fault in itertools.product(range(1, writes + 1), (fault_wire.die_before, fault_wire.die_after)):
        name = f"{fault.__name__}-{at}"
        damaged(store, sound, damages, name)
        ledger = Ledger()
        wire.fault, wire.sent, wire.at = fault, 0, at
        with pytest.raises(Died):
            heal(disturbed, name)
        wire.fault = None
        heal(sound, name)
        assert found(sound.verify(name, older_than_secs=0)) == about(left, name)
        assert visible(sound, name) == healed
        if not left:
            ledger.check(sound, store.aws.dynamodb, name)


@on_one
@pytest.mark.parametrize("damage", REPAIRED.values(), ids=REPAIRED)
def test_repair_dies_at_any_write_and_is_repeated(
    store: Store, repository: Repository, disturbed: Repository, wire: WriteWire, damage: Damage
) -> None:
    check_every_death(store, repository, disturbed, wire, [damage])


def test_repair_of_many_damages_dies_at_any_write_and_is_repeated(
    store: Store, repository: Repository, disturbed: Repository, wire: WriteWire
) -> None:
    check_every_death(store, repository, disturbed, wire, [DAMAGES[kind] for kind in MANY])


@on_one
@pytest.mark.parametrize("fault", [fault_wire.lose_answer, fault_wire.contend, fault_wire.throttle])
def test_repair_with_a_passing_fault_at_any_write_is_done(
    store: Store, repository: Repository, disturbed: Repository, wire: WriteWire, fault: Callable[..., Any]
) -> None:
    damages = [DAMAGES[kind] for kind in MANY]
    for at in itertools.count(1):
        name = f"app-{at}"
        damaged(store, repository, damages, name)
        wire.fault, wire.sent, wire.at = fault, 0, at
        assert all(heal(disturbed, name))
        assert found(repository.verify(name, older_than_secs=0)) == set()
        if wire.sent < at:
            return


# -- repairs that come too late ----------------------------------------------------------------------------------------


def too_late(repository: Repository, monkeypatch: pytest.MonkeyPatch, event: Callable[[], object]) -> list[Any]:
    """Repair, while something else happens between its last look and its first write."""
    interrupting(monkeypatch, repository._doctor._remedies, "attempt", event)
    return list(repository.repair("app", older_than_secs=0))


@pytest.fixture
def app(repository: Repository) -> Repository:
    make_artifact(repository, "app")
    return repository


@pytest.fixture
def other(store: Store) -> Repository:
    """Another process."""
    return store.reopened()


def test_alias_moved_meanwhile_is_neither_recorded_nor_registered(
    app: Repository, other: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_item("__app-alias", "prod", version={"S": "000001"}, **OF_THE_LIBRARY)
    repairs = too_late(app, monkeypatch, lambda: other.put_alias("app", "prod", 4))

    assert {repair.finding.problem for repair in repairs} == {
        Problem.ALIAS_UNREGISTERED,
        Problem.STALE_REGISTRATION,
        Problem.ALIAS_UNRECORDED,
    }
    assert all(repair.said.startswith("Nothing was written") for repair in repairs)
    history = [(row.action, row.version) for row in app.list_alias_history("app", "prod")]
    assert history == [("put", "4"), ("observed", "1"), ("put", "2"), ("put", "1")]
    assert [repair.done for repair in app.repair("app")] == [True]  # put_alias trusts the registration it finds
    Ledger().check(app, store.aws.dynamodb, "app")


def test_alias_moved_again_by_the_library_meanwhile_is_told_as_still_there(
    app: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_item("__app-alias", "dev", version={"S": "000001"}, **OF_THE_LIBRARY)
    repairs = too_late(
        app, monkeypatch, lambda: store.put_item("__app-alias", "dev", version={"S": "000004"}, **OF_THE_LIBRARY)
    )

    assert all(repair.said.startswith("Nothing was written") for repair in repairs)
    assert all(repair.done for repair in app.repair("app"))
    Ledger().check(app, store.aws.dynamodb, "app")


def test_head_made_and_moved_on_meanwhile_is_not_set_back(
    app: Repository, other: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.delete_item("__app-meta", "alias#prod")

    def repair_and_move() -> None:
        assert all(heal(other, "app"))
        other.put_alias("app", "prod", 4)

    (repair,) = too_late(app, monkeypatch, repair_and_move)
    assert (repair.done, repair.said.startswith("Nothing was written")) == (True, True)
    assert app.rollback_alias("app", "prod").version == "2"
    Ledger().check(app, store.aws.dynamodb, "app")


def test_version_deleted_meanwhile_is_not_registered(
    app: Repository, other: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_item("__app-alias", "dev", version={"S": "000001"}, **OF_THE_LIBRARY)
    too_late(app, monkeypatch, lambda: store.set_attribute("app", "000001", "is_deleted", {"BOOL": True}))

    assert "aliases" not in store.item("app", "000001")
    assert found(other.verify("app")) == {(Problem.DANGLING_ALIAS, "dev")}


def test_ghost_whose_number_was_taken_meanwhile_stays_a_version(
    app: Repository, other: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_item("app", "000005", **GHOST)
    (repair,) = too_late(app, monkeypatch, lambda: other.publish_artifact_version("app", content=b"five"))

    assert (repair.done, repair.said.startswith("Nothing was written")) == (True, True)
    assert app.get_artifact_version("app", 5).get_content() == b"five"


def test_ghost_above_lost_numbers_stays_if_a_number_was_given_meanwhile(
    app: Repository, other: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.put_alias("app", "next", 2)
    store.delete_item("app", "000004")
    store.delete_object(store.key("app", "000004"))
    store.put_item("app", "000009", **GHOST)
    (repair,) = too_late(app, monkeypatch, lambda: other.publish_artifact_version("app", content=b"five"))

    assert (repair.done, repair.said.startswith("Nothing was written")) == (False, True)
    assert all(heal(app, "app"))
    assert [sk for _, sk in store.items("app")] == ["000001", "000002", "000003", "000005", "LATEST"]


def test_record_written_anew_meanwhile_keeps_what_it_says(
    app: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store.item("app", "000001")
    store.set_attribute("app", "000001", "etag", {"S": '"other"'})
    anew = {key: before[key] for key in ("update_at", "is_deleted")} | {"sha256": {"S": "f" * 64}}
    (repair,) = too_late(app, monkeypatch, lambda: store.put_item("app", "000001", **anew))

    assert repair.said.startswith("Nothing was written")
    assert store.item("app", "000001") == {"pk": {"S": "app"}, "sk": {"S": "000001"}, **anew}


def test_put_meanwhile_is_not_undone_by_the_repair_of_latest(
    app: Repository, other: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    DAMAGES["LATEST overwritten without a record"].do(store, app, "app")
    too_late(app, monkeypatch, lambda: other.put_artifact("app", b"put meanwhile"))
    assert app.get_artifact_version("app").get_content() == b"put meanwhile"

    DAMAGES["put died before the object"].do(store, app, "app")
    too_late(app, monkeypatch, lambda: other.put_artifact("app", b"put again"))
    assert app.get_artifact_version("app").get_content() == b"put again"
    assert found(app.verify("app", older_than_secs=0)) == set()


def test_purge_of_latest_is_not_finished_over_a_put(
    app: Repository, other: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {key: value for key, value in store.item("app", "LATEST").items() if key not in {"pk", "sk"}}
    marked = {"is_deleted": {"BOOL": True}, "state": {"S": "purging"}, "deleted_at": plain["update_at"]}
    store.put_item("app", "LATEST", **{**plain, **marked})
    store.delete_object(store.key("app", "LATEST"))
    (repair,) = too_late(app, monkeypatch, lambda: other.put_artifact("app", b"four"))

    assert repair.said.startswith("Nothing was written")
    assert app.get_artifact_version("app").get_content() == b"four"


def test_two_repairs_at_once_repair_everything_once(store: Store, app: Repository) -> None:
    for kind in MANY:
        DAMAGES[kind].do(store, app, "app")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: heal(store.reopened(), "app"), range(3)))

    assert found(app.verify("app", older_than_secs=0)) == set()
    Ledger().check(app, store.aws.dynamodb, "app")
    observed = [row.action for row in app.list_alias_history("app", "prod")].count("observed")
    assert observed == 1


# -- in full use -------------------------------------------------------------------------------------------------------

ACTIONS: list[Callable[[Repository, int], object]] = [
    lambda repository, n: repository.put_artifact("app", b"put %d" % n),
    lambda repository, _: repository.publish_artifact_version("app"),
    lambda repository, n: repository.publish_artifact_version("app", content=b"content %d" % n),
    lambda repository, n: repository.put_alias("app", "prod", 1 + n % 2),
    lambda repository, _: repository.put_alias("app", "prod", 1, 2, 50),
    lambda repository, _: repository.put_alias("app", "dev", "LATEST"),
    lambda repository, _: repository.rollback_alias("app", "prod"),
    lambda repository, _: repository.delete_alias("app", "dev"),
    lambda repository, _: repository.delete_artifact_version("app"),
    lambda repository, _: repository.restore_artifact_version("app"),
    lambda repository, _: repository.purge_artifact_versions("app", 4, 0),
    lambda repository, _: repository.free_artifact_versions("app", 0),
    lambda repository, _: repository.purge_artifact("other"),
    lambda repository, n: repository.publish_artifact_version("other", content=b"other %d" % n),
]


def test_verify_of_a_repository_in_full_use_finds_nothing(app: Repository, store: Store) -> None:
    done = threading.Event()

    def use(action: Callable[[Repository, int], object]) -> None:
        repository = store.reopened()
        for number in range(15):
            with suppress(ConflictError, InUseError, ArtifactNotFoundError, InvalidInputError):
                action(repository, number)

    def verify() -> list[Any]:
        repository, wrong = store.reopened(), []
        while not done.is_set():
            wrong += [*repository.verify(), *repository.repair()]
        return wrong

    with ThreadPoolExecutor(len(ACTIONS) + 2) as pool:
        watching = [pool.submit(verify) for _ in range(2)]
        for used in [pool.submit(use, action) for action in ACTIONS]:
            used.result()
        done.set()
        assert [str(wrong) for watch in watching for wrong in watch.result()] == []
    assert list(app.verify(read_content=True)) == []
    Ledger().check(app, store.aws.dynamodb, "app")
