"""Counting outcomes: what is counted, under what, how often, and what it costs."""

from __future__ import annotations

import json
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import (
    AliasNotFoundError,
    InvalidInputError,
    InvalidTypeError,
    Repository,
)
from airflow_provider_versioned.repository.keys import meta_pk, outcome_sk
from airflow_provider_versioned.repository.outcomes.facts import AliasOutcomes, Block, Counts
from airflow_provider_versioned.repository.outcomes.store import SAMPLE, SHARDS, Outcomes
from tests.servers import MOTO

if TYPE_CHECKING:
    from tests.repository.store import Store
    from tests.repository.traffic import Traffic

on_moto = pytest.mark.backends(MOTO)
CHANCE = random.Random(5)  # noqa: S311 -- guards no secret


@pytest.fixture
def split(repository: Repository) -> Repository:
    """Versions 1 and 2, and alias ``prod`` split between them by rollout ``r``."""
    for content in (b"one", b"two"):
        repository.publish_artifact_version("m", content=content)
    repository.put_alias("m", "prod", 1, 2, 5, rollout="r")
    return repository


def counts(outcomes: AliasOutcomes) -> dict[tuple[int | None, str], tuple[int, int]]:
    """Return (successes, failures) by weight and version."""
    return {
        (weight, version): (part.counts.successes, part.counts.failures)
        for weight, versions in outcomes.by_weight.items()
        for version, part in versions.items()
    }


def test_outcomes_add_up_by_weight_and_version(split: Repository) -> None:
    alias = split.get_alias("m", "prod")
    for _ in range(12):
        assert split.record_outcome("m", alias, 1, success=True)
    split.record_outcome("m", alias, "1", success=False)
    split.record_outcome("m", "prod", 2, success=False, count=3)
    split.record_outcomes("m", "prod", 2, successes=40, failures=2, rollout="r", weight=25)
    split.record_outcome("m", "prod", "LATEST", success=True, rollout="r")

    assert counts(split.get_outcomes("m", "prod")) == {
        (5, "1"): (12, 1),
        (5, "2"): (0, 3),
        (25, "2"): (40, 2),
        (None, "LATEST"): (1, 0),
    }
    assert split.get_outcomes("m", alias) == split.get_outcomes("m", "prod", rollout="r")


def test_rollouts_revisions_aliases_and_artifacts_are_counted_apart(split: Repository) -> None:
    first = split.get_alias("m", "prod")
    split.put_alias("m", "staging", 1, 2, 5, rollout="r")
    split.publish_artifact_version("n", content=b"x")
    split.put_alias("n", "prod", 1, rollout="r")
    split.record_outcome("m", first, 1, success=True)
    second = split.put_alias("m", "prod", 1, 2, 5, rollout="another")
    manual = split.put_alias("m", "prod", 1, 2, 10)
    moved = split.put_alias("m", "prod", 1, 2, 20)
    split.record_outcome("m", manual, 1, success=False)

    assert (first.counted_under, manual.counted_under) == ("r", manual.revision)
    assert counts(split.get_outcomes("m", first)) == {(5, "1"): (1, 0)}
    assert counts(split.get_outcomes("m", manual)) == {(10, "1"): (0, 1)}
    assert counts(split.get_outcomes("m", second)) == counts(split.get_outcomes("m", moved)) == {}
    assert counts(split.get_outcomes("m", "staging")) == counts(split.get_outcomes("n", "prod")) == {}


def test_alias_that_another_tool_wrote_has_outcomes_too(split: Repository, store: Store) -> None:
    store.put_item("__m-alias", "old", update_at={"S": "2026-11-22T10:20:44.000000+0000"}, version={"S": "000001"})
    split.record_outcome("m", "old", 1, success=True)
    assert counts(split.get_outcomes("m", "old")) == {(None, "1"): (1, 0)}


def test_outcome_is_counted_for_the_alias_as_it_was_resolved(split: Repository) -> None:
    resolved = split.get_alias("m", "prod")
    split.put_alias("m", "prod", 1, 2, 50, rollout="r")
    split.record_outcome("m", resolved, 2, success=True)
    assert counts(split.get_outcomes("m", "prod")) == {(5, "2"): (1, 0)}


def test_key_counts_once_in_a_rollout_whatever_it_says_later(split: Repository) -> None:
    record = partial(split.record_outcome, "m", "prod", 2, idempotency_key="task", rollout="r", weight=5)
    assert record(success=False, metrics={"s": 1.0}) is True
    assert record(success=True, metrics={"s": 9.0, "t": 1.0}) is False
    assert record(success=False) is False
    assert split.record_outcome("m", "prod", 2, success=True, idempotency_key="other", rollout="r", weight=5) is True
    assert split.record_outcome("m", "prod", 2, success=True, idempotency_key="task", rollout="r2") is True

    outcomes = split.get_outcomes("m", "prod", rollout="r")
    assert counts(outcomes) == {(5, "2"): (1, 1)}
    assert {name: facts.total for name, facts in outcomes.of("2").metrics.items()} == {"s": 1.0}


def test_metrics_keep_count_sums_and_a_sample(split: Repository) -> None:
    alias = split.get_alias("m", "prod")
    values = [0.1, 2.5, -3.0, 1e-60, 1e50, 7]
    for value in values[:3]:
        split.record_outcome("m", alias, 2, success=True, metrics={"score": value, "bytes": 10})
    split.record_outcomes("m", alias, 2, successes=3, metrics={"score": values[3:], "none": []})

    facts = split.get_outcomes("m", alias).of("2").metrics
    assert set(facts) == {"score", "bytes"}
    assert sorted(facts["score"].sample) == [-3.0, 1e-60, 0.1, 2.5, 7, 1e50]
    assert facts["score"].count == 6
    assert facts["score"].squares == pytest.approx(1e100)
    assert (facts["bytes"].count, facts["bytes"].total, facts["bytes"].squares) == (3, 30.0, 300.0)


@on_moto
def test_sample_is_bounded_and_as_large_as_the_values_are_many(split: Repository, store: Store) -> None:
    alias = split.get_alias("m", "prod")
    for start in range(0, 40_000, 1000):
        values = [float(value) + 0.123456789 for value in range(start, start + 1000)]
        split.record_outcomes("m", alias, 2, successes=1000, metrics={"s": values})

    facts = split.get_outcomes("m", alias).of("2").metrics["s"]
    used = [item for (_, sk), item in store.items(meta_pk("m")).items() if sk.endswith("#s")]
    assert (facts.count, len(facts.sample)) == (40_000, SAMPLE * len(used))
    assert len(set(facts.sample)) == len(facts.sample)
    assert all(len(json.dumps(item)) < 2048 for item in used)


@on_moto
def test_sample_gives_each_value_the_same_chance(split: Repository) -> None:
    early = 0
    for number in range(30):
        shard = Outcomes(split._table, rng=one_shard(CHANCE))
        split.__dict__["_outcomes"] = shard
        for start in range(0, 500, 100):
            split.record_outcomes(
                *("m", "prod", 2),
                successes=100,
                metrics={"s": [float(v) for v in range(start, start + 100)]},
                rollout=f"x{number}",
            )
        sample = split.get_outcomes("m", "prod", rollout=f"x{number}").of("2").metrics["s"].sample
        assert len(sample) == SAMPLE
        early += sum(value < 250 for value in sample)
    assert 0.45 < early / (30 * SAMPLE) < 0.55


def one_shard(rng: random.Random) -> random.Random:
    """Return a source of chance that always takes shard 0."""

    class Source(random.Random):
        def randrange(self, stop: int) -> int:  # type: ignore[override] # as it is called
            return 0 if stop == SHARDS else rng.randrange(stop)

    return Source()


@on_moto
def test_counts_are_spread_over_shards(split: Repository, store: Store) -> None:
    for _ in range(60):
        split.record_outcome("m", "prod", 1, success=True, rollout="r", weight=5)
    stored = {sk for _, sk in store.items(meta_pk("m")) if sk.startswith("outcome#")}
    assert stored <= {outcome_sk("prod", "r", 5, "1", shard) for shard in range(SHARDS)}
    assert len(stored) > SHARDS / 2
    assert counts(split.get_outcomes("m", "prod")) == {(5, "1"): (60, 0)}


@on_moto
def test_odd_names_do_not_run_into_each_other(split: Repository, store: Store) -> None:
    odd = outcome_sk("prod", "r", 5, "1", 0)[len("outcome#") :]
    split.record_outcome("m", odd, 2, success=True, rollout="r", weight=5)
    split.record_outcome("m", "prod", 1, success=True, rollout="r", weight=5)
    assert counts(split.get_outcomes("m", "prod")) == {(5, "1"): (1, 0)}
    assert counts(split.get_outcomes("m", odd, rollout="r")) == {(5, "2"): (1, 0)}


def test_requests_of_each_call(split: Repository, store: Store, traffic: Traffic) -> None:
    watched = traffic.repository(store.aws, store.place)
    watched.list_aliases("warm-up")
    alias = watched.get_alias("m", "prod")
    record = partial(watched.record_outcome, "m", alias, 1, success=True)
    assert traffic.of(record) == ["TransactWriteItems"]
    assert traffic.of(partial(record, idempotency_key="k")) == ["TransactWriteItems"]
    assert traffic.of(partial(record, idempotency_key="k")) == ["TransactWriteItems"]
    assert len(traffic.of(partial(record, metrics={"a": 1, "b": 2}, idempotency_key="l"))) == 2
    assert traffic.of(lambda: watched.record_outcome("m", "prod", 1, success=True)) == ["GetItem", "TransactWriteItems"]
    assert traffic.of(lambda: watched.get_outcomes("m", alias)) == ["Query"]
    look = partial(watched.look_at_outcomes, "m", "prod", stable=1, canary=2, rollout="r")
    assert traffic.of(look) == ["Query"]  # the canary has nothing yet, so no block ends
    watched.record_outcome("m", alias, 2, success=True)
    assert traffic.of(look) == ["Query", "PutItem"]
    assert traffic.of(look) == ["Query"]


@on_moto
def test_reads_of_outcomes_are_strongly_consistent(split: Repository, store: Store, traffic: Traffic) -> None:
    watched = traffic.repository(store.aws, store.place)
    watched.list_aliases("warm-up")
    traffic.requests.clear()
    watched.record_outcome("m", "prod", 1, success=True, metrics={"s": 1}, rollout="r")
    watched.get_outcomes("m", "prod", rollout="r")
    bodies = [json.loads(str(request.body, "utf-8")) for request in traffic.requests]  # type: ignore[arg-type] # DynamoDB's bodies are bytes
    reads = [body for body in bodies if "TransactItems" not in body]
    assert len(reads) == 2
    assert all(body["ConsistentRead"] is True for body in reads)


def test_looks_end_blocks_and_a_new_attempt_begins_anew(split: Repository) -> None:
    alias = split.get_alias("m", "prod")
    look = partial(split.look_at_outcomes, "m", "prod", stable=1, canary=2, rollout="r", weight=5)

    def report(stable: int, canary: int, failures: int = 0) -> None:
        split.record_outcomes("m", alias, 1, successes=stable)
        split.record_outcomes("m", alias, 2, successes=canary - failures, failures=failures, metrics={"s": 2.0})

    report(10, 3, 3)
    assert look().blocks == (Block(5, Counts(10, 0), Counts(0, 3)),)
    report(20, 4)
    split.get_outcomes("m", "prod")
    split.record_outcomes("m", alias, 1, successes=7)
    second = look()
    assert second.blocks == (Block(5, Counts(10, 0), Counts(0, 3)), Block(5, Counts(27, 0), Counts(4, 0)))
    assert second.canary_metrics["s"].count == 2
    assert dict(second.stable_metrics) == {}
    assert look() == second

    report(5, 1)
    again = look(attempt=2)
    assert again.blocks == (Block(5, Counts(5, 0), Counts(1, 0)),)
    assert again.at_weight == Block(5, Counts(5, 0), Counts(1, 0))
    other_canary = split.look_at_outcomes("m", "prod", stable=1, canary="LATEST", rollout="r", weight=5)
    assert other_canary.blocks == ()


def test_deleted_outcomes_are_gone_and_others_stay(split: Repository, store: Store) -> None:
    alias = split.get_alias("m", "prod")
    for number in range(60):
        split.record_outcome("m", alias, 1 + number % 2, success=True, metrics={"s": 1}, idempotency_key=str(number))
    split.record_outcome("m", "prod", 1, success=True, rollout="other", idempotency_key="0")
    split.look_at_outcomes("m", "prod", stable=1, canary=2, rollout="r")
    before = {key for key in store.items(meta_pk("m")) if key[1].startswith(("outcome#", "report#"))}

    deleted = split.delete_outcomes("m", "prod", rollout="r")

    left = {key for key in store.items(meta_pk("m")) if key[1].startswith(("outcome#", "report#"))}
    assert deleted == len(before) - len(left) > 60
    assert counts(split.get_outcomes("m", alias)) == {}
    assert counts(split.get_outcomes("m", "prod", rollout="other")) == {(None, "1"): (1, 0)}
    assert split.delete_outcomes("m", "prod", rollout="r") == 0
    assert split.get_alias("m", "prod") == alias


# -- refusals ----------------------------------------------------------------------------------------------------------


@on_moto
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"count": 0}, InvalidInputError, "both 0, so there is nothing to report"),
        ({"count": -1}, InvalidInputError, "successes must be from 0"),
        ({"count": True}, InvalidTypeError, "successes must be an int, got True"),
        ({"count": 1.0}, InvalidTypeError, "must be an int"),
        ({"version": 0}, InvalidInputError, "Version 0 is not allowed"),
        ({"metrics": {"a b": 1}}, InvalidInputError, "Metric name 'a b' is not allowed"),
        ({"metrics": {"a": float("nan")}}, InvalidInputError, "must be finite"),
        ({"metrics": {"a": 1e51}}, InvalidInputError, "at most 1e50"),
        ({"metrics": {"a": True}}, InvalidTypeError, "must be a number"),
        ({"metrics": {"a": "1"}}, InvalidTypeError, "must be a number or a list"),
        ({"metrics": [1]}, InvalidTypeError, "must map names"),
        ({"metrics": {f"m{n}": 1 for n in range(11)}}, InvalidInputError, "10 are allowed"),
        ({"rollout": ""}, InvalidInputError, "rollout must have 1 to"),
        ({"rollout": "r", "weight": 100}, InvalidInputError, "weight must be from 0 to 99"),
        ({"rollout": "r", "weight": "5"}, InvalidTypeError, "weight must be an int"),
        ({"weight": 5}, InvalidInputError, "weight=5 was given without rollout"),
        ({"idempotency_key": ""}, InvalidInputError, "idempotency_key must have 1 to"),
        ({"name": "other", "alias": "prod"}, AliasNotFoundError, "no alias 'prod'"),
        ({"alias": "none"}, AliasNotFoundError, "no alias 'none'"),
    ],
)
def test_report_that_makes_no_sense_is_refused_and_writes_nothing(
    split: Repository, store: Store, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    before = store.items()
    with pytest.raises(error, match=words):
        split.record_outcome(**{"name": "m", "alias": "prod", "version": 1, "success": True, **arguments})
    assert store.items() == before


@on_moto
def test_alias_of_another_artifact_is_refused(split: Repository) -> None:
    with pytest.raises(InvalidInputError, match="The alias given is of 'm', not of 'n'"):
        split.record_outcome("n", split.get_alias("m", "prod"), 1, success=True)
