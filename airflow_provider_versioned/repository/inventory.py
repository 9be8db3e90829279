"""Which artifacts a whole repository has, and what belongs to each.

A repository of some thousand versions is read in a few requests, however many artifacts it has. Of a larger one, which
would take too much memory, only the names are found; each artifact is read when its turn comes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.keys import (
    COUNTER,
    alias_pk,
    encode_version,
    head_sk,
    is_version_sk,
    meta_pk,
)
from airflow_provider_versioned.repository.many import both_at_once
from airflow_provider_versioned.repository.remains import is_own
from airflow_provider_versioned.repository.removal import Found
from airflow_provider_versioned.repository.table import RawItem, Table, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_versioned.repository.bucket import Listed
    from airflow_provider_versioned.repository.keys import Place
    from airflow_provider_versioned.repository.objects import Objects

MAX_ANSWERS = 8  # of DynamoDB, with 1 MB each, and of S3, with 1,000 objects each


@dataclass(frozen=True)
class Belongings:
    """An artifact's records and objects, as they were read, not all at the same moment."""

    found: Found
    listed: Sequence[Listed]


class Inventory:
    """Finds artifacts."""

    def __init__(self, table: Table, place: Place, objects: Objects) -> None:
        self._table = table
        self._place = place
        self._objects = objects

    def artifacts(self, asked: str) -> Mapping[str, Belongings | None]:
        """Find the artifacts that have objects, versions or aliases, also those with names that are not allowed.

        Returns:
            What belongs to them, by name; None: it is too much to be read here.
        """
        raws, listed = both_at_once(
            lambda: self._table.scan_within(asked, MAX_ANSWERS), lambda: self._objects.list_within(asked, MAX_ANSWERS)
        )
        if raws is None or listed is None:
            return dict.fromkeys(self._names(asked))
        folders = self._by_folder(listed)
        partitions: defaultdict[str, list[RawItem]] = defaultdict(list)
        for raw in raws:
            partitions[raw["pk"]["S"]].append(raw)
        names = _names_of(map(key_of, raws)) | folders.keys()
        return {name: Belongings(_found(name, partitions), folders.get(name, ())) for name in names}

    def _by_folder(self, listed: Iterable[Listed]) -> Mapping[str, Sequence[Listed]]:
        folders: defaultdict[str, list[Listed]] = defaultdict(list)
        for entry in listed:
            folder, slash, rest = entry.key.removeprefix(self._place.root()).partition("/")
            if slash and "/" not in rest:
                folders[folder].append(entry)
        return dict(folders)

    def _names(self, asked: str) -> set[str]:
        folders, names = both_at_once(
            lambda: set(self._objects.list_names(asked)),
            lambda: _names_of(map(key_of, self._table.scan_keys(asked))),
        )
        return folders | names


def by_sk(place: Place, name: str, listed: Iterable[Listed]) -> dict[str, Listed]:
    """Return the objects of versions by sort key; others are a person's, or of a repository with another suffix."""
    versions = ((place.version_of_object(name, entry.key), entry) for entry in listed)
    return {encode_version(version): entry for version, entry in versions if version is not None}


def _names_of(keys: Iterable[tuple[str, str]]) -> set[str]:
    names: set[str] = set()
    for pk, sk in keys:
        if pk.startswith("__"):
            names |= {pk[2:].removesuffix("-alias")} if pk.endswith("-alias") else set()
        elif is_version_sk(sk):
            names.add(pk)
    return names


def _found(name: str, partitions: Mapping[str, Sequence[RawItem]]) -> Found:
    return Found.of(
        filter(is_own, partitions.get(name, ())),
        partitions.get(alias_pk(name), ()),
        (raw for raw in partitions.get(meta_pk(name), ()) if head_sk("") <= raw["sk"]["S"] <= COUNTER),
    )
