"""Content of 6 and 8 GiB beside boto3: beyond what S3 takes or copies in one request. Takes long, and 40 GB of disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.content import GIBIBYTE, SMALL_JOBS, Job, measured
from benchmarks.transfer import DOWNLOAD, PUBLISH, PUT

if TYPE_CHECKING:
    from benchmarks.report import Table

JOBS = (Job(8 * GIBIBYTE, (PUT, DOWNLOAD), (0.02,), 1), Job(6 * GIBIBYTE, (PUBLISH,), (0.02,), 1))


def run(*, small: bool = False) -> list[Table]:
    """Measure."""
    return measured("huge", "Content beyond 5 GiB", SMALL_JOBS if small else JOBS)
