"""Runs Airflow's API server with an empty database until it is killed: ``python -m tests.ui.serve PORT``."""

from __future__ import annotations

import sys

import uvicorn
from airflow.utils.db import initdb

if __name__ == "__main__":
    initdb()
    from airflow.api_fastapi.main import app  # needs the database

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
