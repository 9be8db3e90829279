"""Tests of the page in the Airflow UI: its API, and the page in a real browser."""
