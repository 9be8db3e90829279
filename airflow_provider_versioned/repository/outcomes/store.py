"""Counting what became of the uses of a version, and reading the counts.

Counts stand in shards, each changed by an atomic addition, so that many consumers report at once. What they belong to
is the rollout under which the alias was resolved (without one, the alias's revision), so that old counts never judge a
new canary; within it, the weight at that moment. A report under an idempotency key writes that key in the same
transaction as the addition: it counts once, however often it is sent. Without a key, the transaction's token makes a
repeat by the SDK harmless. A metric keeps count, sum, sum of squares and a reservoir sample; its item is read, changed
and written back on condition of its revision, in that same transaction.

=========================  ==================  =====================================================================
call                       requests            written (twice in a transaction, each per KB begun)
=========================  ==================  =====================================================================
record                     1                   one counter; with a key, the report too
record with m metrics      2                   as above, and m metric items, below 2 KB each
read, or look              1 (look: 2)         a look writes one item of some 25 bytes for each block, at most 20 KB
=========================  ==================  =====================================================================

There are at most 8 counters for each version and weight of a rollout, and 8 items for each of its metrics, of 50 values
each; all of them are read by one Query. One report is kept for each key until the rollout's outcomes are deleted.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.repository.items import LooksItem, MetricItem, OutcomeItem, ReportItem
from airflow_provider_versioned.repository.keys import (
    looks_sk,
    meta_pk,
    outcome_prefix,
    outcome_sk,
    read_outcome_sk,
    report_prefix,
    report_sk,
)
from airflow_provider_versioned.repository.outcomes.facts import (
    AliasOutcomes,
    Block,
    Counts,
    Evidence,
    Looks,
    MetricFacts,
    VersionOutcomes,
)
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import (
    MAX_TRANSACTION,
    RawItem,
    Refused,
    Table,
    Write,
    delete,
    put,
    update,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHARDS = 8
SAMPLE = 50  # values of a metric that one shard keeps
_TRIES = 40


@dataclass(frozen=True)
class Scope:
    """Under what outcomes are counted.

    Attributes:
        rollout: Id of the rollout, or the alias's revision.
        weight: Weight of the secondary version when the version was chosen; None: it was alone, or chosen by hand.
    """

    name: str
    alias: str
    rollout: str
    weight: int | None

    def __str__(self) -> str:
        """Say it in words."""
        return f"alias {self.alias!r} of {self.name!r} in rollout {self.rollout!r}"


@dataclass(frozen=True)
class Report:
    """Outcomes of one version that a caller reports.

    Attributes:
        key: Idempotency key.
    """

    scope: Scope
    version: str
    counts: Counts
    metrics: Mapping[str, Sequence[float]] = field(default_factory=dict)
    key: str | None = None

    @property
    def asked(self) -> str:
        """The beginning of a sentence about it."""
        return f"Counting outcomes of version {self.version} for {self.scope}"


class Outcomes:
    """The outcomes of all aliases of a repository.

    Args:
        rng: Chooses shards and samples.
    """

    def __init__(self, table: Table, rng: random.Random | None = None) -> None:
        self._table = table
        self._rng = rng or random.Random()  # noqa: S311 -- spreads load and samples, guards no secret

    def record(self, report: Report) -> bool:
        """Count outcomes; False when that key was counted before.

        Raises:
            ConflictError: Others kept changing the same metrics; nothing was counted.
        """
        self._table.ensure_ours(report.asked)
        revision = new_revision()
        for _ in range(_TRIES):
            writes = [*_once(report, revision), *self._additions(report, self._rng.randrange(SHARDS))]
            try:
                self._table.transact(report.asked, writes)
            except Refused as refused:
                counted = refused.found[0] if report.key else None
                if counted is None:
                    continue  # another report changed a metric meanwhile
                return ReportItem.from_raw_data(counted).revision == revision  # ours: its answer was lost
            return True
        raise ConflictError(
            f"{report.asked} failed: others changed the same metrics {_TRIES} times in the same moment; try again.",
            name=report.scope.name,
            alias=report.scope.alias,
        )

    def _additions(self, report: Report, shard: int) -> Iterator[Write]:
        scope, pk = report.scope, meta_pk(report.scope.name)
        place = (scope.alias, scope.rollout, scope.weight, report.version, shard)
        counter = OutcomeItem(pk, outcome_sk(*place))
        successes = OutcomeItem.successes.add(report.counts.successes)
        failures = OutcomeItem.failures.add(report.counts.failures)
        yield update(counter, None, successes, failures)
        keys = {metric: (pk, outcome_sk(*place, metric)) for metric in report.metrics}
        known = self._table.get(report.asked, *keys.values()) if keys else {}
        for metric, key in keys.items():
            yield self._metric(key, known.get(key), report.metrics[metric])

    def _metric(self, key: tuple[str, str], raw: RawItem | None, values: Sequence[float]) -> Write:
        known = None if raw is None else MetricItem.from_raw_data(raw)
        facts = MetricFacts() if known is None else _facts(known)
        changed = self._with_values(facts, values)
        stored = json.dumps([changed.count, changed.total, changed.squares, changed.sample])
        item = MetricItem(*key, facts=stored, revision=new_revision())
        unchanged = MetricItem.pk.does_not_exist() if known is None else MetricItem.revision == known.revision
        return put(item, unchanged)

    def _with_values(self, facts: MetricFacts, values: Sequence[float]) -> MetricFacts:
        """Add values; the sample stays one in which each value so far has the same chance (Vitter's algorithm R)."""
        sample, count = list(facts.sample), facts.count
        for value in values:
            count += 1
            place = self._rng.randrange(count)
            if len(sample) < SAMPLE:
                sample.append(value)
            elif place < SAMPLE:
                sample[place] = value
        total, squares = facts.total + sum(values), facts.squares + sum(value * value for value in values)
        return MetricFacts(count, total, squares, tuple(sample))

    def get(self, scope: Scope) -> AliasOutcomes:
        """Read everything counted in a rollout."""
        return self._read(f"Reading outcomes for {scope}", scope)[0]

    def look(self, scope: Scope, stable: str, canary: str, attempt: int) -> Evidence:
        """Read what judges need, and remember that somebody looked: that ends a block of the sequential test.

        Raises:
            ConflictError: Others kept looking; try again.
        """
        asked = f"Looking at outcomes for {scope}"
        key = (meta_pk(scope.name), looks_sk(scope.alias, scope.rollout, stable, canary))
        for _ in range(_TRIES):
            outcomes, items = self._read(asked, scope)
            raw = items.get(key[1])
            known = None if raw is None else LooksItem.from_raw_data(raw)
            before = Looks(attempt) if known is None else Looks.from_list(int(known.attempt), json.loads(known.blocks))
            now = [
                Block(weight, outcomes.at(weight, stable).counts, outcomes.at(weight, canary).counts)
                for weight in outcomes.by_weight
            ]
            looks = before.look(attempt, now)
            if looks == before or self._remember(asked, key, known, looks):
                return Evidence(
                    looks.blocks,
                    scope.weight,
                    looks.reported(now),
                    outcomes.at(scope.weight, stable).metrics,
                    outcomes.at(scope.weight, canary).metrics,
                )
        raise ConflictError(f"{asked} failed: others looked {_TRIES} times in the same moment; try again.")

    def _remember(self, asked: str, key: tuple[str, str], known: LooksItem | None, looks: Looks) -> bool:
        blocks = json.dumps(looks.to_list(), separators=(",", ":"))
        item = LooksItem(*key, attempt=looks.attempt, blocks=blocks, revision=new_revision())
        unchanged = LooksItem.pk.does_not_exist() if known is None else LooksItem.revision == known.revision
        try:
            self._table.write(asked, put(item, unchanged))
        except Refused:
            return False  # somebody looked meanwhile; or we did, and the answer was lost: the next reading shows it
        return True

    def delete(self, scope: Scope) -> int:
        """Delete everything kept of a rollout; returns how many items. Repeatable where it stopped."""
        asked, pk = f"Deleting outcomes for {scope}", meta_pk(scope.name)
        prefixes = (outcome_prefix(scope.alias, scope.rollout), report_prefix(scope.alias, scope.rollout))
        sks = [raw["sk"]["S"] for prefix in prefixes for raw in self._query(asked, pk, prefix)]
        for start in range(0, len(sks), MAX_TRANSACTION):
            batch = sks[start : start + MAX_TRANSACTION]
            self._table.transact(asked, [delete(ReportItem(pk, sk), None) for sk in batch])
        return len(sks)

    def _read(self, asked: str, scope: Scope) -> tuple[AliasOutcomes, dict[str, RawItem]]:
        """Return what was counted, and the other items by their sort keys."""
        by_weight: dict[int | None, dict[str, VersionOutcomes]] = {}
        others: dict[str, RawItem] = {}
        for raw in self._query(asked, meta_pk(scope.name), outcome_prefix(scope.alias, scope.rollout)):
            read = read_outcome_sk(scope.alias, scope.rollout, raw["sk"]["S"])
            if read is None:
                others[raw["sk"]["S"]] = raw
                continue
            weight, version, metric = read
            versions = by_weight.setdefault(weight, {})
            versions[version] = versions.get(version, VersionOutcomes()) + _outcomes(raw, metric)
        return AliasOutcomes(scope.name, scope.alias, scope.rollout, by_weight), others

    def _query(self, asked: str, pk: str, prefix: str) -> Iterator[RawItem]:
        condition, values = "begins_with(sk, :prefix)", {":prefix": {"S": prefix}}
        return self._table.query(asked, pk, sk_condition=condition, sk_values=values)


def _once(report: Report, revision: str) -> Iterator[Write]:
    if report.key:
        scope = report.scope
        item = ReportItem(meta_pk(scope.name), report_sk(scope.alias, scope.rollout, report.key), revision=revision)
        yield put(item, ReportItem.pk.does_not_exist())


def _outcomes(raw: RawItem, metric: str | None) -> VersionOutcomes:
    if metric is not None:
        return VersionOutcomes(metrics={metric: _facts(MetricItem.from_raw_data(raw))})
    item = OutcomeItem.from_raw_data(raw)
    return VersionOutcomes(Counts(int(item.successes), int(item.failures)))


def _facts(item: MetricItem) -> MetricFacts:
    count, total, squares, sample = json.loads(item.facts)
    return MetricFacts(count, total, squares, tuple(sample))
