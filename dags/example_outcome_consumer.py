"""Use what an alias points at, customer by customer, and report how it went.

Each customer belongs to one version of the price rules for as long as the alias stands, so nobody sees prices jump to
and fro. What is reported here is what the rollout of `example_outcome_canary` is judged by: new rules that cannot price
an order count as a failure of that version.

Prerequisites: a connection `aws_default` whose extra names the repository's bucket; run `example_gated_promotion`
before, which publishes the first rules. Run this one as often as you like; in truth it would have a schedule.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from airflow.sdk import Param, dag, task


@task
def price_orders(params: dict[str, Any] | None = None) -> dict[str, int]:
    """Price an order of each customer by the rules that the customer belongs to; return how many got which version."""
    from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook

    hook = VersionedRepositoryHook()
    alias = hook.repository.get_alias("price-rules", "prod")
    rules: dict[str, dict[str, Any]] = {}
    priced: Counter[str] = Counter()
    for customer in range(params["customers"] if params else 0):
        with hook.outcome("price-rules", alias, key=f"customer-{customer}") as use:
            if use.version not in rules:
                rules[use.version] = json.loads(use.artifact.get_content())
            if not 0 <= rules[use.version]["discount"] <= 1:
                use.fail()
        priced[use.version] += 1
    return dict(priced)


@dag(
    schedule=None,
    catchup=False,
    tags=["example", "versioned"],
    doc_md=__doc__,
    params={"customers": Param(200, type="integer", minimum=1, description="How many order something")},
)
def example_outcome_consumer() -> None:
    """Price orders."""
    price_orders()


example_outcome_consumer()
