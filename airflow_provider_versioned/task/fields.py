"""From a rendered template to a value: what a Dag author may write for each argument.

Templates render to strings, so every argument is accepted both as the Python value and as its text. Pure functions,
called when a task executes; what the repository itself allows (ranges, names) it checks itself. A blank text, and the
``None`` that Jinja writes for an absent value, count as "not given" where an argument is optional.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError
from airflow_provider_versioned.repository.inputs import check_count, check_version

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.retention_plan import PurgePlan

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_MOST_WORKERS = 100
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def optional(value: Any) -> Any:
    """Return the value, or None when a template rendered to nothing."""
    if isinstance(value, str) and value.strip() in {"", "None"}:
        return None
    return value


def parse_int(what: str, value: Any) -> int:
    """Read a whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value)
    raise InvalidInputError(f"{what} must be a whole number, got {value!r}.", what=what)


def parse_optional_int(what: str, value: Any) -> int | None:
    """Read a whole number, or None when none was given."""
    return None if optional(value) is None else parse_int(what, value)


def parse_count(what: str, value: Any) -> int:
    """Read a whole number of 0 or more."""
    return check_count(what, parse_int(what, value))


def parse_workers(what: str, value: Any) -> int:
    """Read a number of threads."""
    workers = parse_int(what, value)
    if not 1 <= workers <= _MOST_WORKERS:
        raise InvalidInputError(f"{what} must be 1 to {_MOST_WORKERS}, got {value!r}.", what=what)
    return workers


def parse_optional_rate(what: str, value: Any) -> float | None:
    """Read a number of things a second, or None when none was given."""
    if optional(value) is None:
        return None
    try:
        rate = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        rate = float("nan")
    if not 0 < rate < float("inf"):
        raise InvalidInputError(f"{what} must be a positive number, got {value!r}.", what=what)
    return rate


def parse_bool(what: str, value: Any) -> bool:
    """Read a truth value: a bool, or true / false, yes / no, 1 / 0 as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _BOOLEANS:
        return _BOOLEANS[value.strip().lower()]
    raise InvalidInputError(f"{what} must be true or false, got {value!r}.", what=what)


def parse_seconds(what: str, value: Any) -> float:
    """Read a duration: a number of seconds (also as text) or a timedelta."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    try:
        seconds = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = float("nan")
    if not 0 <= seconds < float("inf"):
        raise InvalidInputError(f"{what} must be a number of seconds of 0 or more, or a timedelta, got {value!r}.")
    return seconds


def parse_optional_seconds(what: str, value: Any) -> float | None:
    """Read a duration, or None when none was given."""
    return None if optional(value) is None else parse_seconds(what, value)


def parse_plans(plans: Any) -> list[PurgePlan]:
    """Read one retention plan or a list of them, each as the dict that was stored; JSON or Python text of it, too."""
    from airflow_provider_versioned.repository.retention_plan import PurgePlan  # noqa: PLC0415 -- not needed to parse a Dag file

    if isinstance(plans, str):
        plans = _literal("plan must be a stored purge plan or a list of them", plans)
    plans = [plans] if isinstance(plans, dict) else plans
    if not isinstance(plans, Iterable) or isinstance(plans, (str, bytes)):
        raise InvalidTypeError(f"plan must be a stored purge plan or a list of them, got {plans!r}.")
    return [PurgePlan.from_dict(plan) for plan in plans]


def parse_approval(approval: Any, *, needed: bool) -> Any:
    """Read an approval: the mapping, or JSON or Python text of it.

    Args:
        needed: An approval was announced: that none came is an error.
    """
    given = optional(approval)
    if given is None and needed:
        raise InvalidInputError("approval was asked for, but there is none: nothing may be moved.")
    return _literal("approval must be a mapping", given) if isinstance(given, str) else given


def _literal(rule: str, text: str) -> Any:
    """Read JSON, or what Jinja makes of a Python value."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError):
            continue
    raise InvalidInputError(f"{rule}, got the text {text[:200]!r}.")


def parse_version(what: str, version: Any) -> str:
    """Read a version that must be named: a template that rendered to nothing does not mean LATEST."""
    given = parse_optional_version(version)
    if given is None:
        raise InvalidInputError(f"{what} must be 'LATEST' or a number, got {version!r}.", what=what)
    return given


def parse_optional_version(version: Any) -> str | None:
    """Read a version, or None when none was given."""
    given = optional(version)
    return None if given is None else check_version(given)


def parse_verify(verify: Any) -> bool | str | None:
    """Read boto3's ``verify``: a bool, or the path of a CA bundle."""
    given = optional(verify)
    if isinstance(given, str) and given.strip().lower() in {"true", "false"}:
        return parse_bool("verify", given)
    if given is None or isinstance(given, (bool, str)):
        return given
    raise InvalidTypeError(f"verify must be true, false or the path of a CA bundle, got {given!r}.")


def parse_since(since: Any) -> datetime | str:
    """Read a moment (ISO 8601; UTC when it names no zone) or, if it is none, an alias's revision."""
    moment = since
    if isinstance(since, str):
        try:
            moment = datetime.fromisoformat(since.strip())
        except ValueError:
            return since.strip()
    if not isinstance(moment, datetime):
        raise InvalidTypeError(f"changed_since must be a moment in ISO 8601 or an alias's revision, got {since!r}.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_names(names: Any) -> list[str]:
    """Read one artifact name, several, or a JSON list of them."""
    if isinstance(names, str):
        names = json_list(names) if names.lstrip().startswith("[") else [names]
    if not isinstance(names, Iterable) or isinstance(names, (bytes, dict)):
        raise InvalidTypeError(f"name must be an artifact name, a list of them or None, got {names!r}.")
    return list(dict.fromkeys(names))


def json_list(text: str) -> list[Any]:
    """Read a JSON list, such as a rendered ``{{ params.names | tojson }}``."""
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"{text!r} looks like a JSON list but is none: {error}.") from error
    if not isinstance(parsed, list):
        raise InvalidInputError(f"{text!r} must be a JSON list.")
    return parsed


def parse_content(content: Any) -> bytes:
    """Read content given in the Dag: bytes as they are, text as UTF-8."""
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    raise InvalidTypeError(
        f"content must be str or bytes, got {type(content).__name__}; serialise it, or give a file as source."
    )
