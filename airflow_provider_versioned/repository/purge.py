"""Purging: carrying out a retention plan, and destroying whole artifacts.

Retention hides versions, in transactions of up to 100; one that an alias has come to point at since the plan is kept
and reported, never removed. Destroying an artifact goes records first, bytes last: aliases, then every version marked
``purging`` (from then on nobody can see, restore, alias or finish it), then the objects, then the items. It can die
anywhere and be repeated. The counter and the item of the highest number stay, so that no number is ever given twice,
neither here nor by the library ``versioned``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.alias_change import Change, Targets
from airflow_provider_versioned.repository.errors import ConflictError, InUseError, InvalidInputError
from airflow_provider_versioned.repository.inputs import LATEST, check_flat_name
from airflow_provider_versioned.repository.items import PURGING, ArtifactItem, CounterItem
from airflow_provider_versioned.repository.keys import (
    COUNTER,
    Place,
    decode_version,
    encode_version,
    is_version_sk,
    meta_pk,
)
from airflow_provider_versioned.repository.retention import (
    PurgeDecision,
    PurgePlan,
    PurgeResult,
    aliases_by_version,
    kept_by_alias,
)
from airflow_provider_versioned.repository.table import (
    MAX_TRANSACTION,
    RawItem,
    Refused,
    Table,
    Write,
    delete,
    key_of,
    update,
)
from airflow_provider_versioned.repository.versions import Hiding, Versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_versioned.repository.aliases import Aliases
    from airflow_provider_versioned.repository.model import Alias, Artifact
    from airflow_provider_versioned.repository.objects import Objects

log = logging.getLogger(__name__)
_TRIES = 10


class Purger:
    """Removes versions of any artifact."""

    def __init__(self, table: Table, place: Place, objects: Objects, versions: Versions, aliases: Aliases) -> None:
        self._table = table
        self._place = place
        self._objects = objects
        self._versions = versions
        self._aliases = aliases

    # -- retention -------------------------------------------------------------------------------------------------

    def apply(self, plan: PurgePlan, artifacts: Sequence[Artifact], aliases: Iterable[Alias]) -> PurgeResult:
        """Carry out a plan, given the live versions and the aliases as just read."""
        asked = f"Purging versions of {plan.name!r}"
        pointing = aliases_by_version(aliases)
        there = {artifact.version: artifact for artifact in artifacts}
        planned = [decision.version for decision in plan.to_purge]
        kept = {version: kept_by_alias(version, pointing[version]) for version in planned if version in pointing}
        open_ = [version for version in planned if version not in kept]
        kept |= {version: _gone(version) for version in open_ if version not in there}
        open_ = [version for version in open_ if version in there]
        for start in range(0, len(open_), MAX_TRANSACTION):
            for decision in self._hide(asked, plan.name, open_[start : start + MAX_TRANSACTION]):
                kept[decision.version] = decision
        return PurgeResult(
            plan.name,
            tuple(there[version] for version in open_ if version not in kept),
            tuple(kept[version] for version in planned if version in kept),
        )

    def _hide(self, asked: str, name: str, versions: Sequence[str]) -> Iterator[PurgeDecision]:
        """Hide versions together; those that refuse are looked at one by one and yielded if they stay."""
        hidings = {version: Hiding(name, version) for version in versions}
        while hidings:
            try:
                self._send(asked, [hiding.write for hiding in hidings.values()])
            except Refused as refused:
                refusing = [version for version, found in zip(hidings, refused.found, strict=True) if found is not None]
                for version, found in zip(list(hidings), refused.found, strict=True):
                    if found is not None and hidings.pop(version).made(found):
                        refusing.remove(version)
                for version in refusing:
                    yield from self._hide_alone(name, version)
                continue
            return

    def _hide_alone(self, name: str, version: str) -> Iterator[PurgeDecision]:
        try:
            if not self._versions.delete(name, version):
                yield _gone(version)
        except InUseError as error:
            yield kept_by_alias(version, list(error.facts["aliases"]))

    def _send(self, asked: str, writes: Sequence[Write]) -> None:
        """Send writes that stand or fall together; one alone costs half as much outside a transaction."""
        if len(writes) == 1:
            self._table.write(asked, writes[0])
        else:
            self._table.transact(asked, writes)

    # -- destruction -------------------------------------------------------------------------------------------------

    def destroy(self, name: str) -> None:
        """Remove an artifact's aliases, versions and bytes for good.

        Raises:
            ConflictError: Others kept pointing aliases at its versions.
        """
        asked = f"Purging artifact {name!r}"
        for _ in range(_TRIES):
            self._delete_aliases(name)
            if self._mark(asked, name) and next(self._aliases.list(name), None) is None:
                break
        else:
            raise ConflictError(
                f"{asked} failed: others pointed aliases at its versions {_TRIES} times meanwhile; try again.",
                name=name,
            )
        self._free(asked, name)
        self._forget(asked, name)

    def _delete_aliases(self, name: str) -> None:
        for alias in list(self._aliases.list(name)):
            self._aliases.apply(Change(name, alias.alias, "delete", Targets(None), reason="artifact purged"))

    def _items(self, asked: str, name: str) -> Iterator[RawItem]:
        """Read the artifact's own items: versions, and the library's ghosts under odd sort keys."""
        for raw in self._table.query(asked, name):
            if is_version_sk(raw["sk"]["S"]) or raw.keys() <= {"pk", "sk", "is_deleted"}:
                yield raw

    def _mark(self, asked: str, name: str) -> bool:
        """Mark every version as being purged; False when an alias came to point at one."""
        batch: list[Write] = []
        for raw in self._items(asked, name):
            if not is_version_sk(raw["sk"]["S"]) or _is_marked(raw):
                continue
            named = frozenset(raw.get("aliases", {}).get("SS", ()))
            hiding = Hiding(name, decode_version(raw["sk"]["S"]), named, purging=True)
            if hiding.checks and not self._sent(asked, [hiding.write, *hiding.checks]):
                return False
            batch += [] if hiding.checks else [hiding.write]
            if len(batch) == MAX_TRANSACTION and not self._sent(asked, batch):
                return False
            batch = [] if len(batch) == MAX_TRANSACTION else batch
        return not batch or self._sent(asked, batch)

    def _sent(self, asked: str, writes: Sequence[Write]) -> bool:
        try:
            self._send(asked, writes)
        except Refused:
            return False
        return True

    def _free(self, asked: str, name: str) -> None:
        """Delete the objects that no version has any more."""
        found = list(self._objects.list_keys(asked, name))
        numbers = [int(version) for version in self._versions_of(name, found) if version != LATEST]
        self._reserve(asked, name, max(numbers, default=0))
        states = {raw["sk"]["S"]: raw.get("state", {}).get("S") for raw in self._items(asked, name)}
        free: list[str] = []
        for object_key, etag in found:
            version = self._place.version_of_object(name, object_key)
            if version is None:
                continue  # not ours: another repository's, with another suffix, or a person's
            state = states.get(encode_version(version), PURGING)
            if version == LATEST:
                if state == PURGING:
                    self._objects.delete_if(asked, object_key, etag)
            elif state == PURGING:
                free.append(object_key)
        self._objects.delete_keys(asked, free)

    def _versions_of(self, name: str, found: Iterable[tuple[str, str]]) -> Iterator[str]:
        for object_key, _ in found:
            version = self._place.version_of_object(name, object_key)
            if version is not None:
                yield version

    def _reserve(self, asked: str, name: str, number: int) -> None:
        """Make sure that no publisher is given a number up to this one, so that its object can go."""
        if number == 0:
            return
        counter = CounterItem(meta_pk(name), COUNTER)
        lower = CounterItem.pk.does_not_exist() | (CounterItem.highest < number)
        try:
            self._table.write(asked, update(counter, lower, CounterItem.highest.set(number)))
        except Refused:
            return  # it is past that number already

    def _forget(self, asked: str, name: str) -> None:
        """Delete the items of what was purged, but for the highest number."""
        items = list(self._items(asked, name))
        purged = [key_of(raw) for raw in items if _is_marked(raw)]
        ghosts = [key_of(raw) for raw in items if not is_version_sk(raw["sk"]["S"])]
        highest = max((sk for _, sk in purged if sk != LATEST), default=None)
        self._reserve(asked, name, int(highest or 0))
        writes = [delete(ArtifactItem(*key), ArtifactItem.state == PURGING) for key in purged if key[1] != highest]
        writes += [delete(ArtifactItem(*key), ArtifactItem.sha256.does_not_exist()) for key in ghosts]
        for start in range(0, len(writes), MAX_TRANSACTION):
            self._delete_together(asked, writes[start : start + MAX_TRANSACTION])

    def _delete_together(self, asked: str, writes: Sequence[Write]) -> None:
        while writes:
            try:
                self._send(asked, writes)
            except Refused as refused:
                # Refused: gone already, or put again meanwhile. Neither is ours to delete.
                writes = [write for write, found in zip(writes, refused.found, strict=True) if found is None]
                continue
            return

    def destroy_all(self) -> None:
        """Destroy every artifact of the repository, and nothing else in the bucket or the table."""
        for name in sorted(self._names()):
            try:
                check_flat_name(name)
            except InvalidInputError as error:
                log.warning("Purging all artifacts leaves one out: %s", error)
                continue
            self.destroy(name)

    def _names(self) -> set[str]:
        """Find the artifacts that have objects, versions or aliases."""
        asked = "Purging all artifacts"
        names = set(self._objects.list_names(asked))
        for pk, sk in map(key_of, self._table.scan_keys(asked)):
            if pk.startswith("__"):
                names |= {pk[2:].removesuffix("-alias")} if pk.endswith("-alias") else set()
            elif is_version_sk(sk):
                names.add(pk)
        return names


def _is_marked(raw: RawItem) -> bool:
    """Tell whether an item is marked as being purged and nothing has happened to it since."""
    return raw.get("state", {}).get("S") == PURGING and "aliases" not in raw and "pending" not in raw


def _gone(version: str) -> PurgeDecision:
    return PurgeDecision(version, purge=False, reason="deleted already")
