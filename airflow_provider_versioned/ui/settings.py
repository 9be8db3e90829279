"""Which repositories the page shows: the connections that Airflow's configuration names."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import conf

SECTION = "versioned"
UI_CONNECTIONS = "ui_connections"
DEFAULT_CONNECTIONS = "aws_default"


def ui_connections() -> list[str]:
    """Return the ids of the connections, in the order of the configuration, each once."""
    named = conf.get(SECTION, UI_CONNECTIONS, fallback=DEFAULT_CONNECTIONS) or ""
    return list(dict.fromkeys(part.strip() for part in named.split(",") if part.strip()))
