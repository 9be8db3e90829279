"""Fixtures of the repository's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import content, objects, uploads
from tests.repository.store import Store
from tests.repository.traffic import Traffic

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments


@pytest.fixture
def store(aws: Aws, unique_place: PlaceArguments, repository: Repository) -> Store:
    """The raw side of ``repository``."""
    return Store(aws, unique_place)


@pytest.fixture
def traffic() -> Traffic:
    """Watches nothing yet."""
    return Traffic()


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let what is done with huge content be done with small: in parts of 5 MiB, the least that S3 takes."""
    part = 5 * 1024**2
    for module, limit in (
        (uploads, "PARALLEL_FROM"),
        (content, "PART"),
        (objects, "PART"),
        (objects, "COPIED_PART"),
        (objects, "SINGLE_REQUEST_LIMIT"),
    ):
        monkeypatch.setattr(module, limit, part)
    return part
