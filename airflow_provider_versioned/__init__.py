"""Versioned artifacts on S3 and DynamoDB, promoted and rolled back from Apache Airflow."""

from __future__ import annotations

__version__ = "0.1.0"
