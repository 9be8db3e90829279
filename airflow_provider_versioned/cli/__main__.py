"""``python -m airflow_provider_versioned.cli``."""

from __future__ import annotations

from airflow_provider_versioned.cli.main import main
from airflow_provider_versioned.cli.setup import PROGRAM

main(prog_name=PROGRAM)
