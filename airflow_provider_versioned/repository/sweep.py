"""Sweeping up after processes that died: what they began and nobody will finish.

Three things can be left behind, none of which a reader ever sees: a claimed number whose publisher never came back, an
object without an item, and an upload in parts that was never completed. Each is removed only when it is older than a
safety age, and on a condition that fails if its owner is alive after all; a publisher whose claim was swept takes the
next number. An object is an orphan only if its own metadata names the artifact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import CLAIMED, PURGING, ArtifactItem
from airflow_provider_versioned.repository.keys import Place, decode_version, encode_version
from airflow_provider_versioned.repository.remains import given
from airflow_provider_versioned.repository.retention_plan import SweepResult
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import Refused, Table, update

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider_versioned.repository.bucket import Listed, Upload
    from airflow_provider_versioned.repository.objects import Objects
    from airflow_provider_versioned.repository.remains import Remains


class Sweeper:
    """Removes what dead processes left of any artifact."""

    def __init__(self, table: Table, place: Place, objects: Objects, remains: Remains) -> None:
        self._table = table
        self._place = place
        self._objects = objects
        self._remains = remains

    def sweep(self, name: str, older_than_secs: float, before: datetime, *, dry_run: bool) -> SweepResult:
        """Remove what was begun before a moment, or only say what would go."""
        asked = f"Sweeping {name!r}"
        self._table.ensure_ours(asked)
        # Objects before items: a number has its item before it has its object.
        listed = [entry for entry in self._objects.list(asked, name) if entry.written_at <= before]
        raw_items = list(self._remains.items(asked, name))
        items = [ArtifactItem.from_raw_data(raw) for raw in raw_items]
        claims = [item for item in items if item.state == CLAIMED and item.update_at <= before]
        known = {item.sk for item in items if not item.is_tombstone}
        orphans = [entry for entry in listed if self._is_orphan(asked, name, entry, known)]
        uploads = [upload for upload in self._uploads(asked, name) if upload.begun_at <= before]
        if not dry_run:
            claims = self._withdraw(asked, name, claims, given(raw_items))
            orphans = self._remove_orphans(asked, name, orphans)
            for upload in uploads:
                self._objects.abort(asked, upload)
        return SweepResult(
            name,
            older_than_secs,
            dry_run,
            claims=tuple(decode_version(item.sk) for item in claims),
            orphans=tuple(entry.key for entry in orphans),
            uploads=tuple(upload.key for upload in uploads),
        )

    def _is_orphan(self, asked: str, name: str, entry: Listed, known: set[str]) -> bool:
        version = self._place.version_of_object(name, entry.key)
        if version is None or version == LATEST or encode_version(version) in known:
            return False
        return self._remains.owned(asked, name, entry)

    def _uploads(self, asked: str, name: str) -> list[Upload]:
        uploads = self._objects.list_uploads(asked, name)
        return [upload for upload in uploads if self._place.version_of_object(name, upload.key) is not None]

    def _withdraw(
        self, asked: str, name: str, claims: Sequence[ArtifactItem], known: Sequence[str]
    ) -> list[ArtifactItem]:
        """Take claims back, so that their publishers cannot commit any more, and remove what they stored."""
        withdrawn: list[ArtifactItem] = []
        for item in claims:
            revision = new_revision()
            ours = (ArtifactItem.revision == item.revision) & (ArtifactItem.state == CLAIMED)
            actions = (
                ArtifactItem.state.set(PURGING),
                ArtifactItem.revision.set(revision),
                ArtifactItem.deleted_at.set(item.update_at),
            )
            try:
                self._table.write(asked, update(ArtifactItem(item.pk, item.sk), ours, *actions))
            except Refused as refused:
                if (refused.found[0] or {}).get("revision", {}).get("S") != revision:  # else: only the answer was lost
                    continue  # it was finished meanwhile, or swept by another
            withdrawn.append(item)
        if withdrawn:
            self._remains.remove(asked, name, [item.sk for item in withdrawn], known)
        return withdrawn

    def _remove_orphans(self, asked: str, name: str, orphans: Sequence[Listed]) -> list[Listed]:
        """Remove objects whose number nobody has; once it is reserved, nobody of ours will get it."""
        sks = {entry: encode_version(self._place.version_of_object(name, entry.key) or "") for entry in orphans}
        if not sks:
            return []
        self._remains.reserve(asked, name, max(map(int, sks.values())))
        found = self._table.get(asked, *((name, sk) for sk in sks.values()))
        taken = {sk for (_, sk), raw in found.items() if not ArtifactItem.from_raw_data(raw).is_tombstone}
        ownerless = [entry for entry, sk in sks.items() if sk not in taken]
        for entry in ownerless:
            self._objects.delete_if(asked, entry.key, entry.etag)
        return ownerless
