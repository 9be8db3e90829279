"""What a Dag author may write for an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.task import fields

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("parse", "given", "value"),
    [
        (lambda x: fields.parse_int("n", x), " 42 ", 42),
        (lambda x: fields.parse_int("n", x), 42, 42),
        (lambda x: fields.parse_optional_int("n", x), "None", None),
        (lambda x: fields.parse_optional_int("n", x), "-3", -3),
        (lambda x: fields.parse_bool("b", x), "True", True),
        (lambda x: fields.parse_bool("b", x), " no ", False),
        (lambda x: fields.parse_bool("b", x), False, False),
        (lambda x: fields.parse_seconds("s", x), "90.5", 90.5),
        (lambda x: fields.parse_seconds("s", x), timedelta(minutes=2), 120),
        (lambda x: fields.parse_seconds("s", x), 0, 0),
        (fields.parse_optional_version, "007", "7"),
        (fields.parse_optional_version, "", None),
        (fields.parse_verify, "False", False),
        (fields.parse_verify, "/etc/ca.pem", "/etc/ca.pem"),
        (fields.parse_verify, None, None),
        (fields.parse_since, "2026-01-01T12:00:00Z", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        (fields.parse_since, "2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        (fields.parse_since, "0f3c9d", "0f3c9d"),
        (fields.parse_names, "model", ["model"]),
        (fields.parse_names, '["a", "b", "a"]', ["a", "b"]),
        (fields.parse_names, ("a", "b"), ["a", "b"]),
        (fields.parse_content, "é", b"\xc3\xa9"),
        (fields.parse_content, memoryview(b"x"), b"x"),
    ],
)
def test_argument_given_as_value_or_as_text_is_read(parse: Callable[[Any], Any], given: Any, value: Any) -> None:
    assert parse(given) == value


@pytest.mark.parametrize(
    ("parse", "given"),
    [
        *((lambda x: fields.parse_int("n", x), given) for given in (True, 1.0, "1.0", "", None, "1e3", "٣")),
        *((lambda x: fields.parse_bool("b", x), given) for given in (1, "maybe", None)),
        *((lambda x: fields.parse_seconds("s", x), given) for given in (-1, "nan", "inf", True, None, "1h")),
        *((lambda x: fields.parse_version("version", x), given) for given in (None, "", "None", "0", "v1", 1.5)),
        *((fields.parse_names, given) for given in (b"a", {"a": 1}, 5, "[1", "[")),
        *((fields.parse_content, given) for given in (None, 5, {"a": 1}, ["x"])),
        (fields.parse_since, 5),
        (fields.parse_verify, 5),
    ],
)
def test_argument_that_is_no_such_thing_is_refused_with_what_was_given(parse: Callable[[Any], Any], given: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"got|JSON|not allowed|must be"):
        parse(given)
