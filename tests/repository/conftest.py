"""Fixtures of the repository's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
