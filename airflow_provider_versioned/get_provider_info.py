"""What Airflow is told about this provider; read through the entry point ``apache_airflow_provider``."""

from __future__ import annotations

from typing import Any

_INTEGRATION = "Versioned Artifacts"
_PACKAGE = "airflow_provider_versioned"


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-versioned",
        "name": "Versioned",
        "description": "Versioned artifacts on Amazon S3 and DynamoDB: publish, promote in stages, roll back, retain.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://github.com/airflow-provider-versioned/airflow-provider-versioned",
                "tags": ["aws"],
            }
        ],
        "hooks": _modules("hooks.repository"),
        "operators": _modules(
            "gates.approval",
            "gates.ask",
            "gates.control",
            "operators.alias",
            "operators.artifact",
            "operators.outcome",
            "operators.retention",
            "operators.verification",
            "rollout.abandoned",
            "rollout.check",
            "rollout.ending",
            "rollout.moves",
            "rollout.start",
        ),
        "sensors": _modules("sensors.alias"),
        "triggers": _modules("triggers.alias", "triggers.alias_moves", "triggers.rollout", "triggers.rollout_answer"),
        "extra-links": [
            f"{_PACKAGE}.links.{link}" for link in ("ArtifactPageLink", "S3ObjectLink", "DynamoDBItemLink")
        ],
        "filesystems": [f"{_PACKAGE}.filesystem.object_storage"],
        "notifications": [f"{_PACKAGE}.notifications.AliasChangeNotifier"],
        "config": {
            "versioned": {
                "description": "The page of versioned artifacts in the Airflow UI.",
                "options": {
                    "ui_connections": {
                        "description": "Connections, separated by commas, whose repositories the page shows. Each is "
                        "of type aws and names its repository in the extra service_config.versioned.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "models_prod,models_dev",
                        "default": "aws_default",
                    }
                },
            }
        },
        "asset-uris": [
            {
                "schemes": ["versioned"],
                "handler": f"{_PACKAGE}.assets.names.sanitize_uri",
                "factory": f"{_PACKAGE}.assets.names.versioned_asset",
                "to_openlineage_converter": f"{_PACKAGE}.assets.names.convert_asset_to_openlineage",
            }
        ],
    }


def _modules(*names: str) -> list[dict[str, Any]]:
    return [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.{name}" for name in names]}]
