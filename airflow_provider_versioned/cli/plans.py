"""Purge plans as a file: made by one, read and approved by another, applied as it stands.

The file names the repository that it is for, so that it cannot be applied to another one by mistake.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.retention_plan import PurgePlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_versioned.cli.settings import Place

FORMAT = 1
_STDIN = "-"


def to_json(place: Place, plans: Sequence[PurgePlan]) -> dict[str, Any]:
    """Return plans as they are written to a file."""
    return {"purge_plan_format": FORMAT, "repository": place, "plans": [plan.to_dict() for plan in plans]}


def read(file: str, place: Place) -> list[PurgePlan]:
    """Read the plans of a file, or of stdin.

    Raises:
        InvalidInputError: The file cannot be read, is no plan, or is for another repository.
    """
    try:
        stored = json.loads(sys.stdin.read() if file == _STDIN else Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"Plan file {file!r} cannot be read: {error}.") from error
    if not isinstance(stored, dict) or stored.get("purge_plan_format") != FORMAT:
        raise InvalidInputError(f"File {file!r} is no purge plan; make one with `purge plan --output {file}`.")
    if stored.get("repository") != place:
        raise InvalidInputError(
            f"The plan in {file!r} is for the repository {stored.get('repository')}, not {place}; give the options of "
            "that repository, or plan anew."
        )
    entries = stored.get("plans")
    if not isinstance(entries, list):
        raise InvalidInputError(f"The plan in {file!r} is damaged: it has no list of plans; plan anew.")
    return [PurgePlan.from_dict(entry) for entry in entries]
