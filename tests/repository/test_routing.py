"""Sticky routing: the documented rule, stickiness, and what is refused."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_versioned.repository import Alias, InvalidInputError, InvalidTypeError, Repository
from airflow_provider_versioned.repository.routing import BUCKETS, bucket_of
from tests.servers import MOTO

if TYPE_CHECKING:
    from tests.repository.store import Store
    from tests.repository.traffic import Traffic

DOCUMENT = (Path(__file__).parents[2] / "docs" / "routing.md").read_text()
MOMENT = datetime(2026, 11, 22, tzinfo=UTC)
SPLIT = Alias("churn-model", "prod", MOMENT, "7", "8", 5, "s3://bucket/7", "s3://bucket/8")
KEYS = [f"customer-{number}" for number in range(20_000)]


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table of the document whose header begins so."""
    table = DOCUMENT[DOCUMENT.index(f"| {heading} |") :].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_vectors_of_the_document_are_what_the_code_says() -> None:
    vectors = rows("artifact")[2:]
    assert len(vectors) >= 9
    for name, alias, key, hexadecimal, bucket in vectors:
        assert bucket_of(name, alias, bytes.fromhex(hexadecimal)) == int(bucket)
        if key != "(no text)":
            assert bucket_of(name, alias, key) == int(bucket)


def test_versions_of_the_document_are_what_the_alias_says() -> None:
    header, _, *table = rows("key | 0 %")
    assert len(table) >= 5
    for key, *versions in table:
        for weight, version in zip(header[1:], versions, strict=True):
            alias = replace(SPLIT, secondary_version_weight=int(weight.removesuffix(" %")))
            assert alias.route(key) == version


def test_shell_commands_of_the_document_print_what_it_says() -> None:
    script, printed = re.findall(r"```bash\n(.*?)```\n\nprints `(\d+)`", DOCUMENT, re.DOTALL)[0]
    assert subprocess.check_output(["/bin/bash", "-c", script], text=True).strip() == printed == "5033"


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_text_and_its_utf8_bytes_are_one_key(key: str) -> None:
    assert bucket_of("m", "prod", key) == bucket_of("m", "prod", key.encode())
    assert 0 <= bucket_of("m", "prod", key) < BUCKETS


def test_widening_only_brings_keys_to_the_canary_and_in_proportion() -> None:
    before: set[str] = set()
    for weight in (0, 1, 5, 25, 50, 99):
        alias = replace(SPLIT, secondary_version_weight=weight)
        canary = {key for key in KEYS if alias.route(key) == "8"}
        assert before <= canary
        assert abs(len(canary) / len(KEYS) - weight / 100) < 0.012  # four standard deviations at 50 %
        before = canary


def test_buckets_are_used_evenly() -> None:
    tenths = Counter(bucket_of("m", "prod", str(number)) * 10 // BUCKETS for number in range(20_000))
    assert set(tenths) == set(range(10))
    assert all(abs(count - 2000) < 200 for count in tenths.values())


def test_other_alias_and_other_artifact_hash_anew() -> None:
    alone = {key for key in KEYS if SPLIT.route(key) == "8"}
    for other in (replace(SPLIT, alias="staging"), replace(SPLIT, name="churn")):
        both = alone & {key for key in KEYS if other.route(key) == "8"}
        assert len(both) < len(alone) / 5  # by chance a twentieth


def test_alias_and_key_do_not_run_into_each_other() -> None:
    assert bucket_of("m", "prod", "a") != bucket_of("m", "proda", b"\0")
    assert len({bucket_of("m", "a", "bc"), bucket_of("m", "ab", "c"), bucket_of("m/a", "b", "c")}) == 3


@pytest.mark.parametrize("weight", [0, 5, 99])
def test_side_by_hand_wins_over_key_and_weight(weight: int) -> None:
    alias = replace(SPLIT, secondary_version_weight=weight)
    for key in KEYS[:50]:
        assert (alias.route(key, side="primary"), alias.route(key, side="secondary")) == ("7", "8")
        assert alias.route_s3uri(key, side="secondary") == "s3://bucket/8"


def test_s3uri_follows_the_version() -> None:
    for key in KEYS[:500]:
        assert SPLIT.route_s3uri(key) == f"s3://bucket/{SPLIT.route(key)}"


def test_alias_of_one_version_routes_everything_there() -> None:
    alone = replace(SPLIT, secondary_version=None, secondary_version_weight=None, secondary_version_s3uri=None)
    assert {alone.route(key) for key in KEYS[:200]} == {"7"}
    assert alone.route_s3uri("x") == "s3://bucket/7"
    with pytest.raises(InvalidInputError, match="'prod' of 'churn-model' has no secondary version; use its version 7"):
        alone.route("x", side="secondary")


@pytest.mark.parametrize("key", [42, None, True, 1.5, ["a"]])
def test_key_that_is_neither_text_nor_bytes_is_refused(key: Any) -> None:
    with pytest.raises(InvalidTypeError, match="must be str or bytes"):
        SPLIT.route(key)


@pytest.mark.parametrize("key", ["", b"", "\ud800"])
def test_key_without_content_is_refused(key: str | bytes) -> None:
    with pytest.raises(InvalidInputError, match=r"must not be empty|no valid text"):
        SPLIT.route(key)


def test_side_that_is_none_is_refused() -> None:
    side: Any = "canary"
    with pytest.raises(InvalidInputError, match="side must be one of primary, secondary or None, got 'canary'"):
        SPLIT.route("x", side=side)


@pytest.mark.backends(MOTO)
def test_resolving_a_key_takes_one_request_and_its_content_two_more(
    repository: Repository, store: Store, traffic: Traffic
) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("m", content=content)
    repository.put_alias("m", "prod", 1, 2, 50)
    watched = traffic.repository(store.aws, store.place)
    watched.list_aliases("warm-up")

    def resolve(key: str) -> str:
        return watched.get_alias("m", "prod").route_s3uri(key)

    assert traffic.of(partial(resolve, "customer-1")) == ["GetItem"]
    alias = watched.get_alias("m", "prod")
    contents = {key: alias.route_artifact(key).get_content() for key in KEYS[:20]}
    assert set(contents.values()) == {b"one", b"two"}
    assert all((content == b"two") == (alias.route(key) == "2") for key, content in contents.items())
    assert traffic.of(lambda: alias.route_artifact("customer-1").get_content()) == ["GetItem", "GetObject"]
