"""The items of the table, as PynamoDB models: attributes, their encodings, and what an absent one means.

PynamoDB is the codec here (schema, conditions, encoding); no model ever opens a connection, because its connections
belong to the class and so to the process. Requests go through the caller's own client in
:mod:`~airflow_provider_versioned.repository.table`.

The first four attributes of an artifact and of an alias are those of the library ``versioned``. All others are ours:
its own writes drop them, so each may be absent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pynamodb.attributes import (
    Attribute,
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.constants import STRING
from pynamodb.expressions.condition import And, Or
from pynamodb.models import Model

if TYPE_CHECKING:
    from pynamodb.expressions.condition import Condition

CLAIMED = "claimed"  # a number given to a publisher who has not finished: invisible
PUBLISHED = "published"
PURGING = "purging"  # its bytes are being freed: invisible, and cannot come back

_UPDATE_AT = "%Y-%m-%dT%H:%M:%S.%f+0000"  # the library fails on any other form


class UtcTimeAttribute(Attribute[datetime]):
    """A time in the one form that the library ``versioned`` reads; any ISO 8601 form is understood."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        """Write the fixed form."""
        return value.astimezone(UTC).strftime(_UPDATE_AT)

    def deserialize(self, value: str) -> datetime:
        """Read the fixed form, or another ISO 8601 form that a person or tool left."""
        parsed = datetime.fromisoformat(value)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


class _Item(Model):
    class Meta:
        table_name = "unused"  # the table is named when the request is sent
        region = "us-east-1"  # never used: no connection is opened

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class ArtifactItem(_Item):
    """A version, or LATEST."""

    update_at = UtcTimeAttribute(null=True)
    is_deleted = BooleanAttribute(null=True)
    sha256 = UnicodeAttribute(null=True)

    etag = UnicodeAttribute(null=True)
    size = NumberAttribute(null=True)
    revision = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    aliases = UnicodeSetAttribute(null=True)
    deleted_at = UtcTimeAttribute(null=True)
    published_by = UnicodeAttribute(null=True)
    protected = UnicodeAttribute(null=True)
    # Of LATEST only: a write of the object is under way, or died under way. See docs/decisions/001.
    pending = UnicodeAttribute(null=True)
    pending_version = UnicodeAttribute(null=True)
    # Of LATEST only: who expects which object to replace or delete, so that no later one may be like it.
    expected_etags = UnicodeSetAttribute(null=True)

    @property
    def live(self) -> bool:
        """Whether readers see it; the library's ghosts have no ``sha256`` and count as deleted."""
        return not self.is_deleted and self.update_at is not None

    @property
    def is_tombstone(self) -> bool:
        """Whether it only says that its number was given: its bytes are gone."""
        return self.state == PURGING and self.deleted_at is None


class AliasItem(_Item):
    """An alias."""

    update_at = UtcTimeAttribute(null=True)
    version = UnicodeAttribute()
    secondary_version = UnicodeAttribute(null=True)
    secondary_version_weight = NumberAttribute(null=True)

    revision = UnicodeAttribute(null=True)
    sequence = NumberAttribute(null=True)
    changed_by = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    rollout = UnicodeAttribute(null=True)


class CounterItem(_Item):
    """The highest number given, kept for ever, also after everything was purged."""

    highest = NumberAttribute()


class PublishItem(_Item):
    """Which version a publisher was given for which bytes."""

    version = UnicodeAttribute()
    claimed_at = UtcTimeAttribute()


class HeadItem(_Item):
    """The last change of an alias that this package made; tells changes by other tools apart."""

    sequence = NumberAttribute()
    revision = UnicodeAttribute()
    changed_at = UtcTimeAttribute()
    is_deleted = BooleanAttribute(default=False)


class HistoryItem(_Item):
    """One change of an alias."""

    action = UnicodeAttribute()
    changed_at = UtcTimeAttribute()
    revision = UnicodeAttribute()
    version = UnicodeAttribute(null=True)
    secondary_version = UnicodeAttribute(null=True)
    secondary_version_weight = NumberAttribute(null=True)
    changed_by = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    rollout = UnicodeAttribute(null=True)
    restored_sequence = NumberAttribute(null=True)
    approval = JSONAttribute(null=True)


class RolloutItem(_Item):
    """The last rollout of an alias, or an earlier one that is kept under its id.

    ``alias_revision`` is the revision with which it left the alias: while the alias has that, it is the rollout's.
    """

    rollout = UnicodeAttribute()
    alias = UnicodeAttribute()
    revision = UnicodeAttribute()
    alias_revision = UnicodeAttribute(null=True)
    stable = UnicodeAttribute()
    canary = UnicodeAttribute()
    weights = JSONAttribute()
    state = UnicodeAttribute()
    weight = NumberAttribute(null=True)
    step = NumberAttribute()
    began_at = UtcTimeAttribute()
    began_by = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    stepped_at = UtcTimeAttribute(null=True)
    frozen_at = UtcTimeAttribute(null=True)
    frozen_by = UnicodeAttribute(null=True)
    freeze_reason = UnicodeAttribute(null=True)
    frozen_ms = NumberAttribute(null=True)
    skipped = BooleanAttribute(null=True)
    skipped_by = UnicodeAttribute(null=True)
    promoted_at = UtcTimeAttribute(null=True)
    ended_at = UtcTimeAttribute(null=True)
    ended_by = UnicodeAttribute(null=True)
    end_reason = UnicodeAttribute(null=True)
    judgement = JSONAttribute(null=True)
    attempt = NumberAttribute(null=True)
    superseded_by = UnicodeAttribute(null=True)


class RequestItem(_Item):
    """A caller's change of an alias has landed as that sequence."""

    sequence = NumberAttribute()


class OutcomeItem(_Item):
    """Outcomes of one version at one weight, one shard of them."""

    successes = NumberAttribute(default=0)
    failures = NumberAttribute(default=0)


class MetricItem(_Item):
    """One numeric metric of one version at one weight, one shard of it: sums and some values, as JSON."""

    facts = UnicodeAttribute()
    revision = UnicodeAttribute()


class ReportItem(_Item):
    """A caller's report was counted."""

    revision = UnicodeAttribute()


class LooksItem(_Item):
    """The counts at which judges have looked at a canary, as JSON; see ``outcomes.facts.Looks``."""

    attempt = NumberAttribute()
    blocks = UnicodeAttribute()
    revision = UnicodeAttribute()


class MarkerItem(_Item):
    """Which repository the table serves."""

    s3_bucket = UnicodeAttribute()
    s3_prefix = UnicodeAttribute()
    suffix = UnicodeAttribute()


def both(first: Condition, second: Condition) -> Condition:
    """Demand two things; typed, unlike PynamoDB's ``&``."""
    return And(first, second)


def either(first: Condition, second: Condition) -> Condition:
    """Demand one of two things; typed, unlike PynamoDB's ``|``."""
    return Or(first, second)


def live() -> Condition:
    """The version can be read: it exists, is not deleted, and is not a ghost."""
    not_deleted = ~(ArtifactItem.is_deleted == True)  # noqa: E712 -- PynamoDB builds the condition from ==
    return both(ArtifactItem.update_at.exists(), not_deleted)


def withdrawn() -> Condition:
    """The version was published and then deleted or purged."""
    deleted = both(ArtifactItem.is_deleted == True, ~(ArtifactItem.state == CLAIMED))  # noqa: E712 -- as above
    return either(ArtifactItem.pk.does_not_exist(), deleted)


def ghost() -> Condition:
    """A deletion mark that the library ``versioned`` left for something that never existed."""
    return both(ArtifactItem.sha256.does_not_exist(), ArtifactItem.state.does_not_exist())
