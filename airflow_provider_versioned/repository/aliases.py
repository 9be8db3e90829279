"""Reading and changing aliases: sends what :mod:`~airflow_provider_versioned.repository.alias_change` composes.

Decides when a refused change is tried again (somebody else moved the alias and the caller named no revision) and when
it is the caller's to decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.alias_change import (
    Attempt,
    Change,
    Targets,
    View,
    observed,
    revision_of,
    targets_of,
)
from airflow_provider_versioned.repository.alias_history import rollback_target, state_at
from airflow_provider_versioned.repository.errors import AliasNotFoundError, ConflictError, InvalidInputError
from airflow_provider_versioned.repository.inputs import ABSENT
from airflow_provider_versioned.repository.items import AliasItem, HeadItem, HistoryItem, RequestItem
from airflow_provider_versioned.repository.keys import (
    Place,
    alias_pk,
    head_sk,
    history_prefix,
    is_history_sk,
    meta_pk,
    request_sk,
)
from airflow_provider_versioned.repository.last_seen import LastSeen
from airflow_provider_versioned.repository.model import Alias, AliasChange, ContentSource
from airflow_provider_versioned.repository.retention import Departure, departures
from airflow_provider_versioned.repository.table import RawItem, Refused, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from airflow_provider_versioned.repository.latest import Latest

_TRIES = 40


@dataclass
class Learnt:
    """What refusals of earlier attempts at the same change have told."""

    latest_completed: bool = False
    _gone: dict[str, frozenset[str]] = field(default_factory=dict)

    def gone(self, view: View) -> frozenset[str]:
        """Return the targets that had no item any more when the alias was as this view has it."""
        return self._gone.get(revision_of(view.item), frozenset()) if view.item is not None else frozenset()

    def miss(self, view: View, versions: Iterable[str]) -> None:
        """Note targets that have no item; once the alias has moved, they may be there anew."""
        if view.item is not None:
            self._gone = {revision_of(view.item): self.gone(view).union(versions)}


class Aliases:
    """The aliases of all artifacts of a repository."""

    def __init__(self, table: Table, place: Place, latest: Latest, source: ContentSource) -> None:
        self._table = table
        self._place = place
        self._latest = latest
        self._source = source
        self._last: LastSeen[tuple[str, str], View] = LastSeen()

    # -- reading ---------------------------------------------------------------------------------------------------

    def get(self, name: str, alias: str) -> Alias:
        """Read an alias.

        Raises:
            AliasNotFoundError: There is none of that name.
        """
        key = (alias_pk(name), alias)
        raw = self._table.get(f"Reading alias {alias!r} of {name!r}", key).get(key)
        if raw is None:
            raise self._no_alias(name, alias)
        return self.from_raw(name, raw)

    def request(self, name: str, alias: str) -> dict[str, Any]:
        """Return the arguments of the GetItem that reads an alias."""
        return self._table.get_request((alias_pk(name), alias))

    def from_raw(self, name: str, raw: RawItem) -> Alias:
        """Make the public value from a raw item."""
        item = AliasItem.from_raw_data(raw)
        targets = targets_of(item)
        primary = targets.version or ""
        secondary = targets.secondary_version
        return Alias(
            name=name,
            alias=item.sk,
            update_at=item.update_at,
            version=primary,
            secondary_version=secondary,
            secondary_version_weight=targets.secondary_version_weight,
            version_s3uri=self._place.s3uri(name, primary),
            secondary_version_s3uri=self._place.s3uri(name, secondary) if secondary else None,
            revision=revision_of(item),
            sequence=None if item.sequence is None else int(item.sequence),
            changed_by=item.changed_by,
            reason=item.reason,
            rollout=item.rollout,
            _source=self._source,
        )

    def list(self, name: str) -> Iterator[Alias]:
        """Read all aliases of an artifact, in the order of their names' bytes."""
        asked = f"Listing the aliases of {name!r}"
        return (self.from_raw(name, raw) for raw in self._table.query(asked, alias_pk(name)) if "version" in raw)

    def history(self, name: str, alias: str) -> Iterator[AliasChange]:
        """Read the changes of an alias, newest first; another tool's change appears once the alias is changed here."""
        rows = self._table.query(
            f"Reading the history of alias {alias!r} of {name!r}",
            meta_pk(name),
            sk_condition="begins_with(sk, :prefix)",
            sk_values={":prefix": {"S": history_prefix(alias)}},
            ScanIndexForward=False,
        )
        own = (raw for raw in rows if is_history_sk(alias, raw["sk"]["S"]))
        return (change_of(name, alias, HistoryItem.from_raw_data(raw)) for raw in own)

    def departures(self, name: str, since: datetime) -> dict[str, Departure]:
        """Find the versions that aliases of an artifact, deleted ones too, pointed at until some moment since then."""
        heads = self._table.query(
            f"Reading which aliases of {name!r} moved",
            meta_pk(name),
            sk_condition="begins_with(sk, :prefix)",
            sk_values={":prefix": {"S": head_sk("")}},
        )
        left: dict[str, Departure] = {}
        for head in map(HeadItem.from_raw_data, heads):
            if head.changed_at >= since:
                history = self.history(name, head.sk.removeprefix(head_sk("")))
                for version, departure in departures(history, since).items():
                    if version not in left or left[version].left_at < departure.left_at:
                        left[version] = departure
        return left

    def at(self, name: str, alias: str, moment: datetime) -> AliasChange:
        """Find the change of an alias that was in force at a time.

        Raises:
            AliasNotFoundError: The alias did not exist then, as far as its history tells.
        """
        change = state_at(self.history(name, alias), moment)
        if change is None or change.version is None:
            raise AliasNotFoundError(
                f"Alias {alias!r} of {name!r} did not exist at {moment.isoformat()}, as far as its history tells; "
                "list its history to see when it did.",
                name=name,
                alias=alias,
                at=moment,
            )
        return change

    # -- changing --------------------------------------------------------------------------------------------------

    def apply(self, change: Change) -> Alias | None:
        """Carry out a change; returns the alias as it then is, None when it does not exist (any more).

        Raises:
            ConflictError: The alias has not the demanded revision, or others kept moving it.
            ArtifactNotFoundError: A target is not live.
        """
        learnt, remembered = Learnt(), self._remembered(change)
        for _ in range(_TRIES):
            view, remembered = remembered or self._view(change), None
            if view.landed is not None or (view.item is None and change.targets.version is None):
                return self.from_raw(change.name, view.item.serialize()) if view.item is not None else None
            self.demand_revision(change, view)
            attempt = Attempt(change, view, learnt.gone(view))
            if self.send(change, attempt, learnt):
                return self.from_raw(change.name, attempt.item.serialize()) if change.targets.version else None
        raise ConflictError(
            f"{change.asked} failed: others moved it {_TRIES} times in the same moment; try again.",
            name=change.name,
            alias=change.alias,
        )

    def send(self, change: Change, attempt: Attempt, learnt: Learnt) -> bool:
        """Send an attempt; False: look again, and decide anew.

        Raises:
            ArtifactNotFoundError: A target is not live.
        """
        try:
            self._table.transact(change.asked, attempt.writes)
        except Refused as refused:
            if attempt.awaits_latest(refused) and not learnt.latest_completed:
                self._latest.complete(change.asked, change.name)
                learnt.latest_completed = True
                return False
            if not attempt.landed(refused):
                if not attempt.overtaken(refused):
                    learnt.miss(attempt.view, attempt.vanished(refused))
                return False
        self._last.keep((change.name, change.alias), attempt.left)
        return True

    def _remembered(self, change: Change) -> View | None:
        """Return how our last change left the alias, where no more has to be known."""
        view = self._last.take((change.name, change.alias)) if change.key is None else None
        if view is None or view.item is None or view.moved_by_others:
            return None
        return view if change.if_revision in {None, revision_of(view.item)} else None

    def rollback(self, change: Change) -> Alias:
        """Carry out a rollback to the state that the history names.

        Raises:
            AliasNotFoundError: The alias does not exist.
            InvalidInputError: The history knows no earlier state.
        """
        for _ in range(_TRIES):
            view = self._view(change)
            if view.item is None:
                raise self._no_alias(change.name, change.alias)
            if view.landed is not None:
                return self.from_raw(change.name, view.item.serialize())
            self.demand_revision(change, view)
            bound = replace(self._bind_target(change, view), if_revision=revision_of(view.item))
            try:
                alias = self.apply(bound)
            except ConflictError:
                continue  # moved or deleted meanwhile: which of them, the next look tells
            if alias is not None:
                return alias
        raise ConflictError(
            f"{change.asked} failed: others moved it {_TRIES} times in the same moment; try again.",
            name=change.name,
            alias=change.alias,
        )

    def _bind_target(self, change: Change, view: View) -> Change:
        """Fill in where the rollback leads, unless the caller named a version."""
        if change.targets.version is not None:
            return change
        target = rollback_target(self._history_until(change, view))
        if target is not None:
            return replace(change, targets=Targets(target.version), restored_sequence=target.sequence)
        if view.targets.secondary_version is not None:
            return replace(change, targets=Targets(view.targets.version))
        raise InvalidInputError(
            f"{change.asked} failed: its history knows no earlier version than {view.targets.version}; name the "
            "version to go to.",
            name=change.name,
            alias=change.alias,
        )

    def _history_until(self, change: Change, view: View) -> Iterable[AliasChange]:
        """Read the history as of a view: what has come since the alias was read belongs to another moment."""
        rows = list(self.history(change.name, change.alias))
        revision = None if view.item is None else revision_of(view.item)
        until = list(dropwhile(lambda row: row.revision != revision, rows))
        if until:
            return until
        last = 0 if view.head is None else int(view.head.sequence)
        known = [row for row in rows if row.sequence <= last]
        return [observed(change.name, change.alias, view, last + 1), *known]

    def _view(self, change: Change) -> View:
        meta = meta_pk(change.name)
        alias_key, head_key = (alias_pk(change.name), change.alias), (meta, head_sk(change.alias))
        keys = [alias_key, head_key]
        request_key = (meta, request_sk(change.alias, change.key)) if change.key else None
        if request_key:
            keys.append(request_key)
        found = self._table.get(change.asked, *keys)
        return View(
            AliasItem.from_raw_data(found[alias_key]) if alias_key in found else None,
            HeadItem.from_raw_data(found[head_key]) if head_key in found else None,
            RequestItem.from_raw_data(found[request_key]) if request_key and request_key in found else None,
        )

    @staticmethod
    def demand_revision(change: Change, view: View) -> None:
        """Demand that the alias has the revision that the change names, if it names one.

        Raises:
            ConflictError: It has not.
        """
        if change.if_revision is None:
            return
        item = view.item
        if item is None and change.if_revision == ABSENT:
            return
        if item is None:
            raise ConflictError(
                f"{change.asked} failed: it should have revision {change.if_revision}, but it does not exist; read it "
                "again and decide anew.",
                name=change.name,
                alias=change.alias,
            )
        if revision_of(item) != change.if_revision:
            when = f"at {item.update_at:%Y-%m-%d %H:%M:%SZ} " if item.update_at is not None else ""
            raise ConflictError(
                f"{change.asked} failed: it should have revision {change.if_revision}, but "
                f"{item.changed_by or 'somebody'} moved it {when}to {view.targets} "
                f"(revision {revision_of(item)}); read it again and decide anew.",
                name=change.name,
                alias=change.alias,
                revision=revision_of(item),
                changed_by=item.changed_by,
                update_at=item.update_at,
            )

    @staticmethod
    def _no_alias(name: str, alias: str) -> AliasNotFoundError:
        return AliasNotFoundError(
            f"Artifact {name!r} has no alias {alias!r}; create it with put_alias, or name one of list_aliases.",
            name=name,
            alias=alias,
        )


def change_of(name: str, alias: str, item: HistoryItem) -> AliasChange:
    """Make the public value from an item of the history."""
    weight, restored = item.secondary_version_weight, item.restored_sequence
    return AliasChange(
        name,
        alias,
        int(item.sk.rpartition("#")[2]),
        item.action,
        item.changed_at,
        item.version,
        item.secondary_version,
        None if weight is None else int(weight),
        item.revision,
        item.changed_by,
        item.reason,
        item.rollout,
        None if restored is None else int(restored),
        item.approval,
    )
