"""Destroying whole artifacts, for good.

Records first, bytes last: aliases, then every version marked ``purging``, then the objects and items. It can die
anywhere and be repeated. An artifact with a protected version is refused before anything is touched. An object that no
item knows is destroyed only if its own metadata names the artifact, so neither a person's object nor one of another
repository is.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.alias_change import Change, Targets
from airflow_provider_versioned.repository.errors import ConflictError, InUseError, InvalidInputError
from airflow_provider_versioned.repository.etags import expectation
from airflow_provider_versioned.repository.inputs import LATEST, check_flat_name
from airflow_provider_versioned.repository.items import CLAIMED, PURGING, ArtifactItem, both, either
from airflow_provider_versioned.repository.keys import Place, decode_version, encode_version, is_version_sk
from airflow_provider_versioned.repository.many import at_once, both_at_once, for_each
from airflow_provider_versioned.repository.remains import forgetting_latest, given
from airflow_provider_versioned.repository.revisions import new_revision
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
from airflow_provider_versioned.repository.versions import Hiding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from airflow_provider_versioned.repository.aliases import Aliases
    from airflow_provider_versioned.repository.bucket import Listed
    from airflow_provider_versioned.repository.latest import Latest
    from airflow_provider_versioned.repository.model import Alias
    from airflow_provider_versioned.repository.objects import Objects
    from airflow_provider_versioned.repository.remains import Remains

log = logging.getLogger(__name__)
_TRIES = 10
_ARTIFACTS_AT_ONCE = 2  # each with up to five requests at once, of the ten connections that boto3 keeps open


class Destroyer:
    """Removes artifacts with all that belongs to them."""

    def __init__(
        self, table: Table, place: Place, objects: Objects, latest: Latest, aliases: Aliases, remains: Remains
    ) -> None:
        self._table = table
        self._place = place
        self._objects = objects
        self._latest = latest
        self._aliases = aliases
        self._remains = remains

    def destroy(self, name: str) -> None:
        """Remove an artifact's aliases, versions and bytes for good.

        Raises:
            InUseError: A version is protected.
            ConflictError: Others kept changing its aliases, versions or LATEST.
        """
        asked, revision = f"Purging artifact {name!r}", new_revision()
        deleted: list[str] = []
        for _ in range(_TRIES):
            items, aliases = both_at_once(
                lambda: list(self._remains.items(asked, name)), lambda: list(self._aliases.list(name))
            )
            self._refuse_protected(asked, name, items, deleted)
            if aliases:
                self._delete_aliases(name, aliases)
                deleted += [alias.alias for alias in aliases]
                items = list(self._remains.items(asked, name))
                self._refuse_protected(asked, name, items, deleted)
            if not self._mark(asked, name, items, revision):
                continue
            there = {raw["sk"]["S"]: raw for raw in items}
            listed, came = both_at_once(
                lambda: list(self._objects.list(asked, name)), lambda: next(self._aliases.list(name), None)
            )
            if came is None:
                break
        else:
            raise ConflictError(
                f"{asked} failed: others changed its aliases, versions or LATEST {_TRIES} times meanwhile; try again.",
                name=name,
            )
        self._remove(asked, name, there, listed, revision)

    @staticmethod
    def _refuse_protected(asked: str, name: str, items: Sequence[RawItem], deleted: Sequence[str]) -> None:
        """Refuse; if a protection came in the middle, tell what was removed before it was seen."""
        protected = {decode_version(raw["sk"]["S"]): raw["protected"]["S"] for raw in items if "protected" in raw}
        if not protected:
            return
        said = ", ".join(f"{version} ({reason})" for version, reason in protected.items())
        marked = sum(_is_marked(raw) for raw in items if is_version_sk(raw["sk"]["S"]) and "deleted_at" in raw)
        removed = [f"alias {alias}" for alias in deleted]
        removed += (
            [f"{marked} version{'s' if marked > 1 else ''}, whose bytes go when you purge again"] if marked else []
        )
        what = f"removed before that: {', '.join(removed)}" if removed else "nothing was removed"
        raise InUseError(
            f"{asked} failed: protected versions: {said}; {what}; unprotect them first.",
            name=name,
            protected=tuple(protected),
        )

    def _delete_aliases(self, name: str, aliases: Iterable[Alias]) -> None:
        for alias in aliases:
            self._aliases.apply(Change(name, alias.alias, "delete", Targets(None), reason="artifact purged"))

    def _mark(self, asked: str, name: str, items: Sequence[RawItem], revision: str) -> bool:
        """Mark every version as being purged; False when one has changed: it has to be read again.

        Reserves the numbers as well.
        """
        together: list[Write] = []
        sendings: list[Callable[[], bool]] = []
        for raw in items:
            if not is_version_sk(raw["sk"]["S"]) or _is_marked(raw):
                continue
            mark = raw.get("pending", {}).get("S")
            if mark is not None and not self._latest.may_be_hidden(asked, ArtifactItem.from_raw_data(raw)):
                return False
            named = frozenset(raw.get("aliases", {}).get("SS", ()))
            version = decode_version(raw["sk"]["S"])
            # A claim that has been published since changed LATEST too, perhaps after that was read.
            state = CLAIMED if raw.get("state", {}).get("S") == CLAIMED else None
            hiding = Hiding(name, version, named, purging=True, mark=mark, state=state, revision=revision)
            if hiding.checks:
                sendings.append(partial(self._sent, asked, [hiding.write, *hiding.checks]))
            else:
                together.append(hiding.write)
        starts = range(0, len(together), MAX_TRANSACTION)
        sendings += [partial(self._sent, asked, together[start : start + MAX_TRANSACTION]) for start in starts]
        return all(at_once(*sendings, partial(self._reserved, asked, name, items)))

    def _reserved(self, asked: str, name: str, items: Iterable[RawItem]) -> bool:
        self._remains.reserve(asked, name, max((int(sk) for _, sk in map(key_of, items) if _is_number(sk)), default=0))
        return True

    def _sent(self, asked: str, writes: Sequence[Write]) -> bool:
        try:
            self._table.transact(asked, writes)  # also one alone: sent again, it would mark what has been put since
        except Refused:
            return False
        return True

    def _remove(
        self, asked: str, name: str, items: dict[str, RawItem], listed: Sequence[Listed], revision: str
    ) -> None:
        """Delete the objects that no version has any more, then the items.

        Args:
            items: The items that were marked, as they were before, by sort key.
            listed: The objects, as they were after that.
            revision: That of the marks.
        """
        head, mark = items.get(LATEST), None if LATEST not in items else revision
        if head is not None and _is_marked(head):  # by an earlier purge
            mark = head.get("revision", {}).get("S")
        versions = {self._place.version_of_object(name, entry.key): entry for entry in listed}
        versions.pop(None, None)  # not ours: another repository's, with another suffix, or a person's
        latest = versions.pop(LATEST, None)
        objects = {encode_version(version): entry for version, entry in versions.items() if version is not None}
        marked = {sk for sk in items if is_version_sk(sk)}
        ownerless: list[str] = []
        if objects.keys() - items.keys():
            # Of publishers that began since, or of nobody; read after the objects, so that no claim is missed.
            items = {raw["sk"]["S"]: raw for raw in self._remains.items(asked, name)}
            marked = {sk for sk, raw in items.items() if is_version_sk(sk) and _is_marked(raw)}
            ownerless = [sk for sk in objects.keys() - items.keys() if self._remains.owned(asked, name, objects[sk])]
        numbers = sorted({*marked, *ownerless} - {LATEST})
        if ownerless:
            self._remains.reserve(asked, name, int(numbers[-1]))
        _, expected = both_at_once(
            partial(self._remains.remove_objects, asked, name, numbers),
            lambda: self._fence(asked, name, head, latest) if latest is not None else None,
        )
        if latest is not None and expected is not None:
            # Not before: where there is no object, a late copy of a number to LATEST would not be refused.
            self._objects.delete_if(asked, latest.key, latest.etag)
        forgetting = forgetting_latest(name, head, mark, expected)
        others = [forgetting] if head is not None or latest is not None else []
        ghosts = [sk for sk in items if not is_version_sk(sk)]
        others += [delete(ArtifactItem(name, sk), ArtifactItem.sha256.does_not_exist()) for sk in ghosts]
        refused = self._remains.remove_items(asked, name, numbers, given(items.values()), others)
        if expected is not None and forgetting in refused:
            self._expect_no_more(asked, name, expected)

    def _expect_no_more(self, asked: str, name: str, expected: str) -> None:
        """Take back what was written down, after LATEST was written anew."""
        there, own = ArtifactItem.expected_etags.contains(expected), ArtifactItem.expected_etags.delete({expected})
        with suppress(Refused):
            self._table.write(asked, update(ArtifactItem(name, LATEST), there, own))

    def _fence(self, asked: str, name: str, raw: RawItem | None, entry: Listed) -> str | None:
        """Write down which object of LATEST goes, unless LATEST has been written anew: then it stays.

        Whoever writes LATEST from here on sees to it that its object has another ETag, also for the same content, so
        that the deletion, which is on condition of the ETag, cannot take it. Whoever announced it before does so
        anyway.

        Returns:
            What was written down; None: the object stays.
        """
        if raw is None and not self._remains.owned(asked, name, entry):
            return None
        expected = expectation(entry.etag, new_revision())
        # If another write has been announced, it is not what that brought.
        before = either(ArtifactItem.pending.does_not_exist(), ArtifactItem.etag == entry.etag)
        unwritten = both(ArtifactItem.state == PURGING, before) & ArtifactItem.aliases.does_not_exist()
        fence = update(
            ArtifactItem(name, LATEST),
            ArtifactItem.pk.does_not_exist() if raw is None else unwritten,
            ArtifactItem.expected_etags.add({expected}),
            ArtifactItem.state.set(PURGING),
            ArtifactItem.is_deleted.set(True),
        )
        try:
            self._table.write(asked, fence)
        except Refused as refused:
            found = refused.found[0] or {}
            # If it says what we said, only the answer was lost.
            landed = expected in found.get("expected_etags", {}).get("SS", ())
            return expected if landed else None
        return expected

    def destroy_all(self) -> None:
        """Destroy every artifact of the repository, and nothing else in the bucket or the table.

        Raises:
            InUseError: Artifacts with protected versions are left; all others are gone.
        """
        left: dict[str, str] = {}
        for done in for_each(self._flat_names(), self.destroy, _ARTIFACTS_AT_ONCE):
            if isinstance(done.error, InUseError):
                left[done.entry] = done.error.message
            elif done.error is not None:
                raise done.error
        if left:
            names = sorted(left)
            raise InUseError(
                f"Purging all artifacts left {len(left)} that have protected versions; all others are gone. "
                f"{' '.join(left[name] for name in names)}",
                names=tuple(names),
            )

    def _flat_names(self) -> Iterator[str]:
        for name in sorted(self._names()):
            try:
                check_flat_name(name)
            except InvalidInputError as error:
                log.warning("Purging all artifacts leaves one out: %s", error)
            else:
                yield name

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


def _is_number(sk: str) -> bool:
    return is_version_sk(sk) and sk != LATEST


def _is_marked(raw: RawItem) -> bool:
    """Tell whether an item is marked as being purged and nothing has happened to it since."""
    return raw.get("state", {}).get("S") == PURGING and "aliases" not in raw and "pending" not in raw
