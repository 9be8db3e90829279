"""The transactions by which the doctor repairs what is known of an alias, each on condition that the alias is as read.

No I/O: a remedy is the writes to send together, and what to say when they have landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.alias_change import View, history_write, observed, unmoved
from airflow_provider_versioned.repository.doctor.reading import moment_of
from airflow_provider_versioned.repository.items import AliasItem, ArtifactItem, HeadItem, HistoryItem, live
from airflow_provider_versioned.repository.keys import alias_pk, decode_version, head_sk, history_sk, meta_pk
from airflow_provider_versioned.repository.table import Write, check, put, update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_versioned.repository.doctor.facts import AliasFacts, Record

Remedy = tuple["Sequence[Write]", str]


def rewrite_time(name: str, alias: AliasFacts) -> Remedy:
    """Write the same time in the form that the library ``versioned`` reads."""
    item = AliasItem.from_raw_data(dict(alias.raw))
    rewrite = update(AliasItem(alias_pk(name), alias.alias), unmoved(item), AliasItem.update_at.set(item.update_at))
    return [rewrite], "Wrote the same time in the form that `versioned` reads."


def register(name: str, alias: AliasFacts, record: Record) -> Remedy:
    """Tell a live version that the alias points at it."""
    learns = update(ArtifactItem(name, record.sk), live(), ArtifactItem.aliases.add({alias.alias}))
    return [_still(name, alias), learns], f"Registered alias {alias.alias!r} with version {decode_version(record.sk)}."


def unregister(name: str, alias: AliasFacts, record: Record) -> Remedy:
    """Let a version forget the alias, which points elsewhere."""
    item, names = ArtifactItem(name, record.sk), {alias.alias}
    forgets = update(item, ArtifactItem.pk.exists(), ArtifactItem.aliases.delete(names))
    said = f"Removed alias {alias.alias!r} from the registration of version {decode_version(record.sk)}."
    return [_still(name, alias), forgets], said


def record_as_observed(name: str, alias: AliasFacts) -> Remedy:
    """Write the history's ``observed`` entry as the next change would, and let the alias carry its revision."""
    item = _item(alias)
    head = HeadItem.from_raw_data(dict(alias.head.raw)) if alias.head else None
    sequence = alias.head.sequence + 1 if alias.head else 1
    seen = observed(name, alias.alias, View(item, head, None), sequence)
    stamped = _still(name, alias)
    if item is not None:
        marks = AliasItem.revision.set(seen.revision), AliasItem.sequence.set(sequence)
        stamped = update(AliasItem(alias_pk(name), alias.alias), unmoved(item), *marks)
    new_head = HeadItem(
        meta_pk(name),
        head_sk(alias.alias),
        sequence=sequence,
        revision=seen.revision,
        changed_at=seen.changed_at,
        is_deleted=item is None,
    )
    as_read = HeadItem.pk.does_not_exist() if head is None else HeadItem.revision == head.revision
    return [stamped, history_write(seen), put(new_head, as_read)], f"Recorded as change {sequence}, observed."


def make_head(name: str, alias: AliasFacts) -> Remedy | None:
    """Make the head from the newest change, while that is the newest; None when it does not say all that is needed."""
    last = alias.last
    changed_at = moment_of(last.raw.get("changed_at", {}).get("S")) if last is not None else None
    if last is None or changed_at is None:
        return None
    head = HeadItem(
        meta_pk(name),
        head_sk(alias.alias),
        sequence=last.sequence,
        revision=last.revision,
        changed_at=changed_at,
        is_deleted=last.pointing.version is None,
    )
    after = HistoryItem(meta_pk(name), history_sk(alias.alias, last.sequence + 1))
    writes = [put(head, HeadItem.pk.does_not_exist()), check(after, HistoryItem.pk.does_not_exist())]
    return writes, f"Made the head from change {last.sequence}."


def _item(alias: AliasFacts) -> AliasItem | None:
    return AliasItem.from_raw_data(dict(alias.raw)) if alias.exists else None


def _still(name: str, alias: AliasFacts) -> Write:
    """Demand that the alias is as it was read."""
    return check(AliasItem(alias_pk(name), alias.alias), unmoved(_item(alias)))
