"""Measurements beside what a user would take instead, on the same server and in the same run.

``make bench`` runs them and writes their tables into ``docs/``; ``python -m benchmarks --help`` says how to run one.
Timings on shared machines are noise, so the tables rest on counts of requests and bytes, on DynamoDB's units, and on
ratios within one run.
"""
