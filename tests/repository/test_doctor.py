"""The doctor on real servers: each kind of damage is found under its code, repaired or asked for, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from airflow_provider_versioned.repository import InvalidInputError, Problem, Repository, WrongRepositoryError
from tests.repository.damage import DAMAGES, Damage, about, found, make_artifact, overwrite
from tests.repository.invariants import Ledger
from tests.repository.library import Library, our_view
from tests.servers import MINISTACK, MOTO, TRANSACTIONAL

if TYPE_CHECKING:
    from tests.repository.store import Store
    from tests.repository.traffic import Traffic

pytestmark = pytest.mark.backends(*TRANSACTIONAL)
LARGE = 1024**2 + 1


@pytest.fixture
def app(repository: Repository) -> Repository:
    """A repository with the artifact ``app`` and a healthy neighbour ``app-2``."""
    make_artifact(repository, "app")
    make_artifact(repository, "app-2")
    return repository


def test_healthy_repository_gives_no_finding_and_is_left_alone(app: Repository, store: Store) -> None:
    app.publish_artifact_version("app", content=b"five")
    app.restore_artifact_version("app", 3)
    app.delete_alias("app", "next")
    app.protect("app", 1, "audit")
    app.purge_artifact("app-2")
    app.publish_artifact_version("app-2", content=b"again")

    with store.unchanged():
        assert list(app.verify(older_than_secs=0)) == []
        assert list(app.verify(read_content=True, older_than_secs=0)) == []
        assert list(app.repair(older_than_secs=0)) == []


@pytest.mark.backends(MINISTACK)  # the quicker of the two; the other meets many damages in test_doctor_faults.py
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found_and_repaired_or_asked_for(app: Repository, store: Store, damage: Damage) -> None:
    expected, left = about(damage.found, "app"), about(damage.left, "app")
    neighbour = store.items("app-2"), store.items("__app-2-alias"), store.items("__app-2-meta")
    damage.do(store, app, "app")
    objects = store.objects()

    with store.unchanged():
        findings = list(app.verify("app", older_than_secs=0))
        assert found(findings) == expected
        assert list(app.verify(older_than_secs=0)) == findings
    for finding in findings:
        assert finding.name == "app"
        assert json.loads(json.dumps(finding.to_dict()))["problem"] == finding.problem
        assert finding.message.endswith(".")
        assert finding.advice.endswith(".")

    repairs = list(app.repair("app", older_than_secs=0))
    assert found(repair.finding for repair in repairs) == expected
    assert found(repair.finding for repair in repairs if repair.done) == expected - left
    assert json.loads(json.dumps([repair.to_dict() for repair in repairs]))
    assert found(app.verify(older_than_secs=0)) == left
    if not left:
        Ledger().check(app, store.aws.dynamodb, "app")
    assert (store.items("app-2"), store.items("__app-2-alias"), store.items("__app-2-meta")) == neighbour
    if not {Problem.UNFINISHED_PURGE, Problem.STALE_PENDING} & {problem for problem, _ in expected}:
        assert store.objects() == objects
    with store.unchanged():
        assert not any(repair.done for repair in app.repair(older_than_secs=0))


# -- single kinds of damage, looked at closely -------------------------------------------------------------------------


def test_content_that_was_swapped_is_found_by_reading_alone(app: Repository, store: Store) -> None:
    overwrite("000001", b"eno", name="name", sha256=str(app.get_artifact_version("app", 1).sha256))(store, app, "app")
    etag = store.aws.s3.head_object(Bucket=store.bucket, Key=store.key("app", "000001"))["ETag"]
    store.set_attribute("app", "000001", "etag", {"S": etag})

    assert list(app.verify()) == []
    (finding,) = app.verify(read_content=True)
    assert (finding.problem, finding.where, finding.repairable) == ("content-mismatch", "1", False)
    assert "should have sha256 7692c3ad" in finding.message


def test_content_larger_than_a_chunk_is_read_whole(repository: Repository, store: Store) -> None:
    content = bytes(LARGE)
    repository.publish_artifact_version("app", content=content)
    assert list(repository.verify(read_content=True)) == []

    sha256 = repository.get_artifact_version("app", 1).sha256
    overwrite("000001", content[:-1] + b"1", name="name", sha256=sha256)(store, repository, "app")
    assert found(repository.verify(read_content=True)) == {("content-mismatch", "1")}


def test_time_in_another_form_is_kept_and_a_missing_one_is_the_objects(app: Repository, store: Store) -> None:
    written_at = app.get_artifact_version("app", 1).update_at
    store.set_attribute("app", "000001", "update_at", {"S": "2026-11-22T12:20:44.5+02:00"})
    store.set_attribute("app", "000002", "update_at", {"S": "last Tuesday"})

    assert all(repair.done for repair in app.repair("app"))
    assert store.item("app", "000001")["update_at"] == {"S": "2026-11-22T10:20:44.500000+0000"}
    assert abs(app.get_artifact_version("app", 2).update_at - written_at) < timedelta(minutes=5)


def test_ghost_may_not_go_before_a_tombstone_keeps_the_last_number(app: Repository, store: Store) -> None:
    app.put_alias("app", "next", 2)
    for sk in ("000002", "000003", "000004"):
        store.delete_item("app-2", sk)
    for alias in ("prod", "next"):
        app.put_alias("app-2", alias, 1)
    store.put_item("app-2", "000009", is_deleted={"BOOL": True})
    store.put_item("app-2", "000004", is_deleted={"BOOL": True})
    for key in list(store.objects()):
        if "app-2/00000" in key and not key.endswith("1.bin"):
            store.delete_object(key)

    while list(app.verify("app-2")):
        assert any(repair.done for repair in app.repair("app-2"))
    assert set(store.items("app-2")) == {("app-2", "000001"), ("app-2", "000004"), ("app-2", "LATEST")}
    assert store.item("app-2", "000004")["state"] == {"S": "purging"}
    assert app.publish_artifact_version("app-2", content=b"new").version == "5"


def test_ghost_at_the_last_number_does_not_end_the_artifact(app: Repository, store: Store) -> None:
    store.put_item("app", "999999", is_deleted={"BOOL": True})

    assert [repair.done for repair in app.repair("app")] == [True]
    assert set(store.items("app")) == {("app", sk) for sk in ("000001", "000002", "000003", "000004", "LATEST")}
    assert app.publish_artifact_version("app", content=b"new").version == "5"


def test_ghost_of_latest_is_removed_and_one_over_bytes_is_not(app: Repository, store: Store) -> None:
    store.put_item("empty", "LATEST", is_deleted={"BOOL": True})
    store.put_item("app", "LATEST", is_deleted={"BOOL": True})

    assert [(repair.finding.name, repair.done) for repair in app.repair()] == [("app", False), ("empty", True)]
    assert store.items("empty") == {}
    assert app.put_artifact("app", b"four").get_content() == b"four"
    assert list(app.verify()) == []


def test_purge_of_an_artifact_that_died_is_finished_but_for_bytes_of_latest(app: Repository, store: Store) -> None:
    for sk, item in store.items("app").items():
        marked = {"is_deleted": {"BOOL": True}, "state": {"S": "purging"}, "deleted_at": item["update_at"]}
        plain = {key: value for key, value in item.items() if key not in {"pk", "sk", "aliases"}}
        store.put_item("app", sk[1], **{**plain, **marked})
    for alias in ("prod", "next"):
        app.delete_alias("app", alias)

    repairs = list(app.repair("app", older_than_secs=0))
    assert {repair.finding.where: repair.done for repair in repairs} == {
        **dict.fromkeys(("1", "2", "3", "4"), True),
        "LATEST": False,
    }
    assert "purge_artifact('app')" in repairs[-1].said
    assert [key for key in store.objects() if "/app/" in key] == ["artifacts/app/LATEST.bin"]
    assert set(store.items("app")) == {("app", "000004"), ("app", "LATEST")}
    app.purge_artifact("app")
    assert list(app.verify(older_than_secs=0)) == []
    assert app.publish_artifact_version("app", content=b"new").version == "5"


def test_record_of_latest_that_a_purge_left_without_bytes_is_removed(app: Repository, store: Store) -> None:
    item = store.item("app", "LATEST")
    store.put_item("app", "LATEST", is_deleted={"BOOL": True}, state={"S": "purging"}, update_at=item["update_at"])
    store.set_attribute("app", "LATEST", "deleted_at", item["update_at"])
    store.delete_object(store.key("app", "LATEST"))

    assert [(repair.finding.problem, repair.done) for repair in app.repair("app", older_than_secs=0)] == [
        (Problem.UNFINISHED_PURGE, True)
    ]
    assert ("app", "LATEST") not in store.items("app")


def test_observed_alias_is_recorded_once_and_keeps_its_revision(app: Repository, store: Store) -> None:
    store.put_item("__app-alias", "prod", version={"S": "000001"}, update_at={"S": "2026-11-22T10:20:44.402141+0000"})
    seen = app.get_alias("app", "prod")
    assert all(repair.done for repair in app.repair("app"))

    assert app.get_alias("app", "prod").revision == seen.revision
    history = [(row.sequence, row.action, row.version) for row in app.list_alias_history("app", "prod")]
    assert history == [(3, "observed", "1"), (2, "put", "2"), (1, "put", "1")]
    app.put_alias("app", "prod", 4, if_revision=seen.revision)
    history = [(row.sequence, row.action, row.version) for row in app.list_alias_history("app", "prod")]
    assert history[0] == (4, "put", "4")
    assert app.rollback_alias("app", "prod").version == "1"
    Ledger().check(app, store.aws.dynamodb, "app")


def test_deletion_by_another_tool_is_recorded_and_the_alias_can_be_made_again(app: Repository, store: Store) -> None:
    store.delete_item("__app-alias", "prod")
    assert all(repair.done for repair in app.repair("app"))
    assert list(app.verify("app")) == []

    store.put_item("__app-alias", "prod", version={"S": "000001"})
    assert all(repair.done for repair in app.repair("app"))
    store.delete_item("__app-alias", "prod")
    assert all(repair.done for repair in app.repair("app"))
    app.put_alias("app", "prod", 4)
    history = [(row.sequence, row.action, row.version) for row in app.list_alias_history("app", "prod")]
    assert history[:4] == [(6, "put", "4"), (5, "observed", None), (4, "observed", "1"), (3, "observed", None)]
    Ledger().check(app, store.aws.dynamodb, "app")


def test_alias_whose_head_was_lost_can_be_moved_again(app: Repository, store: Store) -> None:
    store.delete_item("__app-meta", "alias#prod")
    assert all(repair.done for repair in app.repair("app"))

    app.put_alias("app", "prod", 4)
    assert [row.sequence for row in app.list_alias_history("app", "prod")] == [3, 2, 1]
    Ledger().check(app, store.aws.dynamodb, "app")


def test_dangling_alias_advice_brings_the_version_back(app: Repository, store: Store) -> None:
    store.set_attribute("app", "000002", "is_deleted", {"BOOL": True})
    findings = list(app.verify("app"))
    assert all("restore_artifact_version('app', '2')" in finding.advice for finding in findings)

    app.restore_artifact_version("app", 2)
    assert list(app.verify("app")) == []


@pytest.mark.backends(MINISTACK)  # the other refuses requests of another time
def test_what_is_young_is_no_problem(app: Repository, store: Store) -> None:
    for kind in ("publish died after the claim", "put died after the object", "freeing died before the bytes"):
        DAMAGES[kind].do(store, app, "app")

    assert list(app.verify()) == []
    assert list(app.repair()) == []
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=25)):
        assert {finding.problem for finding in app.verify("app")} == {
            Problem.STUCK_CLAIM,
            Problem.STALE_PENDING,
            Problem.UNFINISHED_PURGE,
        }
        assert list(app.verify("app", older_than_secs=timedelta(days=2))) == []


# -- the repository as a whole -----------------------------------------------------------------------------------------


def test_what_belongs_to_no_artifact_is_told_in_short_and_left_alone(app: Repository, store: Store) -> None:
    store.delete_item("__repository", "marker")
    for number in range(5):
        store.put_item(f"__strange{number}", "x")
        store.put_object(f"artifacts/stray{number}", b"")
    store.put_object("artifacts/__folder/x", b"")
    store.put_object("artifacts/reports/today.csv", b"")
    store.put_item("settings", "theme", color={"S": "red"})
    store.put_object("elsewhere/x", b"")

    with store.unchanged():
        findings = {(finding.name, finding.problem.value): finding for finding in app.verify()}
        assert not any(repair.done for repair in app.repair())
    assert findings.keys() == {
        (None, "marker-missing"),
        (None, "foreign-items"),
        (None, "foreign-objects"),
        ("reports", "foreign-objects"),
        ("settings", "foreign-items"),
    }
    assert "but there are 5 ('__strange" in findings[None, "foreign-items"].message
    assert "but there are 6 (" in findings[None, "foreign-objects"].message
    assert "but there are 1 ('artifacts/reports/today.csv')" in findings["reports", "foreign-objects"].message
    assert len(findings[None, "foreign-objects"].message) < 200


def test_names_with_only_aliases_or_bookkeeping_are_found(repository: Repository, store: Store) -> None:
    store.put_item("__a-alias", "prod", version={"S": "000001"})
    store.put_item("__b-meta", "counter", highest={"S": "x"})
    store.put_version("c/d", "000001")
    store.put_object("artifacts/my app/LATEST.bin", b"x", Metadata={"artifact_name": "my app"})

    assert {(finding.name, finding.problem.value) for finding in repository.verify()} == {
        ("a", "dangling-alias"),
        ("a", "alias-unrecorded"),
        ("b", "record-unreadable"),
        ("c/d", "record-without-bytes"),
        ("c/d", "counter-missing"),
        ("my app", "bytes-without-record"),
    }


def test_name_that_nothing_is_known_of_and_one_that_is_not_allowed(repository: Repository) -> None:
    assert list(repository.verify("nobody")) == []
    assert list(repository.repair("nobody")) == []
    for call in (repository.verify, repository.repair):
        with pytest.raises(InvalidInputError, match="Artifact name '' is not allowed"):
            call("")
        with pytest.raises(InvalidInputError, match="older_than_secs must be 0 or more"):
            call("app", older_than_secs=-1)


def test_table_of_another_repository_is_refused(app: Repository, store: Store) -> None:
    other = Repository(
        store.bucket, "artifacts", store.table, ".zip", s3_client=store.aws.s3, dynamodb_client=store.aws.dynamodb
    )
    for call in (other.verify, other.repair):
        with pytest.raises(WrongRepositoryError):
            list(call())


# -- a repository of the library ---------------------------------------------------------------------------------------


@pytest.mark.backends(MOTO)
def test_repository_of_the_library_is_taken_over_by_one_repair(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(store.aws, store.place, monkeypatch)
    library.publish("app", b"one", b"two", b"three")
    library.put_alias("app", "prod", version=1, secondary_version=2, secondary_version_weight=20)
    library.delete_artifact_version("app", version=3)
    library.delete_artifact_version("app", version=1000)
    library.delete_artifact_version("app", version="prod")
    before = library.view("app")

    assert found(repository.verify()) == {
        ("ghost", "1000"),
        ("ghost", "prod"),
        ("alias-unregistered", "prod"),
        ("alias-unrecorded", "prod"),
        ("counter-missing", "counter"),
    }
    assert all(repair.done for repair in repository.repair())
    assert list(repository.verify(read_content=True, older_than_secs=0)) == []
    assert library.view("app") == before == our_view(repository, "app")
    Ledger().check(repository, store.aws.dynamodb, "app")
    library.publish("app", b"four")
    assert [finding.problem for finding in repository.verify()] == [Problem.COUNTER_LOW]
    assert repository.publish_artifact_version("app", content=b"five").version == "5"


@pytest.mark.backends(MOTO)
def test_latest_that_the_library_left_torn_is_repaired(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(store.aws, store.place, monkeypatch)
    library.put_artifact("app", b"one")
    record = store.item("app", "LATEST")
    library.put_artifact("app", b"two")
    store.put_item("app", "LATEST", **{key: value for key, value in record.items() if key not in {"pk", "sk"}})

    assert found(repository.verify()) == {("latest-apart", "LATEST")}
    assert [repair.done for repair in repository.repair()] == [True]
    assert library.content("app") == b"two" == repository.get_artifact_version("app").get_content()
    assert library.view("app") == our_view(repository, "app")


# -- what it costs -----------------------------------------------------------------------------------------------------


@pytest.mark.backends(MOTO)
def test_verify_costs_one_head_per_visible_version_and_one_listing(
    app: Repository, store: Store, traffic: Traffic
) -> None:
    watched = traffic.repository(store.aws, store.place)
    assert list(watched.verify("app")) == []

    assert sorted(traffic.of(lambda: list(watched.verify("app")))) == [
        *["HeadObject"] * 4,  # LATEST, 1, 2, 4
        "ListObjectsV2",
        *["Query"] * 3,
    ]
    store.delete_object(store.key("app", "000001"))
    requests = traffic.of(lambda: list(watched.verify("app")))
    assert requests.count("HeadObject") == 3 + 1  # the second look asks again for LATEST alone


@pytest.mark.backends(MOTO)
def test_verify_and_repair_write_nothing_else_than_what_is_repaired(
    app: Repository, store: Store, traffic: Traffic
) -> None:
    watched = traffic.repository(store.aws, store.place)
    store.set_attribute("__app-meta", "counter", "highest", {"N": "2"})
    reads = {"Query", "Scan", "GetItem", "BatchGetItem", "ListObjectsV2", "HeadObject", "GetObject"}

    assert set(traffic.of(lambda: list(watched.verify(read_content=True)))) <= reads
    repairs: list[Any] = []
    writes = [sent for sent in traffic.of(lambda: repairs.extend(watched.repair())) if sent not in reads]
    assert writes == ["UpdateItem"]
    assert [repair.done for repair in repairs] == [True]
