"""What a caller may pass: each form that is allowed comes out canonical, each other one is refused by name."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import inputs
from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        (None, "LATEST"),
        ("LATEST", "LATEST"),
        (1, "1"),
        ("1", "1"),
        ("000001", "1"),
        ("010", "10"),
        (999_999, "999999"),
        ("999999", "999999"),
    ],
)
def test_version_allowed_comes_out_in_public_form(given: int | str | None, canonical: str) -> None:
    assert inputs.check_version(given) == canonical


@pytest.mark.parametrize(
    "given",
    [
        0,
        "0",
        "000000",
        -1,
        "-1",
        "+1",
        "1.5",
        "1e3",
        1_000_000,
        "1000000",
        "0000001",
        "",
        " 1",
        "1 ",
        "1\n",
        "latest",
        "0LATEST",
        "v1",
        "prod",
        "\N{FULLWIDTH DIGIT ONE}",
        "\N{ARABIC-INDIC DIGIT THREE}",
        "1_0",
        "0x1",
    ],
)
def test_version_that_is_no_number_in_range_is_refused(given: int | str) -> None:
    with pytest.raises(InvalidInputError, match=r"Use 'LATEST' or a number from 1 to 999999\.$"):
        inputs.check_version(given)


@pytest.mark.parametrize("given", [True, False, 1.0, 1.5, b"1", [1], object()])
def test_version_of_another_type_is_refused_as_type(given: Any) -> None:
    with pytest.raises(InvalidTypeError, match="must be an int, a string or None"):
        inputs.check_version(given)


@pytest.mark.parametrize("name", ["a", "A.b_c-9", "0", "model.v2", "x" * 128, "a..b", "alias"])
def test_new_name_in_the_pattern_is_allowed(name: str) -> None:
    assert inputs.check_new_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        ".",
        "..",
        ".a",
        "-a",
        "_a",
        "__a",
        "__a-alias",
        "a/b",
        "a//b",
        "a b",
        "a\n",
        "é",
        "a#b",
        "x" * 129,
        "\ud800",
    ],
)
def test_new_name_outside_the_pattern_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"use 1 to 128 of A-Z a-z 0-9 \. _ -"):
        inputs.check_new_name(name)


@pytest.mark.parametrize("name", ["a", "a/b", "a b", "é", "..", ".x", "_x", "-", "x" * 1024])
def test_stored_name_that_only_the_library_allows_is_readable(name: str) -> None:
    assert inputs.check_stored_name(name) == name


@pytest.mark.parametrize("name", ["", "/", "//", "__x", "__x-alias", "a\x00", "a\n", "x" * 1025, "é" * 513, "\ud800"])
def test_stored_name_that_no_artifact_has_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        inputs.check_stored_name(name)


@pytest.mark.parametrize("name", ["a/b", "/a", "a/", "..", ".", "", "__x"])
def test_flat_name_without_a_folder_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        inputs.check_flat_name(name)


@pytest.mark.parametrize("alias", ["prod", "_x", "0", "000001", "LATEST", "a.b", "x" * 64])
def test_alias_in_the_pattern_is_allowed(alias: str) -> None:
    assert inputs.check_alias(alias) == alias


@pytest.mark.parametrize("alias", ["", "-", "pre-prod", ".a", "a/b", "a b", "a\n", "a#b", "é", "x" * 65])
def test_alias_outside_the_pattern_is_refused(alias: str) -> None:
    with pytest.raises(InvalidInputError, match="no hyphen"):
        inputs.check_alias(alias)


@pytest.mark.parametrize("alias", ["pre-prod", "a/b", " ", "a\n", "a#b", "é", "x" * 1024])
def test_stored_alias_that_only_the_library_allows_is_readable(alias: str) -> None:
    assert inputs.check_stored_alias(alias) == alias


@pytest.mark.parametrize("alias", ["", "x" * 1025, "\ud800"])
def test_stored_alias_that_no_key_holds_is_refused(alias: str) -> None:
    with pytest.raises(InvalidInputError, match="1 to 1024 bytes"):
        inputs.check_stored_alias(alias)


def test_split_comes_out_in_public_form() -> None:
    assert inputs.check_split(None, None, None) == ("LATEST", None, None)
    assert inputs.check_split("007", 8, 0) == ("7", "8", 0)
    assert inputs.check_split(7, "LATEST", 99) == ("7", "LATEST", 99)


@pytest.mark.parametrize("weight", [None, 0.5, 20.0, "20", True, False])
def test_split_with_a_weight_that_is_no_int_is_refused_as_type(weight: Any) -> None:
    with pytest.raises(InvalidTypeError, match="must be an int from 0 to 99"):
        inputs.check_split(1, 2, weight)


@pytest.mark.parametrize(
    ("version", "secondary", "weight"),
    [
        (1, 2, -1),
        (1, 2, 100),
        (1, 2, 999),
        (1, 1, 5),
        (1, "000001", 5),
        (None, "LATEST", 5),
        (1, None, 5),
        (1, None, 0),
        (0, None, None),
        (1, 0, 5),
        ("1.5", 2, 5),
    ],
)
def test_split_that_makes_no_sense_is_refused(version: Any, secondary: Any, weight: Any) -> None:
    with pytest.raises(InvalidInputError):
        inputs.check_split(version, secondary, weight)


def test_counts_and_spans_come_out_as_int_and_seconds() -> None:
    assert [inputs.check_count("keep_last_n", count) for count in (0, 3)] == [0, 3]
    assert [inputs.check_secs("grace_secs", secs) for secs in (0, 1.5, timedelta(days=1))] == [0.0, 1.5, 86_400.0]


def test_count_out_of_range_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidInputError, match="keep_last_n must be 0 or more, got -1"):
        inputs.check_count("keep_last_n", -1)


@pytest.mark.parametrize("secs", [-1, -0.1, math.inf, math.nan, timedelta(seconds=-1)])
def test_span_out_of_range_is_refused_by_its_name(secs: float) -> None:
    with pytest.raises(InvalidInputError, match="grace_secs must be 0 or more"):
        inputs.check_secs("grace_secs", secs)


@pytest.mark.parametrize("count", [True, 1.0, "1", None])
def test_count_of_another_type_is_refused_as_type(count: Any) -> None:
    with pytest.raises(InvalidTypeError):
        inputs.check_count("keep_last_n", count)


@pytest.mark.parametrize("secs", ["1", None, True])
def test_span_of_another_type_is_refused_as_type(secs: Any) -> None:
    with pytest.raises(InvalidTypeError):
        inputs.check_secs("grace_secs", secs)


@pytest.mark.parametrize("key", ["artifact_name", "artifact_sha256", "Artifact_SHA256", "ARTIFACT_NAME"])
def test_metadata_with_a_reserved_key_in_any_case_is_refused(key: str) -> None:
    with pytest.raises(InvalidInputError, match="choose another key"):
        inputs.check_metadata({key: "x"})


@pytest.mark.parametrize(
    "metadata", [{"": "x"}, {"a b": "x"}, {"a:": "x"}, {"k": "é"}, {"k": "a\nb"}, {"é": "x"}, {"k": "x" * 1900}]
)
def test_metadata_that_no_header_carries_is_refused(metadata: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        inputs.check_metadata(metadata)


def test_metadata_and_tags_absent_come_out_empty() -> None:
    assert inputs.check_metadata(None) == inputs.check_tags(None) == {}
    assert inputs.check_content_type(None) is None


@pytest.mark.parametrize("check", [inputs.check_metadata, inputs.check_tags])
@pytest.mark.parametrize("given", [{"k": 1}, {1: "v"}, ["k"], "k=v", {"k": None}])
def test_metadata_and_tags_that_map_no_strings_are_refused_as_type(check: Callable[[Any], Any], given: Any) -> None:
    with pytest.raises(InvalidTypeError):
        check(given)


@pytest.mark.parametrize(
    "tags", [{str(number): "v" for number in range(11)}, {"": "v"}, {"k" * 129: "v"}, {"k": "v" * 257}, {"k": "\ud800"}]
)
def test_tags_beyond_the_limits_of_s3_are_refused(tags: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        inputs.check_tags(tags)


@pytest.mark.parametrize("content_type", ["", "téxt", "text/plain\r\nx-y: z", "a\x00"])
def test_content_type_that_no_header_carries_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidInputError, match="media type"):
        inputs.check_content_type(content_type)


@pytest.mark.parametrize("text", ["", "x" * 2001, "\ud800"])
def test_text_empty_too_long_or_not_encodable_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="reason"):
        inputs.check_text("reason", text)


@pytest.mark.parametrize(("prefix", "canonical"), [("", ""), ("/", ""), ("a", "a"), ("/a//b/", "a/b"), ("é", "é")])
def test_place_prefix_comes_out_without_empty_parts(prefix: str, canonical: str) -> None:
    assert inputs.check_place("bucket", prefix, "table", ".bin")[1] == canonical


@pytest.mark.parametrize(
    "place",
    [
        ("", "p", "table", ""),
        ("bucket", "a/../b", "table", ""),
        ("bucket", ".", "table", ""),
        ("bucket", "a\n", "table", ""),
        ("bucket", "x" * 701, "table", ""),
        ("bucket", "p", "", ""),
        ("bucket", "p", "a b", ""),
        ("bucket", "p", "table", "/x"),
        ("bucket", "p", "table", "a b"),
        ("bucket", "\ud800", "table", ""),
    ],
)
def test_place_that_names_nothing_possible_is_refused(place: tuple[str, str, str, str]) -> None:
    with pytest.raises(InvalidInputError, match="is not allowed"):
        inputs.check_place(*place)


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("value", [None, 1, b"bucket"])
def test_place_of_another_type_is_refused_as_type(position: int, value: Any) -> None:
    place: list[Any] = ["bucket", "prefix", "table", ".bin"]
    place[position] = value

    with pytest.raises(InvalidTypeError):
        inputs.check_place(*place)


@pytest.mark.parametrize(
    "check",
    [
        inputs.check_new_name,
        inputs.check_stored_name,
        inputs.check_flat_name,
        inputs.check_alias,
        inputs.check_stored_alias,
    ],
)
@pytest.mark.parametrize("value", [None, 1, True, b"name", ["name"]])
def test_names_of_another_type_are_refused_as_type(check: Callable[[Any], str], value: Any) -> None:
    with pytest.raises(InvalidTypeError):
        check(value)
