"""Publishing: claim a number, store the content under it, commit.

The claim is one transaction: the counter moves from n-1 to n, version n appears as ``claimed`` (invisible, also to the
library ``versioned``), and the publisher's key remembers n. The commit makes n visible; it is the only moment at which
anybody can see it. A publisher that dies leaves a claim that blocks nobody: the same key takes it up again, everybody
else takes the next number. A number is never given twice, because the counter only grows and outlives every purge.

Who has just published an artifact and publishes it again claims without reading first, on the condition that counter
and number are as it left them; see :mod:`~airflow_provider_versioned.repository.last_seen`.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.bucket import PreconditionLost
from airflow_provider_versioned.repository.errors import ArtifactNotFoundError, ConflictError, InvalidInputError
from airflow_provider_versioned.repository.following import Following
from airflow_provider_versioned.repository.inputs import HIGHEST_NUMBER, LATEST
from airflow_provider_versioned.repository.items import (
    CLAIMED,
    PUBLISHED,
    ArtifactItem,
    CounterItem,
    PublishItem,
    both,
    ghost,
    live,
    withdrawn,
)
from airflow_provider_versioned.repository.keys import (
    COUNTER,
    decode_version,
    encode_version,
    meta_pk,
    publish_sk,
)
from airflow_provider_versioned.repository.last_seen import LastSeen
from airflow_provider_versioned.repository.latest_item import Head, as_read, unmoved
from airflow_provider_versioned.repository.numbers import Numbers
from airflow_provider_versioned.repository.orders import Order, View
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import RawItem, Refused, Table, Write, check, put, update

if TYPE_CHECKING:
    from pynamodb.expressions.condition import Condition

    from airflow_provider_versioned.repository.latest import Latest
    from airflow_provider_versioned.repository.objects import Objects, Stored


log = logging.getLogger(__name__)
_TRIES = 40
_PATIENCE = 4  # waits for those who have an ETag reserved


class Publisher:
    """Publishes versions of any artifact."""

    def __init__(self, table: Table, objects: Objects, latest: Latest) -> None:
        self._table = table
        self._objects = objects
        self._latest = latest
        self._numbers = Numbers(table)
        self._last: LastSeen[str, tuple[ArtifactItem, int]] = LastSeen()  # LATEST, and the highest number

    def publish(self, order: Order) -> ArtifactItem:
        """Carry out an order and return the version's item.

        Raises:
            ArtifactNotFoundError: There is no LATEST to publish.
            InvalidInputError: Number 999999 has been given.
            ConflictError: Others kept changing the artifact at the same moment.
        """
        remembered = self._remembered(order)
        for _ in range(_TRIES):
            view, remembered = remembered or self._view(order), None
            done = self._earlier(order, view)
            if done is not None:
                return done
            claim = self._resumable(order, view) or self._claim(order, view)
            if claim is None:
                continue
            published = self._fulfil(order, view, claim)
            if published is not None:
                return published
        raise ConflictError(
            f"{order.asked} failed: others changed it {_TRIES} times in the same moment; try again.", name=order.name
        )

    def versions_of_key(self, name: str, key: str) -> list[str]:
        """Read which versions a key was given, for whatever bytes, in the order in which they were claimed."""
        rows = self._table.query(
            f"Reading what was published of {name!r} under a key",
            meta_pk(name),
            sk_condition="begins_with(sk, :prefix)",
            sk_values={":prefix": {"S": publish_sk(key, "")}},
        )
        items = sorted((PublishItem.from_raw_data(raw) for raw in rows), key=lambda item: item.claimed_at)
        return [decode_version(item.version) for item in items]

    # -- reading ---------------------------------------------------------------------------------------------------

    def _remembered(self, order: Order) -> View | None:
        """Return how our last publication left the artifact, where no more has to be known."""
        last = self._last.take(order.name) if order.content is not None and not order.if_changed else None
        sha256 = order.content.sha256 if order.content else ""
        # The same bytes again: whether LATEST has them still decides what is to be done, so it is read.
        if last is None or last[0].sha256 == sha256:
            return None
        return View(last[0], None, sha256, last[1], guessed=False, row=None, remembered=True)

    def _view(self, order: Order) -> View:
        name, meta = order.name, meta_pk(order.name)
        keys = [(name, LATEST), (meta, COUNTER)]
        if order.key and order.content:
            keys.append((meta, publish_sk(order.key, order.content.sha256)))
        found = self._table.get(order.asked, *keys)
        latest = ArtifactItem.from_raw_data(found[name, LATEST]) if (name, LATEST) in found else None
        source, sha256 = None, order.content.sha256 if order.content else ""
        if order.content is None:
            source, sha256 = self._source(order, latest)
            if order.key:
                found |= self._table.get(order.asked, (meta, publish_sk(order.key, sha256)))
        counter, row = found.get((meta, COUNTER)), found.get((meta, publish_sk(order.key or "", sha256)))
        highest = int(CounterItem.from_raw_data(counter).highest) if counter else None
        # Without a counter, and with a LATEST that is none of the library's, most likely nothing was published: save
        # the query; the claim's conditions notice if that was wrong.
        guessed = highest is None and (latest is None or latest.etag is not None)
        if highest is None:
            highest = 0 if guessed else self._numbers.highest(order.asked, name)
        return View(
            latest, source, sha256, highest, guessed, PublishItem.from_raw_data(row) if row and order.key else None
        )

    def _source(self, order: Order, latest: ArtifactItem | None) -> tuple[Head, str]:
        head = self._latest.resolve(order.asked, latest) if latest is not None else None
        if head is None or not head.live:
            raise ArtifactNotFoundError(
                f"{order.asked} failed: it has no LATEST; put content first, or give the content to publish.",
                name=order.name,
            )
        if head.stored is None or head.stored.sha256 is None:
            raise self._no_object(order)
        return head, head.stored.sha256

    # -- what was done before ----------------------------------------------------------------------------------------

    def _earlier(self, order: Order, view: View) -> ArtifactItem | None:
        """Return the version that this order has led to already, if any."""
        if view.row is not None:
            item = self._version(order, view.row.version)
            if item is not None and item.live:
                log.info("%s: version %d was published by the same key before", order.asked, int(item.sk))
                self._finish_following(order, view.latest, item)
                return item
            if item is not None and item.state == CLAIMED:
                return None  # to be taken up
        newest = self._numbers.newest(order.asked, order.name) if order.if_changed else None
        if newest is not None and newest.sha256 == view.sha256 and self._remember(order, view, newest):
            log.info("%s: the newest version %d has the same bytes", order.asked, int(newest.sk))
            return newest
        return None

    def _remember(self, order: Order, view: View, item: ArtifactItem) -> bool:
        """Keep which version the key was given; False when another process was quicker."""
        if order.key is None:
            return True
        row = PublishItem(
            meta_pk(order.name),
            publish_sk(order.key, item.sha256),
            version=item.sk,
            claimed_at=datetime.now(UTC),
        )
        known = view.row.version if view.row else item.sk
        unused = PublishItem.pk.does_not_exist() | PublishItem.version.is_in(item.sk, known)
        try:
            self._table.write(order.asked, put(row, unused))
        except Refused:
            return False
        return True

    def _finish_following(self, order: Order, latest: ArtifactItem | None, item: ArtifactItem) -> None:
        """Take up a publish that died between its commit and the copy to LATEST."""
        if latest is not None and latest.pending is not None and latest.pending_version == item.sk:
            self._latest.complete(order.asked, order.name)

    def _version(self, order: Order, sk: str) -> ArtifactItem | None:
        found = self._table.get(order.asked, (order.name, sk))
        return ArtifactItem.from_raw_data(found[order.name, sk]) if found else None

    def _resumable(self, order: Order, view: View) -> ArtifactItem | None:
        """Return the claim that the same key made and did not finish."""
        if view.row is None:
            return None
        item = self._version(order, view.row.version)
        return item if item is not None and item.state == CLAIMED else None

    # -- claim, store, commit ----------------------------------------------------------------------------------------

    def _claim(self, order: Order, view: View) -> ArtifactItem | None:
        """Take the next number; None when the key has been used meanwhile, or what we remembered is not so any more."""
        seen, number, guessed = view.highest, view.highest + 1, view.guessed
        for _ in range(_TRIES):
            if number > HIGHEST_NUMBER:
                raise InvalidInputError(
                    f"{order.asked} failed: {HIGHEST_NUMBER}, the last number, has been given; publish under a "
                    "new name.",
                    name=order.name,
                )
            claim = ArtifactItem(
                order.name,
                encode_version(str(number)),
                update_at=datetime.now(UTC),
                is_deleted=True,
                sha256=view.sha256,
                state=CLAIMED,
                revision=new_revision(),
                published_by=order.published_by,
            )
            try:
                self._table.transact(order.asked, self._claim_writes(order, view, claim, seen, guessed=guessed))
            except Refused as refused:
                counter, version, *row = refused.found  # of the key, if there is one
                if version and version.get("revision", {}).get("S") == claim.revision:
                    return claim  # it landed, only the answer was lost
                if view.remembered or any(found is not None for found in row):
                    return None
                seen, number = self._next(order, counter, version, seen, number, guessed=guessed)
                guessed = False
                continue
            return claim
        return None

    def _claim_writes(self, order: Order, view: View, claim: ArtifactItem, seen: int, *, guessed: bool) -> list[Write]:
        meta, number = meta_pk(order.name), int(claim.sk)
        unmoved: Condition = CounterItem.highest == seen
        if not view.remembered:
            unmoved = CounterItem.pk.does_not_exist() | unmoved
        writes = [
            update(CounterItem(meta, COUNTER), unmoved, CounterItem.highest.set(number)),
            # A ghost's place may be taken, but not on a guess: there may be higher numbers behind it.
            put(claim, ArtifactItem.pk.does_not_exist() if guessed else ArtifactItem.pk.does_not_exist() | ghost()),
        ]
        if order.key is not None:
            unused = PublishItem.pk.does_not_exist()
            if view.row is not None:  # its version was deleted since
                unused |= PublishItem.version == view.row.version
                writes.append(check(ArtifactItem(order.name, view.row.version), withdrawn()))
            row = PublishItem(meta, publish_sk(order.key, view.sha256), version=claim.sk, claimed_at=claim.update_at)
            writes.append(put(row, unused))
        return writes

    def _next(
        self,
        order: Order,
        counter: RawItem | None,
        version: RawItem | None,
        seen: int,
        number: int,
        *,
        guessed: bool,
    ) -> tuple[int, int]:
        """Return (counter as it is, next number to try) after a refused claim."""
        if counter:  # another publisher was quicker
            seen = int(CounterItem.from_raw_data(counter).highest)
            return seen, seen + 1
        if version is not None:  # the library has published on its own
            highest = self._numbers.highest(order.asked, order.name)
            return seen, (highest if guessed else max(highest, number)) + 1
        return seen, number

    def _fulfil(self, order: Order, view: View, claim: ArtifactItem) -> ArtifactItem | None:
        """Store the content and commit; None when LATEST changed or the claim was purged in between."""
        try:
            stored = self._store(order, view, claim)
        except PreconditionLost:
            self._look_after_latest(order)
            return None
        published = ArtifactItem(
            order.name,
            claim.sk,
            update_at=stored.written_at,
            is_deleted=False,
            sha256=stored.sha256,
            etag=stored.etag,
            size=stored.size,
            state=PUBLISHED,
            revision=new_revision(),
            published_by=claim.published_by,
        )
        latest = view.latest
        for _ in range(_TRIES):
            latest, following = self._following(order, view, claim, latest, stored)
            try:
                self._commit(order, claim, published, latest, following)
            except Refused as refused:
                there = refused.found[0]
                if there is None:
                    latest = self._version(order, LATEST)  # written since, or a purge sets out to delete its object
                    continue
                if there.get("revision", {}).get("S") != published.revision:
                    return self._committed_by_another(order, published, there)
                # It landed, only the answer was lost.
            if isinstance(following, Following):
                latest = self._latest.follow(order.asked, order.name, stored, following, following.revision)
            elif following is not None:
                latest = following
            if latest is not None and latest.etag is not None and latest.pending is None:
                self._last.keep(order.name, (latest, int(claim.sk)))
            return published
        return None

    def _look_after_latest(self, order: Order) -> None:
        """See that the next attempt finds LATEST's item and object agree, after they did not."""
        if order.content is None:
            if self._objects.head(order.asked, order.name, LATEST) is None:
                raise self._no_object(order)
            self._latest.settle(order.asked, order.name)

    @staticmethod
    def _no_object(order: Order) -> ArtifactNotFoundError:
        return ArtifactNotFoundError(
            f"{order.asked} failed: the object of LATEST is missing; put content again.", name=order.name
        )

    def _store(self, order: Order, view: View, claim: ArtifactItem) -> Stored:
        if order.content is None:
            if view.source is None or view.source.stored is None:
                raise PreconditionLost
            return self._objects.copy(order.asked, order.name, view.source.at, claim.sk, view.source.stored)
        return self._objects.put_version(order.asked, order.name, claim.sk, order.content, order.attributes)

    def _following(
        self, order: Order, view: View, claim: ArtifactItem, latest: ArtifactItem | None, stored: Stored
    ) -> tuple[ArtifactItem | None, Following | ArtifactItem | None]:
        """Return LATEST's item, and how LATEST becomes this version, unless it has the same content already.

        A hidden LATEST may have it: then that is the item as it would be if it were visible, where a copy can have no
        ETag.
        """
        if order.content is None or _is_content_of(latest, view.sha256):
            return latest, None
        attempt = 0
        while True:
            latest, replaced = self._latest.prepared(order.asked, order.name, latest)
            if _is_content_of(latest, view.sha256):
                return latest, None
            try:
                if replaced.avoid:  # says so while nobody sees the number
                    self._objects.demand_etag_of_copy(order.asked, order.name, stored, replaced.avoid)
            except ConflictError:
                shown = self._latest.shown(order.asked, latest, replaced, view.sha256) if latest is not None else None
                if shown is not None:
                    return latest, shown
                if attempt == _PATIENCE:
                    raise
                self._table.pause(attempt)
                latest, attempt = self._version(order, LATEST), attempt + 1
            else:
                return latest, Following(claim.sk, replaced, new_revision())

    def _commit(
        self,
        order: Order,
        claim: ArtifactItem,
        published: ArtifactItem,
        latest: ArtifactItem | None,
        following: Following | ArtifactItem | None,
    ) -> None:
        """Make the number visible, in one transaction with the announcement that LATEST follows, or as it should be."""
        ours = (ArtifactItem.revision == claim.revision) & (ArtifactItem.state == CLAIMED)
        writes = [put(published, ours)]
        if isinstance(following, Following):
            mark, replaced = following.revision, following.replaced
            writes.append(self._latest.announcement(order.name, mark, as_read(latest), replaced, following))
        elif following is not None and latest is not None:
            writes.append(self._latest.showing(latest, following))
        elif order.content is not None:
            same = both(live(), ArtifactItem.sha256 == published.sha256)
            writes.append(check(ArtifactItem(order.name, LATEST), both(same, unmoved(latest))))
        self._table.write_together(order.asked, writes)

    def _committed_by_another(self, order: Order, published: ArtifactItem, there: RawItem) -> ArtifactItem | None:
        """Return what stands there if another process with the same key has published the same."""
        if not there:
            return None
        item = ArtifactItem.from_raw_data(there)
        if item.state != PUBLISHED or item.sha256 != published.sha256:
            return None
        if order.content is not None:
            self._finish_following(order, self._version(order, LATEST), item)
        return item


def _is_content_of(latest: ArtifactItem | None, sha256: str) -> bool:
    return latest is not None and latest.live and latest.sha256 == sha256 and latest.pending is None
