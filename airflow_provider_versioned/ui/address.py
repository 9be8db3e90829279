"""Where the page is: in Airflow's frame, and the part that the frame shows."""

from __future__ import annotations

from urllib.parse import urlencode

URL_PREFIX = "/versioned"  # what the plugin serves
ROUTE = "versioned-artifacts"  # Airflow shows it at /plugin/ROUTE


def artifact_url(airflow_url: str, connection_id: str, name: str) -> str:
    """Return the address of an artifact on the page, inside Airflow's frame."""
    where = urlencode({"repository": connection_id, "artifact": name})
    return f"{airflow_url.rstrip('/')}/plugin/{ROUTE}?{where}"
