"""VerifyRepositoryOperator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_versioned.operators import VerifyRepositoryOperator, verification
from tests.repository.damage import GHOST, make_artifact
from tests.repository.store import Store
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun
    from tests.servers import Aws, PlaceArguments

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def store(aws: Aws, unique_place: PlaceArguments, connection: Repository) -> Store:
    """The raw side of a repository with the artifacts ``a`` and ``b``."""
    for name in ("a", "b"):
        make_artifact(connection, name)
    return Store(aws, unique_place)


@pytest.fixture
def damaged(store: Store) -> Store:
    """In ``a``, the object of version 1 is lost and there is a ghost; in ``b`` a ghost."""
    store.delete_object(store.key("a", "000001"))
    for name in ("a", "b"):
        store.put_item(name, "001000", **GHOST)
    return store


def verify(**arguments: Any) -> VerifyRepositoryOperator:
    return VerifyRepositoryOperator(task_id="verify", **arguments)


def test_healthy_repository_succeeds_with_an_empty_result(store: Store, run: FakeRun) -> None:
    nothing = {"findings": 0, "repaired": 0, "problems": {}, "first_findings": []}

    with store.unchanged():
        assert run.execute(verify()) == nothing
        assert run.execute(verify(repair=True, read_content="yes", name='["a", "b"]')) == nothing


def test_findings_fail_the_task_for_good_and_are_logged_and_left_as_xcom(
    damaged: Store, run: FakeRun, log_lines: list[str]
) -> None:
    with (
        damaged.unchanged(),
        pytest.raises(AirflowFailException, match="findings left: 2 ghost, 1 record-without-bytes; the log says"),
    ):
        run.execute(verify())

    assert [line.partition(": There")[0] for line in log_lines[:-1]] == [
        "a 1: record-without-bytes",
        "a 1000: ghost",
        "b 1000: ghost",
    ]
    assert log_lines[-1] == "3 findings, 0 repaired."
    left = run.xcoms["verify", "findings"]
    assert (left["findings"], left["problems"]) == (3, {"ghost": 2, "record-without-bytes": 1})
    assert left["first_findings"][0]["where"] == "1"
    assert json.loads(json.dumps(left)) == left


def test_repair_fails_over_what_is_left_alone(damaged: Store, run: FakeRun, log_lines: list[str]) -> None:
    with pytest.raises(AirflowFailException, match="findings left: 1 record-without-bytes;"):
        run.execute(verify(repair="true"))

    assert sum("ghost: repaired: Removed the mark." in line for line in log_lines) == 2
    assert log_lines[-1] == "3 findings, 2 repaired."
    result = run.execute(verify(fail_on_findings="false"))
    assert (result["findings"], result["repaired"], result["problems"]) == (1, 0, {"record-without-bytes": 1})


@pytest.mark.parametrize("ignored", ["record-without-bytes", ["record-without-bytes"], '["record-without-bytes"]'])
def test_ignored_problems_are_told_and_fail_nothing(damaged: Store, run: FakeRun, ignored: object) -> None:
    result = run.execute(verify(repair=True, ignored_problems=ignored))

    assert (result["findings"], result["repaired"]) == (3, 2)
    assert [(entry["name"], entry["problem"], entry["repaired"]) for entry in result["first_findings"]] == [
        ("a", "ghost", True),
        ("a", "record-without-bytes", False),
        ("b", "ghost", True),
    ]


def test_names_limit_what_is_verified_and_repaired(damaged: Store, run: FakeRun) -> None:
    assert run.execute(verify(name="b", repair=True))["repaired"] == 1
    assert ("a", "001000") in damaged.items("a")
    assert run.execute(verify(name=["b"]))["findings"] == 0


def test_content_is_read_if_asked_also_after_a_repair(store: Store, run: FakeRun) -> None:
    key = store.key("a", "000001")
    metadata = store.aws.s3.head_object(Bucket=store.bucket, Key=key)["Metadata"]
    store.put_object(key, b"eno", Metadata=metadata)
    store.set_attribute("a", "000001", "etag", {"S": store.aws.s3.head_object(Bucket=store.bucket, Key=key)["ETag"]})

    assert run.execute(verify())["findings"] == 0
    for repair in (False, True):
        with pytest.raises(AirflowFailException, match="1 content-mismatch"):
            run.execute(verify(read_content="true", repair=repair))


def test_unfinished_work_counts_from_the_age_that_is_given(store: Store, run: FakeRun) -> None:
    claim = {"is_deleted": {"BOOL": True}, "state": {"S": "claimed"}, "sha256": {"S": "0" * 64}}
    store.put_item("a", "000004", update_at={"S": "2026-01-01T00:00:00.000000+0000"}, **claim)

    old = run.execute(verify(older_than="60", fail_on_findings=False))["problems"]
    young = run.execute(verify(older_than=10**9, fail_on_findings=False))["problems"]
    assert old == {**young, "stuck-claim": 1}


def test_result_is_short_however_much_is_found(damaged: Store, run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "LISTED", 1)
    result = run.execute(verify(fail_on_findings=False))

    assert (result["findings"], len(result["first_findings"])) == (3, 1)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"repair": "perhaps"}, "repair must be true or false"),
        ({"read_content": 3}, "read_content must be true or false"),
        ({"fail_on_findings": ""}, "fail_on_findings must be true or false"),
        ({"ignored_problems": "gost"}, "ignored_problems must be among record-without-bytes,"),
        ({"older_than": "long"}, "older_than must be a number of seconds"),
        ({"name": "a\n"}, "Artifact name"),
    ],
)
def test_wrong_argument_fails_for_good_and_repairs_nothing(
    damaged: Store, run: FakeRun, wrong: dict[str, Any], words: str
) -> None:
    with damaged.unchanged(), pytest.raises(AirflowFailException, match=words):
        run.execute(verify(**{"repair": True, **wrong}))
