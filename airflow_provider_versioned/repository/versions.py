"""Single versions: read, list, delete, restore, protect.

A deletion only hides (the bytes stay), and only what no alias points at. That is decided by the version's own
``aliases`` set, which every change of an alias keeps in the same transaction, so no promotion can slip in between. The
library ``versioned`` does not keep the set: therefore the aliases are read as well, and a set that names aliases which
point elsewhere by now is overruled only together with a check of those aliases.
"""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.errors import ArtifactNotFoundError, ConflictError, InUseError
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import CLAIMED, PURGING, AliasItem, ArtifactItem, both, live
from airflow_provider_versioned.repository.keys import (
    Place,
    alias_pk,
    decode_version,
    encode_version,
    is_version_sk,
)
from airflow_provider_versioned.repository.model import Artifact, ContentSource
from airflow_provider_versioned.repository.retention import aliases_by_version
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import RawItem, Refused, Table, Write, check, update

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

    from airflow_provider_versioned.repository.aliases import Aliases
    from airflow_provider_versioned.repository.latest import Latest

_TRIES = 10


class Versions:
    """The versions of all artifacts of a repository."""

    def __init__(self, table: Table, place: Place, latest: Latest, aliases: Aliases, source: ContentSource) -> None:
        self._table = table
        self._place = place
        self._latest = latest
        self._aliases = aliases
        self._source = source

    def get(self, name: str, version: str) -> Artifact:
        """Read a live version's record.

        Raises:
            ArtifactNotFoundError: There is none.
        """
        asked, key = f"Reading version {version} of {name!r}", (name, encode_version(version))
        raw = self._table.get(asked, key).get(key)
        artifact = self._visible(asked, raw) if raw else None
        if artifact is None:
            state = "is deleted" if raw else "does not exist"
            raise ArtifactNotFoundError(
                f"Version {version} of artifact {name!r} {state}; list_artifact_versions shows what there is.",
                name=name,
                version=version,
            )
        return artifact

    def list(self, name: str) -> Iterator[Artifact]:
        """Read the live versions: LATEST, then numbers from the highest down."""
        asked = f"Listing the versions of {name!r}"
        for raw in self._table.query(asked, name, ScanIndexForward=False):
            artifact = self._visible(asked, raw) if is_version_sk(raw["sk"]["S"]) else None
            if artifact is not None:
                yield artifact

    def _visible(self, asked: str, raw: RawItem) -> Artifact | None:
        """Make the public value from a raw item; None when it is not live."""
        item = ArtifactItem.from_raw_data(raw)
        if item.pending is None:
            return self.artifact(item) if item.live else None
        head = self._latest.resolve(asked, item)
        if not head.live:
            return None
        if head.stored is not None:
            item.update_at, item.sha256 = head.stored.written_at, head.stored.sha256
            item.etag, item.size = head.stored.etag, head.stored.size
        return self.artifact(item, decode_version(head.at))

    def artifact(self, item: ArtifactItem, content_at: str | None = None) -> Artifact:
        """Make the public value from an item.

        Args:
            content_at: The version under whose key the content stands, if not its own.
        """
        version = decode_version(item.sk)
        return Artifact(
            name=item.pk,
            version=version,
            update_at=item.update_at,
            s3uri=self._place.s3uri(item.pk, content_at or version),
            sha256=item.sha256,
            size=None if item.size is None else int(item.size),
            etag=item.etag,
            revision=item.revision,
            published_by=item.published_by,
            protected=item.protected,
            _source=self._source,
        )

    def delete(self, name: str, version: str) -> bool:
        """Hide a version; tell whether it was there to hide.

        Raises:
            InUseError: An alias points at it, or it is protected.
        """
        asked = f"Deleting version {version} of {name!r}"
        mark: str | None = None
        for _ in range(_TRIES):
            pointing = aliases_by_version(self._aliases.list(name)).get(version)
            if pointing:
                if not self._exists(asked, name, version):
                    return False
                raise self._in_use(asked, name, version, pointing)
            hiding = Hiding(name, version, mark=mark)
            try:
                writes = [hiding.write, *self._not_followed(name, version)]
                # Sent again after a lost answer, a lone write would hide what has been put since.
                self._table.transact(asked, writes)
            except Refused as refused:
                if refused.found[0] is None:
                    self._latest.complete(asked, name)
                    continue
                found = refused.found[0]
                if hiding.made(found):
                    return True
                if not _hidable(found, mark):
                    return False
                self._refuse_protected(asked, found)
                if found.get("pending", {}).get("S") != mark:
                    mark = self._mark_without_effect(asked, found)
                    continue
                named = found.get("aliases", {}).get("SS")
                if not named or not self._hide_overruling(asked, name, version, named):
                    continue
            return True
        raise ConflictError(
            f"{asked} failed: aliases kept moving to and from it {_TRIES} times in the same moment; try again.",
            name=name,
            version=version,
        )

    def _mark_without_effect(self, asked: str, found: RawItem) -> str | None:
        """Return the mark of LATEST if what it announces has not arrived; else that is said, and LATEST to be read."""
        item = ArtifactItem.from_raw_data(found)
        return item.pending if item.pending is not None and self._latest.may_be_hidden(asked, item) else None

    @staticmethod
    def _not_followed(name: str, version: str) -> Sequence[Write]:
        """Demand that LATEST does not live on this number's bytes, because its publisher died before the copy."""
        if version == LATEST:
            return []
        followed = ArtifactItem.pending_version == encode_version(version)
        return [check(ArtifactItem(name, LATEST), ~followed)]

    def _hide_overruling(self, asked: str, name: str, version: str, named: Iterable[str]) -> bool:
        """Hide a version whose set names aliases that point elsewhere, if they really do; tell whether it is hidden."""
        hiding = Hiding(name, version, frozenset(named))
        try:
            self._table.transact(asked, [hiding.write, *hiding.checks])
        except Refused as refused:
            return hiding.made(refused.found[0] or {})
        return True

    def _exists(self, asked: str, name: str, version: str) -> bool:
        key = (name, encode_version(version))
        raw = self._table.get(asked, key).get(key)
        return raw is not None and _hidable(raw)

    @staticmethod
    def _in_use(asked: str, name: str, version: str, pointing: Iterable[str]) -> InUseError:
        return InUseError(
            f"{asked} failed: alias {', '.join(pointing)} points at it; move or delete the alias first.",
            name=name,
            version=version,
            aliases=tuple(pointing),
        )

    @staticmethod
    def _refuse_protected(asked: str, found: RawItem) -> None:
        if "protected" in found:
            why = found["protected"]["S"]
            raise InUseError(
                f"{asked} failed: it is protected ({why}); unprotect it first.",
                name=found["pk"]["S"],
                version=decode_version(found["sk"]["S"]),
                protected=why,
            )

    def protect(self, name: str, version: str, reason: str) -> Artifact:
        """Keep a live version from being deleted or purged.

        Raises:
            ArtifactNotFoundError: There is none.
        """
        asked = f"Protecting version {version} of {name!r}"
        item = ArtifactItem(name, encode_version(version))
        actions = ArtifactItem.protected.set(reason), ArtifactItem.revision.set(new_revision())
        self._table.ensure_ours(asked)
        try:
            self._table.write(asked, update(item, live(), *actions))
        except Refused as refused:
            state = "is deleted; restore it first" if refused.found[0] else "does not exist"
            raise ArtifactNotFoundError(
                f"{asked} failed: it {state}; list_artifact_versions shows what there is.", name=name, version=version
            ) from refused
        return self.get(name, version)

    def unprotect(self, name: str, version: str) -> None:
        """Let a version be deleted and purged again; silent if nothing protects it."""
        asked = f"Unprotecting version {version} of {name!r}"
        item = ArtifactItem(name, encode_version(version))
        actions = ArtifactItem.protected.remove(), ArtifactItem.revision.set(new_revision())
        self._table.ensure_ours(asked)
        with suppress(Refused):  # it is not protected
            self._table.write(asked, update(item, ArtifactItem.protected.exists(), *actions))

    def restore(self, name: str, version: str) -> Artifact:
        """Undo a deletion; a version that is live stays as it is.

        Raises:
            ArtifactNotFoundError: There is nothing to restore: it never existed, or its bytes are being freed.
        """
        asked, item = f"Restoring version {version} of {name!r}", ArtifactItem(name, encode_version(version))
        if version == LATEST:
            return self._restore_latest(asked, name)
        back = (
            ArtifactItem.sha256.exists()
            & ArtifactItem.update_at.exists()
            & (ArtifactItem.is_deleted == True)  # noqa: E712 -- PynamoDB builds the condition from ==
            & ~(ArtifactItem.state == CLAIMED)
            & ~(ArtifactItem.state == PURGING)
        )
        revision = new_revision()
        actions = ArtifactItem.is_deleted.set(False), ArtifactItem.deleted_at.remove()
        write = update(item, back, *actions, ArtifactItem.revision.set(revision))
        try:
            self._table.ensure_ours(asked)
            restored = ArtifactItem.from_raw_data(self._table.write(asked, write, return_old=True))
            restored.revision = revision
        except Refused as refused:
            found = refused.found[0] or {}
            restored = ArtifactItem.from_raw_data(found)
            if not restored.live:
                raise self._not_restorable(asked, name, version, there=bool(found)) from refused
        return self.artifact(restored)

    def _restore_latest(self, asked: str, name: str) -> Artifact:
        """Make LATEST visible as its object is, which may have changed while it was hidden."""
        self._table.ensure_ours(asked)
        for _ in range(_TRIES):
            raw = self._table.get(asked, (name, LATEST)).get((name, LATEST))
            visible = self._visible(asked, raw) if raw else None
            if visible is not None:
                return visible
            item = ArtifactItem.from_raw_data(raw) if raw else None
            if item is None or item.sha256 is None or item.update_at is None or item.state == PURGING:
                raise self._not_restorable(asked, name, LATEST, there=item is not None)
            shown = self._latest.restorable(asked, item)
            if shown is None:
                raise self._not_restorable(asked, name, LATEST, there=True)
            if self._latest.show(asked, item, shown):
                return self.artifact(shown)
        raise ConflictError(f"{asked} failed: others kept deleting it; try again.", name=name, version=LATEST)

    @staticmethod
    def _not_restorable(asked: str, name: str, version: str, *, there: bool) -> ArtifactNotFoundError:
        return ArtifactNotFoundError(
            f"{asked} failed: {'it was purged or never finished' if there else 'it does not exist'}; "
            "publish the content again.",
            name=name,
            version=version,
        )


class Hiding:
    """The write that hides one version, and the checks that go with it.

    Args:
        overruled: Aliases that the version's set names although they point elsewhere; None in the ordinary case, in
            which the set must be empty.
        purging: Begin to free the bytes: nothing brings the version back.
        mark: Of a put of LATEST that has not arrived. It stays: the put may still come, and is a later one.
        state: What the version's state must be; None: anything.
        revision: Given to the item; None: a fresh one.
        unchecked: Overruled aliases that go in the same transaction.

    Attributes:
        free: That nobody uses the version.
        condition: Of the write.
        actions: Of the write.
    """

    def __init__(
        self,
        name: str,
        version: str,
        overruled: frozenset[str] | None = None,
        *,
        purging: bool = False,
        mark: str | None = None,
        state: str | None = None,
        revision: str | None = None,
        unchecked: Collection[str] = (),
    ) -> None:
        self._revision = revision or new_revision()
        self._sk = encode_version(version)
        item = ArtifactItem(name, self._sk)
        free: Condition = ArtifactItem.aliases.does_not_exist()
        if overruled:
            free = ArtifactItem.aliases == set(overruled)
        self.free: Condition = free & ArtifactItem.protected.does_not_exist()
        there: Condition = ArtifactItem.pk.exists() if purging else live()
        if self._sk == LATEST:
            # What has been announced and has arrived is said first: it could not be restored otherwise.
            settled = ArtifactItem.pending == mark if mark else ArtifactItem.pending.does_not_exist()
            there = both(there, settled)
        if state is not None:
            there = both(there, ArtifactItem.state == state)
        self.condition: Condition = there & self.free
        self._forgetting = bool(overruled)
        self.actions = [ArtifactItem.deleted_at.set(datetime.now(UTC)), *self._actions(purging=purging)]
        self.write = update(item, self.condition, *self.actions)
        stale = sorted(set(overruled or ()) - set(unchecked))
        self.checks: list[Write] = [self._points_elsewhere(name, alias) for alias in stale]

    def _actions(self, *, purging: bool) -> list[Action]:
        actions: list[Action] = [
            ArtifactItem.is_deleted.set(True),
            ArtifactItem.revision.set(self._revision),
        ]
        actions += [ArtifactItem.aliases.remove()] if self._forgetting else []
        return [*actions, ArtifactItem.state.set(PURGING)] if purging else actions

    def of(self, version: str) -> Hiding:
        """Return the hiding of another version, under the same revision; quicker than to make it anew."""
        made, key = copy(self), self.write.arguments["Key"]
        made.write = self.write.of({"pk": key["pk"], "sk": {"S": encode_version(version)}})
        return made

    def burial(self, name: str) -> Write:
        """Return the write that leaves a tombstone at once, which has no date: there is nothing to be freed."""
        item = ArtifactItem(name, self._sk)
        return update(item, self.condition, ArtifactItem.deleted_at.remove(), *self._actions(purging=True))

    def _points_elsewhere(self, name: str, alias: str) -> Write:
        elsewhere = AliasItem.pk.does_not_exist() | (
            (AliasItem.version != self._sk) & ~(AliasItem.secondary_version == self._sk)
        )
        return check(AliasItem(alias_pk(name), alias), elsewhere)

    def made(self, found: RawItem) -> bool:
        """Tell whether an item is as this write left it: then it landed, and only the answer was lost."""
        return bool(found.get("revision", {}).get("S") == self._revision)


def _hidable(raw: RawItem, without_effect: str | None = None) -> bool:
    item = ArtifactItem.from_raw_data(raw)
    return item.live or item.pending not in {None, without_effect}
