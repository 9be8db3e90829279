"""The cluster of ``docker-compose.yaml`` without containers."""
