"""Larger runs of the tests of nothing lost, on request: ``make reliability``. See docs/reliability.md."""
