"""Tests of airflow-provider-versioned."""
