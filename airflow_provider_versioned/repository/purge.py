"""Purging: carrying out a retention plan against a repository that goes on changing.

Hides versions, in transactions of up to 100, a few of them at once. Nothing goes but what the plan names; and what the
plan names stays, and is reported, if by now an alias points at it or did so a short while ago, if it was protected, or
if it was restored or written anew since the plan was made.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.errors import InUseError
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.many import at_once
from airflow_provider_versioned.repository.retention import (
    aliases_by_version,
    kept_by_alias,
    kept_by_protection,
    saved_since,
)
from airflow_provider_versioned.repository.retention_plan import PurgeDecision, PurgePlan, PurgeResult
from airflow_provider_versioned.repository.table import MAX_TRANSACTION, Refused, Table
from airflow_provider_versioned.repository.versions import Hiding, Versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from airflow_provider_versioned.repository.keys import Place
    from airflow_provider_versioned.repository.latest import Latest
    from airflow_provider_versioned.repository.model import Alias, Artifact
    from airflow_provider_versioned.repository.retention import Departure


class Purger:
    """Carries out retention plans for any artifact."""

    def __init__(self, table: Table, place: Place, latest: Latest, versions: Versions) -> None:
        self._table = table
        self._place = place
        self._latest = latest
        self._versions = versions

    def apply(
        self,
        plan: PurgePlan,
        artifacts: Sequence[Artifact],
        aliases: Iterable[Alias],
        departures: Mapping[str, Departure],
    ) -> PurgeResult:
        """Carry out a plan, given the live versions, the aliases, and what they left lately, as just read."""
        asked = f"Purging versions of {plan.name!r}"
        self._complete_latest(asked, artifacts)
        there = {artifact.version: artifact for artifact in artifacts}
        kept = saved_since(plan, there, aliases_by_version(aliases), departures)
        open_ = [decision.version for decision in plan.to_purge if decision.version not in kept]
        batches = [open_[start : start + MAX_TRANSACTION] for start in range(0, len(open_), MAX_TRANSACTION)]
        for decisions in at_once(*(partial(self._hide, asked, plan.name, batch) for batch in batches)):
            kept |= {decision.version: decision for decision in decisions}
        return PurgeResult(
            plan.name,
            tuple(there[version] for version in open_ if version not in kept),
            tuple(kept[decision.version] for decision in plan.to_purge if decision.version in kept),
        )

    def _complete_latest(self, asked: str, artifacts: Iterable[Artifact]) -> None:
        """Give LATEST its own object if a publisher died before it did: the version that holds it may go now."""
        for artifact in artifacts:
            if artifact.version == LATEST and artifact.s3uri != self._place.s3uri(artifact.name, LATEST):
                self._latest.complete(asked, artifact.name)

    def _hide(self, asked: str, name: str, versions: Sequence[str]) -> list[PurgeDecision]:
        """Hide versions together; those that refuse are looked at one by one and returned if they stay."""
        kept: list[PurgeDecision] = []
        first = Hiding(name, versions[0])
        hidings = {version: first.of(version) for version in versions}
        while hidings:
            try:
                self._table.write_together(asked, [hiding.write for hiding in hidings.values()])
            except Refused as refused:
                refusing = [version for version, found in zip(hidings, refused.found, strict=True) if found is not None]
                for version, found in zip(list(hidings), refused.found, strict=True):
                    if found is not None and hidings.pop(version).made(found):
                        refusing.remove(version)
                for version in refusing:
                    kept += self._hide_alone(name, version)
                continue
            break
        return kept

    def _hide_alone(self, name: str, version: str) -> Iterator[PurgeDecision]:
        try:
            if not self._versions.delete(name, version):
                yield PurgeDecision(version, purge=False, rule="deleted", reason="deleted already")
        except InUseError as error:
            if "protected" in error.facts:
                yield kept_by_protection(version, str(error.facts["protected"]))
            else:
                yield kept_by_alias(version, list(error.facts["aliases"]))
