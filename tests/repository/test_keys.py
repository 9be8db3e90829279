"""Keys: where things stand, and that reading a key back gives what it was built from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_versioned.repository import keys
from airflow_provider_versioned.repository.keys import Place

PLACE = Place("bucket", "team/artifacts", "table", ".tar.gz")
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True)


@pytest.mark.parametrize(
    ("version", "stored"), [("LATEST", "LATEST"), ("1", "000001"), ("100", "000100"), ("999999", "999999")]
)
def test_version_is_stored_padded_and_read_back(version: str, stored: str) -> None:
    assert keys.encode_version(version) == stored
    assert keys.decode_version(stored) == version


def test_stored_numbers_sort_as_numbers_below_latest() -> None:
    stored = [keys.encode_version(str(number)) for number in (1, 9, 10, 99, 100, 999_999)]

    assert stored == sorted(stored)
    assert max(stored) < keys.encode_version("LATEST")


@pytest.mark.parametrize("sk", ["000000", "1", "0000001", "1000000", "-00001", "00True", "latest", "", "000001\n"])
def test_sort_key_that_no_version_has_is_told_apart(sk: str) -> None:
    assert not keys.is_version_sk(sk)


def test_object_key_has_prefix_name_version_and_suffix() -> None:
    assert PLACE.object_key("my-model", "7") == "team/artifacts/my-model/000007.tar.gz"
    assert PLACE.s3uri("my-model", "LATEST") == "s3://bucket/team/artifacts/my-model/LATEST.tar.gz"
    assert Place("bucket", "", "table", "").object_key("m", "1") == "m/000001"


def test_object_key_of_a_legacy_name_has_no_empty_parts() -> None:
    assert PLACE.object_key("a//b/", "1") == PLACE.object_key("a/b", "1") == "team/artifacts/a/b/000001.tar.gz"


@given(name=NAMES, number=st.integers(1, 999_999))
def test_object_key_read_back_gives_its_version(name: str, number: int) -> None:
    version = str(number)
    key = PLACE.object_key(name, version)

    assert PLACE.version_of_object(name, key) == version
    assert PLACE.object_key_of(PLACE.s3uri(name, version)) == key


@pytest.mark.parametrize(
    "rest", ["LATEST", "000001", "000001.zip", "1.tar.gz", "000000.tar.gz", "x/000001.tar.gz", "0000001.tar.gz"]
)
def test_object_of_another_form_is_no_version(rest: str) -> None:
    assert PLACE.version_of_object("m", f"team/artifacts/m/{rest}") is None


@given(one=NAMES, other=NAMES)
def test_partitions_of_two_names_never_meet(one: str, other: str) -> None:
    def partitions(name: str) -> set[str]:
        return {name, keys.alias_pk(name), keys.meta_pk(name), keys.MARKER_KEY[0]}

    assert len(partitions(one)) == 4
    if one != other:
        assert partitions(one) & partitions(other) == {keys.MARKER_KEY[0]}


def test_history_keys_sort_by_sequence() -> None:
    stored = [keys.history_sk("prod", sequence) for sequence in (1, 2, 10, 11, 100, 10**9)]

    assert stored == sorted(stored)
    assert all(sk.startswith(keys.history_prefix("prod")) for sk in stored)


def test_history_key_of_an_odd_alias_is_told_from_that_of_a_shorter_one() -> None:
    assert keys.is_history_sk("a", keys.history_sk("a", 7))
    assert not keys.is_history_sk("a", keys.history_sk("a#b", 7))
    assert not keys.is_history_sk("a", keys.history_sk("a#000000000001", 7))


@given(key=st.text(st.characters(codec="ascii"), min_size=1), sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True))
def test_bookkeeping_keys_stay_within_what_dynamodb_takes(key: str, sha256: str) -> None:
    assert len(keys.publish_sk(key, sha256)) < 1024
    assert len(keys.request_sk("a" * 64, key)) < 1024


@pytest.mark.parametrize("weight", [None, 0, 5, 99])
@pytest.mark.parametrize("version", ["LATEST", "7", "999999"])
@pytest.mark.parametrize("metric", [None, "seconds", "p99.latency-ms"])
def test_outcome_key_is_read_as_it_was_built(weight: int | None, version: str, metric: str | None) -> None:
    sk = keys.outcome_sk("prod", "rollout", weight, version, 7, metric)
    assert keys.read_outcome_sk("prod", "rollout", sk) == (weight, version, metric)
    assert sk.startswith(keys.outcome_prefix("prod", "rollout"))


def test_what_counts_nothing_is_not_read_as_outcome() -> None:
    for sk in (keys.looks_sk("a", "r", "1", "LATEST"), keys.outcome_sk("b", "r", 5, "1", 0), "outcome#a#"):
        assert keys.read_outcome_sk("a", "r", sk) is None
    assert not keys.report_sk("a", "r", "key").startswith(keys.outcome_prefix("a", "r"))
    assert len(keys.outcome_sk("a" * 64, "r" * 2000, 5, "1", 0, "m" * 64)) < 1024
    assert len(keys.report_sk("a" * 64, "r" * 2000, "k" * 2000)) < 1024


def test_idempotency_keys_do_not_appear_in_stored_keys() -> None:
    assert "dag.run.task" not in keys.publish_sk("dag.run.task", "0" * 64) + keys.request_sk("prod", "dag.run.task")
