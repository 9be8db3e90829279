"""What has been reported of the versions of an alias, as values: counts, metrics, and the blocks that judges look at.

Pure: no AWS, no Airflow. How the numbers are collected is told in
:mod:`~airflow_provider_versioned.repository.outcomes.store`, what follows from them in
:mod:`~airflow_provider_versioned.repository.judges`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Counts:
    """Outcomes of one version."""

    successes: int = 0
    failures: int = 0

    @property
    def count(self) -> int:
        """All outcomes."""
        return self.successes + self.failures

    @property
    def failure_rate(self) -> float:
        """Share of failures; 0 where nothing was reported."""
        return self.failures / self.count if self.count else 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.successes + other.successes, self.failures + other.failures)

    def __sub__(self, other: Counts) -> Counts:
        return Counts(self.successes - other.successes, self.failures - other.failures)

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.failures} failures in {self.count}"


@dataclass(frozen=True)
class MetricFacts:
    """What is known of one numeric metric of one version.

    Attributes:
        total: Sum of all values.
        squares: Sum of their squares.
        sample: A random sample of all values, the same chance for each of one shard; all of them while they are few.
    """

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    sample: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """Average of all values; 0 where nothing was reported."""
        return self.total / self.count if self.count else 0.0

    def __add__(self, other: MetricFacts) -> MetricFacts:
        return MetricFacts(
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
            self.sample + other.sample,
        )


@dataclass(frozen=True)
class VersionOutcomes:
    """What was reported of one version."""

    counts: Counts = field(default_factory=Counts)
    metrics: Mapping[str, MetricFacts] = field(default_factory=dict)

    def __add__(self, other: VersionOutcomes) -> VersionOutcomes:
        names = sorted({*self.metrics, *other.metrics})
        nothing = MetricFacts()
        metrics = {name: self.metrics.get(name, nothing) + other.metrics.get(name, nothing) for name in names}
        return VersionOutcomes(self.counts + other.counts, metrics)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON-able values, without the samples."""
        metrics = {
            name: {"count": facts.count, "mean": facts.mean, "total": facts.total, "squares": facts.squares}
            for name, facts in self.metrics.items()
        }
        return {"successes": self.counts.successes, "failures": self.counts.failures, "metrics": metrics}


@dataclass(frozen=True)
class AliasOutcomes:
    """What was reported of the versions of an alias during one rollout.

    Attributes:
        rollout: Id of the rollout or, without one, the alias's revision.
        by_weight: By weight of the secondary version when the version was chosen (None: it was alone, or chosen by
            hand), then by version.
    """

    name: str
    alias: str
    rollout: str
    by_weight: Mapping[int | None, Mapping[str, VersionOutcomes]]

    @property
    def versions(self) -> list[str]:
        """Versions of which anything was reported."""
        return sorted({version for versions in self.by_weight.values() for version in versions})

    def of(self, version: str) -> VersionOutcomes:
        """Return what was reported of a version at all weights together."""
        return sum((self.at(weight, version) for weight in self.by_weight), VersionOutcomes())

    def at(self, weight: int | None, version: str) -> VersionOutcomes:
        """Return what was reported of a version at one weight."""
        return self.by_weight.get(weight, {}).get(version, VersionOutcomes())

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON-able values, weights as text."""
        by_weight = {
            str(weight): {version: outcomes.to_dict() for version, outcomes in versions.items()}
            for weight, versions in self.by_weight.items()
        }
        return {"name": self.name, "alias": self.alias, "rollout": self.rollout, "by_weight": by_weight}


@dataclass(frozen=True)
class Block:
    """Outcomes of both sides that were reported between two looks, at one weight of the canary."""

    weight: int | None
    stable: Counts
    canary: Counts

    def __add__(self, other: Block) -> Block:
        return Block(self.weight, self.stable + other.stable, self.canary + other.canary)

    def __sub__(self, other: Block) -> Block:
        return Block(self.weight, self.stable - other.stable, self.canary - other.canary)


@dataclass(frozen=True)
class Evidence:
    """What judges are told.

    Attributes:
        blocks: What was reported, block by block in the order of the looks.
        weight: Weight of the step that is judged; judges demand their ``min_samples`` of it.
        reported: Everything reported until now, as one block for each weight, also what no block holds yet; empty: the
            blocks hold everything.
        stable_metrics: Metrics of the stable version at that weight.
        canary_metrics: Metrics of the canary at that weight.
    """

    blocks: tuple[Block, ...]
    weight: int | None = None
    reported: tuple[Block, ...] = ()
    stable_metrics: Mapping[str, MetricFacts] = field(default_factory=dict)
    canary_metrics: Mapping[str, MetricFacts] = field(default_factory=dict)

    @classmethod
    def of_counts(cls, stable: Counts, canary: Counts, weight: int | None = None) -> Evidence:
        """Make evidence of one look; a second look must hand over the first one's counts as a block of their own."""
        return cls((Block(weight, stable, canary),), weight)

    @property
    def by_weight(self) -> dict[int | None, Block]:
        """Everything reported, by weight."""
        return {block.weight: block for block in summed(self.reported or self.blocks)}

    @property
    def at_weight(self) -> Block:
        """Everything reported at the weight that is judged."""
        return self.by_weight.get(self.weight, Block(self.weight, Counts(), Counts()))

    @property
    def total(self) -> Block:
        """Everything reported."""
        return sum(self.by_weight.values(), Block(None, Counts(), Counts()))


def summed(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Put the blocks of each weight together."""
    sums: dict[int | None, Block] = {}
    for block in blocks:
        sums[block.weight] = sums[block.weight] + block if block.weight in sums else block
    return tuple(sums.values())


@dataclass(frozen=True)
class Looks:
    """The looks of judges at a rollout, each of which ended a block.

    Attributes:
        attempt: Which attempt of the rollout the blocks are of.
        earlier: What earlier attempts saw, as one block for each weight.
        blocks: What this attempt saw.
    """

    attempt: int = 1
    earlier: tuple[Block, ...] = ()
    blocks: tuple[Block, ...] = ()

    def look(self, attempt: int, now: Iterable[Block]) -> Looks:
        """Return the looks with one more.

        A block ends when both sides have something new and the canary at least a hundredth of what it had: so there
        are some thousand blocks in the largest rollout. Whether one ends depends on how much was reported, never on
        what, as the sequential test demands.

        Args:
            attempt: Which attempt looks; another one than before begins its evidence anew.
            now: Everything reported until now, as one block for each weight.
        """
        known = self if attempt == self.attempt else Looks(attempt, summed((*self.earlier, *self.blocks)))
        fresh = tuple(block for block in known.remainder(now, (*known.earlier, *known.blocks)) if _ends(block, known))
        return Looks(attempt, known.earlier, known.blocks + fresh)

    def reported(self, now: Iterable[Block]) -> tuple[Block, ...]:
        """Return everything that was reported in this attempt, as one block for each weight."""
        return self.remainder(now, self.earlier)

    @staticmethod
    def remainder(now: Iterable[Block], without: Iterable[Block]) -> tuple[Block, ...]:
        """Take blocks away from everything reported."""
        gone = {block.weight: block for block in summed(without)}
        return tuple(block - gone[block.weight] if block.weight in gone else block for block in now)

    def to_list(self) -> list[list[list[int | None]]]:
        """Return the blocks as JSON-able lists: those of earlier attempts, then those of this one."""
        return [[_flat(block) for block in blocks] for blocks in (self.earlier, self.blocks)]

    @classmethod
    def from_list(cls, attempt: int, stored: list[list[list[int | None]]]) -> Looks:
        """Rebuild the looks from :meth:`to_list`."""
        earlier, blocks = (tuple(map(_unflat, entries)) for entries in stored)
        return cls(attempt, earlier, blocks)


def _ends(new: Block, known: Looks) -> bool:
    """Tell whether what is new makes a block; never where counts went down, because somebody deleted some."""
    seen = sum(block.canary.count for block in known.blocks if block.weight == new.weight)
    enough = new.canary.count >= max(1, seen // 100) and new.stable.count >= 1
    counts = (new.stable.successes, new.stable.failures, new.canary.successes, new.canary.failures)
    return enough and min(counts) >= 0


def _flat(block: Block) -> list[int | None]:
    stable, canary = block.stable, block.canary
    return [block.weight, stable.successes, stable.failures, canary.successes, canary.failures]


def _unflat(stored: list[int | None]) -> Block:
    weight, *counts = stored
    a, b, c, d = (int(count or 0) for count in counts)
    return Block(weight, Counts(a, b), Counts(c, d))
