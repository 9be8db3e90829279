"""Into what parts large content is cut."""

from __future__ import annotations

import pytest

from airflow_provider_versioned.repository.uploads import MAX_PARTS, MIB, part_size

PART = 8 * MIB


def count(size: int, part: int | None) -> int:
    assert part is not None
    return -(-size // part)


@pytest.mark.parametrize("size", [64 * MIB, 64 * MIB + 1, 1024 * MIB, 78 * 1024 * MIB])
def test_content_is_cut_into_parts_of_the_usual_size(size: int) -> None:
    assert part_size(size, PART) == PART


def test_content_of_five_terabytes_fits_into_the_parts_that_s3_takes() -> None:
    size = 5 * 1024**2 * MIB

    assert count(size, part_size(size, PART)) == MAX_PARTS


def test_object_that_must_not_have_an_etag_comes_in_another_number_of_parts() -> None:
    size = 64 * MIB
    avoid = {'"a-8"', '"b-7"', '"0123456789abcdef0123456789abcdef"', '"c-5"'}

    assert count(size, part_size(size, PART, avoid)) == 6
    assert count(size, part_size(size, PART, {*avoid, '"d-6"'})) == 4


def test_object_that_could_only_have_an_etag_that_it_must_not_have_is_told() -> None:
    assert part_size(64 * MIB, PART, {f'"a-{number}"' for number in range(1, 9)}) is None
    assert part_size(1, PART, {'"a-1"'}) is None
