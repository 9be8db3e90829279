"""What LATEST's item says of those who expect an object, and what follows for the ETags of the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import ConflictError, Repository, etags
from airflow_provider_versioned.repository.etags import expectation
from airflow_provider_versioned.repository.revisions import new_revision
from tests.repository.fault_wire import Wire, lose_answer_and_token
from tests.repository.half_done import latest
from tests.repository.interruption import interrupting

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.repository.store import Store
    from tests.servers import Aws, PlaceArguments

    Write = Callable[[Repository], object]

AN_HOUR_AGO = f"{0:012x}{'0' * 20}"


def expected_by(etag: str, revision: str) -> dict[str, list[str]]:
    return {"SS": [expectation(etag, revision)]}


def test_put_gives_its_object_no_etag_that_somebody_still_expects(repository: Repository, store: Store) -> None:
    first = repository.put_artifact("m", b"one").etag
    repository.put_artifact("m", b"two")
    store.set_attribute("m", "LATEST", "expected_etags", expected_by(str(first), new_revision()))

    second = repository.put_artifact("m", b"one", content_type="text/plain").etag

    assert second != first
    assert latest(repository) == b"one"
    assert store.aws.s3.head_object(Bucket=store.bucket, Key=store.key("m", "LATEST"))["ContentType"] == "text/plain"


def test_put_of_bytes_that_have_both_etags_expected_says_so_and_changes_nothing(
    repository: Repository, store: Store
) -> None:
    first = str(repository.put_artifact("m", b"one").etag)
    both = [first]
    for _ in range(2):
        repository.put_artifact("m", b"two")
        said = [expectation(etag, new_revision()) for etag in both]
        store.set_attribute("m", "LATEST", "expected_etags", {"SS": said})
        if len(both) == 1:
            both.append(str(repository.put_artifact("m", b"one").etag))

    with pytest.raises(ConflictError, match=r"exactly these bytes; put other content, or try again after 1:00:00"):
        repository.put_artifact("m", b"one")

    assert latest(repository) == b"two"


@pytest.mark.parametrize("since", [AN_HOUR_AGO, "of another tool"])
def test_expectation_of_one_who_has_not_come_back_for_an_hour_is_dropped(
    repository: Repository, store: Store, since: str
) -> None:
    first = str(repository.put_artifact("m", b"one").etag)
    repository.put_artifact("m", b"two")
    store.set_attribute("m", "LATEST", "expected_etags", expected_by(first, since))

    assert repository.put_artifact("m", b"one").etag == first
    store.reopened().publish_artifact_version("m", content=b"three")

    assert "expected_etags" not in store.item("m", "LATEST")


def test_publish_whose_commit_was_answered_too_late_expects_nothing_any_more(
    repository: Repository, store: Store, aws: Aws, unique_place: PlaceArguments
) -> None:
    repository.put_artifact("m", b"before")
    s3, dynamodb, wire = aws.new_s3(), aws.new_dynamodb(), Wire(lose_answer_and_token, 4)
    wire.join(s3, dynamodb)
    publishing = Repository(**unique_place, s3_client=s3, dynamodb_client=dynamodb)

    publishing.publish_artifact_version("m", content=b"published")

    assert wire.sent == 7
    assert not {"expected_etags", "pending", "pending_version"} & store.item("m", "LATEST").keys()
    assert latest(repository) == b"published"


def test_publish_beside_one_who_has_just_said_what_it_expects_reads_again(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = str(repository.put_artifact("m", b"one").etag)
    repository.put_artifact("m", b"two")
    said: dict[str, Any] = expected_by(first, new_revision())
    interrupting(
        monkeypatch, repository._table, "transact", lambda: store.set_attribute("m", "LATEST", "expected_etags", said)
    )

    repository.publish_artifact_version("m", content=b"one")

    assert latest(repository) == b"one"
    assert store.item("m", "LATEST")["etag"]["S"] != first
    assert store.item("m", "LATEST")["expected_etags"] == said


@pytest.mark.parametrize(
    ("source", "avoid", "in_one_part"),
    [
        ('"0123456789abcdef0123456789abcdef"', {'"0123456789abcdef0123456789abcdef"'}, True),
        ('"0123456789abcdef0123456789abcdef"', {'"fedcba9876543210fedcba9876543210"'}, False),
        ('"0123456789abcdef0123456789abcdef-2"', {'"fedcba9876543210fedcba9876543210"'}, True),
        ('"0123456789abcdef0123456789abcdef-2"', {'"fedcba9876543210fedcba9876543210-1"'}, False),
    ],
)
def test_copy_goes_in_one_part_if_it_could_get_an_expected_etag(
    source: str, avoid: set[str], in_one_part: bool
) -> None:
    assert etags.copy_in_one_part("Copying", "m", source, frozenset(avoid)) is in_one_part
