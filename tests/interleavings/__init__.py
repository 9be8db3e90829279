"""Calls that are interleaved request by request, on S3 and DynamoDB in memory. See docs/reliability.md."""
