"""What each operation costs: requests, DynamoDB's units and dollars, beside the library ``versioned``; and item sizes.

Counted, not timed: any machine gives the same figures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.report import Table, ratio
from benchmarks.servers import library_session, ours, place, server, theirs
from benchmarks.units import item_size
from benchmarks.wire import Traffic, watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Aws

WHO = "dag release_model, run scheduled__2026-11-22T00:00:00+00:00, task publish"
NAME = "churn-model"
# Standard storage class, us-east-1, dollars a million: https://aws.amazon.com/s3/pricing/
S3_DOLLARS = {"S3 LIST": 5.0, "S3 GET": 0.4, "S3 HEAD": 0.4, "S3 PUT": 5.0, "S3 POST": 5.0, "S3 DELETE": 0.0}

Step = tuple[str, "Callable[[Any], object]", "Callable[[Any], object] | None"]

# What, ours, theirs; each row finds what the one before it left.
STEPS: tuple[Step, ...] = (
    ("put new content", lambda r: r.put_artifact(NAME, b"new"), lambda r: r.put_artifact(NAME, b"new")),
    ("put unchanged content", lambda r: r.put_artifact(NAME, b"new"), lambda r: r.put_artifact(NAME, b"new")),
    ("publish LATEST", lambda r: r.publish_artifact_version(NAME), lambda r: r.publish_artifact_version(NAME)),
    (
        "publish given content",
        lambda r: r.publish_artifact_version(NAME, content=b"given"),
        lambda r: (r.put_artifact(NAME, b"given"), r.publish_artifact_version(NAME)),
    ),
    (
        "the same, as a task (idempotent)",
        lambda r: r.publish_artifact_version(NAME, content=b"task", published_by=WHO, idempotency_key=WHO),
        None,
    ),
    ("read a version's record", lambda r: r.get_artifact_version(NAME, 1), lambda r: r.get_artifact_version(NAME, 1)),
    (
        "read a version's record and content",
        lambda r: r.get_artifact_version(NAME, 1).get_content(),
        lambda r: r.get_artifact_version(NAME, 1).get_content(library_session(r.aws_region)),
    ),
    ("list versions", lambda r: r.list_artifact_versions(NAME), lambda r: r.list_artifact_versions(NAME)),
    ("list names", lambda r: r.list_artifact_names(), lambda r: r.list_artifact_names()),
    ("put an alias", lambda r: r.put_alias(NAME, "prod", 1), lambda r: r.put_alias(NAME, "prod", 1)),
    ("split an alias", lambda r: r.put_alias(NAME, "prod", 1, 2, 20), lambda r: r.put_alias(NAME, "prod", 1, 2, 20)),
    (
        "move an alias, as a task (idempotent)",
        lambda r: r.put_alias(NAME, "prod", 2, changed_by=WHO, idempotency_key=WHO),
        None,
    ),
    ("roll an alias back", lambda r: r.rollback_alias(NAME, "prod"), None),
    ("read an alias", lambda r: r.get_alias(NAME, "prod"), lambda r: r.get_alias(NAME, "prod")),
    ("list aliases", lambda r: r.list_aliases(NAME), lambda r: r.list_aliases(NAME)),
    ("history of an alias", lambda r: list(r.list_alias_history(NAME, "prod")), None),
    (
        "start a rollout",
        lambda r: r.start_rollout(NAME, "prod", 4, [5, 50], rollout_id=WHO, started_by=WHO),
        None,
    ),
    ("shift a rollout by a step", lambda r: r.shift_rollout(NAME, "prod", 5, rollout_id=WHO), None),
    ("promote a rollout", lambda r: r.promote_rollout(NAME, "prod", rollout_id=WHO), None),
    ("report an outcome", lambda r: r.record_outcome(NAME, "prod", 2, success=True), None),
    ("delete an alias", lambda r: r.delete_alias(NAME, "prod"), lambda r: r.delete_alias(NAME, "prod")),
    ("delete a version", lambda r: r.delete_artifact_version(NAME, 3), lambda r: r.delete_artifact_version(NAME, 2)),
    ("restore a version", lambda r: r.restore_artifact_version(NAME, 3), None),
    ("protect a version", lambda r: r.protect(NAME, 1), None),
    ("unprotect it", lambda r: r.unprotect(NAME, 1), None),
    ("plan a purge of few versions", lambda r: r.plan_purge(NAME, 1, 0), None),
    (
        "purge 2 versions",
        lambda r: r.purge_artifact_versions(NAME, 2, 0),
        lambda r: r.purge_artifact_versions(NAME, 0, 0),
    ),
    ("free 2 versions", lambda r: r.free_artifact_versions(NAME, 0), None),
    ("purge an artifact of few versions", lambda r: r.purge_artifact(NAME), lambda r: r.purge_artifact(NAME)),
)


def counted(action: Callable[[Any], object], repository: Any) -> Traffic:
    """Count what an operation sends."""
    with watched() as traffic:
        action(repository)
    return traffic


def dollars(traffic: Traffic) -> float:
    """Return what a million of an operation cost, without storage and bytes."""
    s3 = sum(S3_DOLLARS.get(operation, 0.0) * count for operation, count in traffic.operations.items())
    return traffic.units.dollars * 1e6 + s3


def run(*, small: bool = False) -> list[Table]:  # noqa: ARG001 -- there is nothing to make smaller
    """Count."""
    with server() as aws:
        here, there = ours(aws, place("bench-costs")), theirs(aws, place("bench-costs-library"))
        for repository in (here, there):
            repository.put_artifact(NAME, b"first")
            repository.publish_artifact_version(NAME)
        counts = [_both(step, here, there) for step in STEPS[:-1]]
        sizes = _sizes(aws, "bench-costs")
        counts.append(_both(STEPS[-1], here, there))  # everything goes
        return [_costs(counts), sizes]


def _both(step: Step, here: Any, there: Any) -> tuple[str, Traffic, Traffic | None]:
    what, our, their = step
    return what, counted(our, here), counted(their, there) if their is not None else None


def _costs(counts: list[tuple[str, Traffic, Traffic | None]]) -> Table:
    headings = (
        *("", "requests", "`versioned`", "read units", "`versioned`", "write units", "`versioned`"),
        *("dollars a million", "`versioned`", "ratio"),
    )
    table = Table(headings, title="What an operation costs, here and with `versioned` 1.0.1")
    for what, our, their in counts:
        pairs: list[float | None] = []
        for figure in (lambda t: t.requests, lambda t: t.units.reads, lambda t: t.units.writes, dollars):
            pairs += [figure(our), None if their is None else figure(their)]
        table.rows.append((what, *pairs, None if their is None else ratio(dollars(our), dollars(their))))
    table.note = (
        "Requests are those of both services; dollars, of DynamoDB on demand and of S3's requests. `versioned` has "
        "no history, no idempotency, no conditions: what it does not have is left empty."
    )
    return table


def _sizes(aws: Aws, table_name: str) -> Table:
    sizes: dict[str, list[int]] = {}
    for item in aws.dynamodb.scan(TableName=table_name)["Items"]:
        pk, sk = str(item["pk"]["S"]), str(item["sk"]["S"])
        sizes.setdefault(_kind(pk, sk), []).append(item_size(item))
    table = Table(("item", "bytes, at most"), title="Item sizes")
    table.rows += [(kind, max(found)) for kind, found in sorted(sizes.items())]
    return table


def _kind(pk: str, sk: str) -> str:
    if pk == NAME:
        return "LATEST" if sk == "LATEST" else "version"
    if pk.endswith("-alias"):
        return "alias"
    return {"alias": "alias head"}.get(sk.partition("#")[0], sk.partition("#")[0])
