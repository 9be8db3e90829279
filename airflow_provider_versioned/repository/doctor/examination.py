"""Reading what the doctor judges: one artifact's items, objects and aliases, or what stands beside all artifacts.

Only reads. Within one artifact the order is: aliases, bookkeeping, versions, objects. Nothing here is one snapshot;
that two readings agree is what makes a finding, see :mod:`~airflow_provider_versioned.repository.doctor.doctor`. In
memory is one artifact at a time, without its idempotency items and outcomes, and of histories only the end.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository import inputs
from airflow_provider_versioned.repository.doctor import reading
from airflow_provider_versioned.repository.doctor.facts import (
    DELETED,
    LIVE,
    AliasFacts,
    ArtifactFacts,
    ChangeFacts,
    HeadFacts,
    ObjectFacts,
    Record,
    Strays,
)
from airflow_provider_versioned.repository.errors import ConflictError, IntegrityError, InvalidInputError
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.keys import (
    COUNTER,
    MARKER_KEY,
    Place,
    alias_pk,
    decode_version,
    encode_version,
    is_version_sk,
    meta_pk,
    name_of_pk,
    read_bookkeeping_sk,
)
from airflow_provider_versioned.repository.model import Artifact
from airflow_provider_versioned.repository.table import RawItem, key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_versioned.repository.objects import Objects
    from airflow_provider_versioned.repository.table import Table

_THREADS = 8  # boto3 keeps 10 connections per client
_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Census:
    """What there is beside the facts of single artifacts.

    Attributes:
        names: Of all artifacts that have items or a folder.
        marked: Whether the table says which repository it serves.
    """

    names: tuple[str, ...]
    marked: bool
    strange_items: Strays
    strange_objects: Strays


class Examiner:
    """Reads the facts of any artifact of a repository."""

    def __init__(self, table: Table, place: Place, objects: Objects) -> None:
        self._table = table
        self._place = place
        self._objects = objects

    # -- the repository ----------------------------------------------------------------------------------------------

    def census(self) -> Census:
        """Find all names, and what belongs to no artifact; reads the keys of the whole table."""
        asked = "Verifying the repository"
        names: set[str] = set()
        items, objects = Strays(), Strays()
        for pk, sk in map(key_of, self._table.scan_keys(asked)):
            name = name_of_pk(pk)
            if name is not None and _possible(name):
                names.add(name)
            elif (pk, sk) != MARKER_KEY:
                items = items.with_one(f"{pk} {sk}")
        for folder in self._objects.list_names(asked):
            if _possible(folder):
                names.add(folder)
            else:
                objects = objects.with_one(f"{folder}/")
        for key in self._objects.list_beside(asked):
            objects = objects if key.endswith("/") else objects.with_one(key)
        return Census(tuple(sorted(names)), bool(self._table.get(asked, MARKER_KEY)), items, objects)

    # -- one artifact ------------------------------------------------------------------------------------------------

    def examine(self, name: str, *, only: frozenset[str] | None = None, read_content: bool = False) -> ArtifactFacts:
        """Read an artifact.

        Args:
            only: Stored forms of the numbers whose objects are looked at closely; None: all that readers see. LATEST
                and objects without a record always are.
            read_content: Read those objects' bytes too.
        """
        asked = f"Verifying {name!r}"
        books = _Books()
        for raw in self._table.query(asked, alias_pk(name)):
            books.add_alias(raw)
        for raw in self._table.query(asked, meta_pk(name)):
            books.add_bookkeeping(raw)
        records: dict[str, Record] = {}
        for raw in self._table.query(asked, name):
            if is_version_sk(raw["sk"]["S"]) or reading.is_bare(raw):
                records[raw["sk"]["S"]] = reading.read_record(raw)
            else:
                books.strange = books.strange.with_one(" ".join(key_of(raw)))
        objects, strange = self._list(asked, name)
        facts = ArtifactFacts(
            name,
            records,
            objects,
            books.aliases(),
            books.counter,
            counter_wrong=books.counter_wrong,
            strange_items=books.strange,
            strange_objects=strange,
        )
        return self._look_closely(asked, facts, only, read_content=read_content)

    def _list(self, asked: str, name: str) -> tuple[dict[str, ObjectFacts], Strays]:
        objects, strange = {}, Strays()
        for entry in self._objects.list(asked, name):
            version = self._place.version_of_object(name, entry.key)
            if version is None and not entry.key.endswith("/"):  # which only makes a folder show in consoles
                strange = strange.with_one(entry.key)
            elif version is not None:
                objects[encode_version(version)] = ObjectFacts(entry.key, entry.etag, entry.size, entry.written_at)
        return objects, strange

    def _look_closely(
        self, asked: str, facts: ArtifactFacts, only: frozenset[str] | None, *, read_content: bool
    ) -> ArtifactFacts:
        """Ask for the metadata of objects, and for their bytes, some at a time."""
        wanted = [
            sk
            for sk in facts.objects
            if _deserves_a_look(facts, sk) and (only is None or sk in only or sk == LATEST or sk not in facts.records)
        ]

        def look(sk: str) -> tuple[str, ObjectFacts | None]:
            seen = self._describe(asked, facts.name, sk, facts.objects[sk])
            record = facts.records.get(sk)
            if read_content and seen is not None and record is not None and record.state == LIVE:
                seen = self._read(asked, facts.name, record, seen)
            return sk, seen

        objects = dict(facts.objects)
        for sk, seen in _in_parallel(look, wanted):
            if seen is None:
                del objects[sk]
            else:
                objects[sk] = seen
        return replace(facts, objects=objects)

    def _describe(self, asked: str, name: str, sk: str, listed: ObjectFacts) -> ObjectFacts | None:
        stored = self._objects.head(asked, name, decode_version(sk))
        if stored is None:
            return None
        return ObjectFacts(
            listed.key,
            stored.etag,
            stored.size,
            stored.written_at,
            described=True,
            sha256=stored.sha256,
            artifact_name=stored.artifact_name,
        )

    def _read(self, asked: str, name: str, record: Record, there: ObjectFacts) -> ObjectFacts:
        """Hash an object's bytes; LATEST only as long as it is the object that was described."""
        if record.sha256 is None or record.pending is not None:
            return there
        try:
            digest = self.digest(asked, name, record.sk, record.sha256, there.etag)
        except ConflictError:  # LATEST was overwritten in between
            return there
        return replace(there, content_sha256=digest)

    def digest(self, asked: str, name: str, sk: str, expected: str, etag: str) -> str | None:
        """Hash the bytes of an object; None when it is gone.

        Raises:
            ConflictError: It is LATEST's and was overwritten since it had that ETag.
        """
        version = decode_version(sk)
        uri = self._place.s3uri(name, version)
        artifact = Artifact(name, version, datetime.now(UTC), uri, expected, etag=etag)
        try:
            with self._objects.open(asked, artifact) as stream:
                while stream.read(_CHUNK):
                    pass
        except IntegrityError as error:
            found: str | None = error.facts.get("found")
            return found
        return expected


@dataclass
class _Books:
    """Collects the aliases and the bookkeeping of one artifact while they are read."""

    counter: int | None = None
    counter_wrong: bool = False
    strange: Strays = field(default_factory=Strays)
    _aliases: dict[str, RawItem] = field(default_factory=dict)
    _heads: dict[str, HeadFacts | None] = field(default_factory=dict)
    _last: dict[str, ChangeFacts] = field(default_factory=dict)
    _flaws: dict[str, str] = field(default_factory=dict)

    def add_alias(self, raw: RawItem) -> None:
        if "version" in raw:
            self._aliases[raw["sk"]["S"]] = raw
        else:
            self.strange = self.strange.with_one(" ".join(key_of(raw)))

    def add_bookkeeping(self, raw: RawItem) -> None:
        kind, alias = read_bookkeeping_sk(raw["sk"]["S"])
        if kind == COUNTER:
            self.counter = reading.read_counter(raw)
            self.counter_wrong = self.counter is None
        elif kind == "alias":
            self._heads[alias] = reading.read_head(raw)
            if self._heads[alias] is None:
                self._flaws[alias] = "its head cannot be read"
        elif kind == "history":
            self._add_change(alias, reading.read_change(raw))
        elif kind is None:
            self.strange = self.strange.with_one(" ".join(key_of(raw)))

    def _add_change(self, alias: str, change: ChangeFacts) -> None:
        last = self._last.get(alias)
        expected = last.sequence + 1 if last else 1
        if change.sequence != expected:
            self._flaws.setdefault(alias, f"change {expected} is missing, change {change.sequence} follows")
        elif last is not None and change.revision == last.revision:
            self._flaws.setdefault(alias, f"changes {last.sequence} and {change.sequence} are the same one")
        self._last[alias] = change

    def aliases(self) -> tuple[AliasFacts, ...]:
        known = sorted(self._aliases.keys() | self._heads.keys() | self._last.keys())
        return tuple(
            reading.read_alias(
                alias, self._aliases.get(alias), self._heads.get(alias), self._last.get(alias), self._flaws.get(alias)
            )
            for alias in known
        )


def _deserves_a_look(facts: ArtifactFacts, sk: str) -> bool:
    """Tell whether an object's metadata matters: readers see the version, or no record knows the object."""
    record = facts.records.get(sk)
    return record is None or record.state == LIVE or (record.state == DELETED and bool(record.lacking))


def _in_parallel(
    look: Callable[[str], tuple[str, ObjectFacts | None]], sks: Iterable[str]
) -> Iterable[tuple[str, ObjectFacts | None]]:
    sks = list(sks)
    if len(sks) <= 1:
        return list(map(look, sks))
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(look, sks))


def _possible(name: str) -> bool:
    try:
        inputs.check_stored_name(name)
    except InvalidInputError:
        return False
    return True
