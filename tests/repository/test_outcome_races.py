"""Reporting and looking while others do: nothing is lost, nothing counted twice."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import ConflictError, Repository, WrongRepositoryError
from airflow_provider_versioned.repository.outcomes.facts import Block, Counts
from airflow_provider_versioned.repository.outcomes.store import Outcomes
from tests.repository.interruption import interrupting
from tests.repository.test_outcomes import CHANCE, counts, on_moto, one_shard
from tests.repository.test_races import at_once, sibling
from tests.servers import TRANSACTIONAL

if TYPE_CHECKING:
    from tests.repository.store import Store
    from tests.servers import Aws


@pytest.fixture
def split(repository: Repository) -> Repository:
    """Versions 1 and 2, and alias ``prod`` split between them by rollout ``r``."""
    for content in (b"one", b"two"):
        repository.publish_artifact_version("m", content=content)
    repository.put_alias("m", "prod", 1, 2, 5, rollout="r")
    return repository


@pytest.mark.backends(*TRANSACTIONAL)
def test_reports_by_many_at_once_all_count(split: Repository, aws: Aws) -> None:
    siblings = [sibling(split, aws) for _ in range(4)]
    reports = [
        partial(siblings[n % 4].record_outcome, "m", "prod", 1 + n % 2, success=n % 3 > 0, rollout="r", weight=5)
        for n in range(48)
    ]
    with_metrics = [partial(report, metrics={"s": float(n)}) for n, report in enumerate(reports)]
    assert all(at_once(with_metrics[:24]))
    assert all(at_once(reports[24:]))

    outcomes = split.get_outcomes("m", "prod")
    assert outcomes.of("1").counts + outcomes.of("2").counts == Counts(32, 16)
    both = (outcomes.of("1") + outcomes.of("2")).metrics["s"]
    assert (both.count, sorted(both.sample)) == (24, [float(n) for n in range(24)])


@pytest.mark.backends(*TRANSACTIONAL)
def test_one_key_by_many_at_once_counts_once(split: Repository, aws: Aws) -> None:
    siblings = [sibling(split, aws) for _ in range(6)]
    record = [
        partial(r.record_outcome, "m", "prod", 2, success=True, metrics={"s": 1}, rollout="r", idempotency_key="task")
        for r in siblings
    ]
    assert sorted(at_once(record)) == [False] * 5 + [True]
    assert counts(split.get_outcomes("m", "prod")) == {(None, "2"): (1, 0)}


@pytest.mark.backends(*TRANSACTIONAL)
def test_looks_by_many_at_once_lose_no_block(split: Repository, aws: Aws) -> None:
    alias = split.get_alias("m", "prod")
    siblings = [sibling(split, aws) for _ in range(4)]
    for _ in range(3):
        split.record_outcomes("m", alias, 1, successes=5)
        split.record_outcomes("m", alias, 2, successes=2)
        look = [partial(r.look_at_outcomes, "m", "prod", stable=1, canary=2, rollout="r", weight=5) for r in siblings]
        seen = at_once(look)
        assert len({evidence.blocks for evidence in seen}) == 1
    assert (
        split.look_at_outcomes("m", "prod", stable=1, canary=2, rollout="r").blocks
        == (Block(5, Counts(5, 0), Counts(2, 0)),) * 3
    )


@on_moto
def test_metric_changed_by_another_in_between_is_read_again(split: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    split.__dict__["_outcomes"] = Outcomes(split._table, rng=one_shard(CHANCE))
    record = partial(split.record_outcome, "m", "prod", 2, success=True, rollout="r")
    for before in (1.0, 2.0):
        interrupting(monkeypatch, split._table, "transact", partial(record, metrics={"s": before}))
        assert record(metrics={"s": 10 * before}, idempotency_key=str(before))
    facts = split.get_outcomes("m", "prod").of("2")
    assert (facts.counts, sorted(facts.metrics["s"].sample)) == (Counts(4, 0), [1.0, 2.0, 10.0, 20.0])


@on_moto
def test_metric_that_others_never_leave_alone_is_a_conflict_and_counts_nothing(
    split: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    split.__dict__["_outcomes"] = outcomes = Outcomes(split._table, rng=one_shard(CHANCE))
    disturb, counter = split._table.transact, itertools.count()

    def disturbed(*arguments: Any) -> None:
        monkeypatch.setattr(split._table, "transact", disturb)
        split.record_outcome("m", "prod", 1, success=True, rollout="r", metrics={"s": next(counter)})
        monkeypatch.setattr(split._table, "transact", disturbed)
        disturb(*arguments)

    monkeypatch.setattr(split._table, "transact", disturbed)
    with pytest.raises(ConflictError, match="others changed the same metrics"):
        split.record_outcome("m", "prod", 1, success=False, rollout="r", metrics={"s": 1}, idempotency_key="task")
    monkeypatch.setattr(split._table, "transact", disturb)
    assert split.get_outcomes("m", "prod").of("1").counts == Counts(next(counter), 0)
    assert outcomes is split._outcomes


@on_moto
def test_report_whose_answer_is_lost_for_longer_than_its_token_lives_counts_once_and_says_so(
    split: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    transact = split._table.transact

    def transact_twice(*arguments: Any) -> None:
        monkeypatch.setattr(split._table, "transact", transact)
        transact(*arguments)
        transact(*arguments)  # with another token: as if the first had been forgotten

    monkeypatch.setattr(split._table, "transact", transact_twice)
    assert split.record_outcome("m", "prod", 2, success=True, rollout="r", idempotency_key="task") is True
    assert counts(split.get_outcomes("m", "prod")) == {(None, "2"): (1, 0)}


@on_moto
def test_look_while_another_looks_sees_its_block(split: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    alias = split.get_alias("m", "prod")
    look = partial(split.look_at_outcomes, "m", "prod", stable=1, canary=2, rollout="r", weight=5)

    def report_and_look(outcomes: int) -> None:
        split.record_outcomes("m", alias, 1, successes=outcomes)
        split.record_outcomes("m", alias, 2, successes=outcomes)
        look()

    for outcomes in (3, 4):
        split.record_outcomes("m", alias, 1, successes=10)
        split.record_outcomes("m", alias, 2, successes=10)
        interrupting(monkeypatch, split._table, "write", partial(report_and_look, outcomes))
        look()
    assert [block.canary.count for block in look().blocks] == [13, 14]


@on_moto
def test_table_of_another_repository_counts_nothing(split: Repository, store: Store) -> None:
    stranger = Repository(
        split.s3_bucket,
        "elsewhere",
        split.dynamodb_table_name,
        s3_client=store.aws.s3,
        dynamodb_client=store.aws.dynamodb,
    )
    before = store.items()
    with pytest.raises(WrongRepositoryError):
        stranger.record_outcome("m", "prod", 2, success=True, rollout="r")
    with pytest.raises(WrongRepositoryError):
        stranger.delete_outcomes("m", "prod", rollout="r")
    assert store.items() == before
