"""Reading and writing the records of rollouts, each together with the alias that it moves.

The record of an alias's last rollout stands under one key, so only one can be live. Whatever moves the alias in the
name of a rollout is one transaction over alias, history and record, on condition that both are as they were read: a
rollout that was superseded, aborted or overtaken since moves nothing, however late its worker wakes. What may be done
is told by :mod:`~airflow_provider_versioned.repository.rollouts.rules`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.alias_change import Attempt, Change, Targets, View, revision_of, rollout_of
from airflow_provider_versioned.repository.aliases import Aliases, Learnt
from airflow_provider_versioned.repository.approval import with_approval
from airflow_provider_versioned.repository.errors import AliasNotFoundError, ArtifactNotFoundError, ConflictError
from airflow_provider_versioned.repository.inputs import MAX_TEXT
from airflow_provider_versioned.repository.items import AliasItem, ArtifactItem, HeadItem, RolloutItem
from airflow_provider_versioned.repository.keys import (
    alias_pk,
    encode_version,
    head_sk,
    meta_pk,
    past_rollout_sk,
    rollout_sk,
)
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.rollouts.beginning import Start, begin
from airflow_provider_versioned.repository.rollouts.model import Rollout, RolloutState
from airflow_provider_versioned.repository.rollouts.rules import Act, Decision, Seen, no_rollout, settled
from airflow_provider_versioned.repository.table import Key, RawItem, Refused, Table, Write, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_TRIES = 40
_END = "the rollout was ended"
_TIMES = ("began_at", "stepped_at", "frozen_at", "promoted_at", "ended_at")
_SAME = (
    *("stable", "canary", "began_by", "reason", "frozen_by", "freeze_reason", "skipped_by", "ended_by", "end_reason"),
    *("judgement", "superseded_by", *_TIMES),
)


class Rollouts:
    """The rollouts of all aliases of a repository."""

    def __init__(self, table: Table, aliases: Aliases) -> None:
        self._table = table
        self._aliases = aliases

    # -- reading ---------------------------------------------------------------------------------------------------

    def get(self, name: str, alias: str, rollout_id: str | None) -> Rollout:
        """Read the last rollout of an alias, or one by its id.

        Raises:
            RolloutNotFoundError: There is none.
        """
        look = self._look(f"Reading the rollout of alias {alias!r} of {name!r}", name, alias, rollout_id)
        if look.seen.last is not None and rollout_id in {None, look.seen.last.id}:
            return look.seen.last
        if rollout_id is None or look.seen.kept is None:
            raise no_rollout(name, alias, rollout_id)
        return look.seen.kept

    def list(self, name: str) -> Iterator[Rollout]:
        """Read the last rollout of each alias of an artifact, in the order of the aliases' names."""
        asked = f"Listing the rollouts of {name!r}"
        aliases = {alias.alias: alias for alias in self._aliases.list(name)}
        records = self._table.query(
            asked,
            meta_pk(name),
            sk_condition="begins_with(sk, :prefix)",
            sk_values={":prefix": {"S": rollout_sk("")}},
        )
        for raw in records:
            item = RolloutItem.from_raw_data(raw)
            yield settled(rollout_of_item(name, item), item.alias_revision, aliases.get(item.alias))

    # -- writing ---------------------------------------------------------------------------------------------------

    def start(self, start: Start) -> Rollout:
        """Begin a rollout, or take it up again.

        Raises:
            ConflictError: Another one is live, or the alias has a canary that is no rollout's.
            AliasNotFoundError: There is no such alias.
            ArtifactNotFoundError: The canary is not live.
        """
        canary = (start.name, encode_version(start.canary))

        def decide(look: _Look) -> Decision:
            if look.seen.alias is None:
                raise AliasNotFoundError(
                    f"Artifact {start.name!r} has no alias {start.alias!r}, so a rollout has no stable version to "
                    "start from and to go back to; create the alias with put_alias or PromoteAliasOperator.",
                    name=start.name,
                    alias=start.alias,
                )
            decision = begin(start, look.seen, datetime.now(UTC))
            if decision.writes and not _is_live(look.found.get(canary)):
                raise ArtifactNotFoundError(
                    f"{start.asked} failed: version {start.canary} of {start.name!r} does not exist or is deleted; "
                    "choose one from list_artifact_versions.",
                    name=start.name,
                    version=start.canary,
                )
            return decision

        return self._write(start, start.id, decide, extra=(canary,))

    def act(
        self,
        act: Act,
        decide: Callable[[Act, Seen, datetime], Decision],
        approval: Mapping[str, Any] | None = None,
    ) -> Rollout:
        """Do what a rule decides.

        Raises:
            ConflictError: It may not be done.
            RolloutNotFoundError: The alias has had no rollout.
        """

        def look_and_decide(look: _Look) -> Decision:
            nonlocal act
            if act.rollout_id is None and look.seen.last is not None:
                # Whatever else begins while this call is tried again: it is not what the caller meant.
                act = replace(act, rollout_id=look.seen.last.id)
            return decide(act, look.seen, datetime.now(UTC))

        return self._write(act, act.rollout_id, look_and_decide, approval=approval)

    def _write(
        self,
        call: Start | Act,
        rollout_id: str | None,
        decide: Callable[[_Look], Decision],
        *,
        extra: tuple[Key, ...] = (),
        approval: Mapping[str, Any] | None = None,
    ) -> Rollout:
        asked, learnt = call.asked, Learnt()
        for _ in range(_TRIES):
            look = self._look(asked, call.name, call.alias, rollout_id, extra)
            decision = decide(look)
            if not decision.writes:
                return decision.rollout
            change = with_approval(_change(call, look, decision), approval)
            writing = _Writing(look, decision)
            if isinstance(call, Act) and decision.to is None and decision.rollout.is_live:
                if self._record_alone(asked, writing):
                    return decision.rollout
                continue
            self._aliases.demand_revision(change, look.view)
            attempt = Attempt(change, look.view, learnt.gone(look.view), writing.beside)
            if self._aliases.send(change, attempt, learnt):
                return writing.rollout
        raise ConflictError(
            f"{asked} failed: others changed it {_TRIES} times in the same moment; try again.",
            name=call.name,
            alias=call.alias,
        )

    def _record_alone(self, asked: str, writing: _Writing) -> bool:
        try:
            self._table.write(asked, writing.record_write())
        except Refused:
            return False
        return True

    def _look(self, asked: str, name: str, alias: str, rollout_id: str | None, extra: tuple[Key, ...] = ()) -> _Look:
        meta = meta_pk(name)
        alias_key, head_key = (alias_pk(name), alias), (meta, head_sk(alias))
        last_key = (meta, rollout_sk(alias))
        kept_key = (meta, past_rollout_sk(alias, rollout_id)) if rollout_id else None
        keys = (alias_key, head_key, last_key, *([kept_key] if kept_key else []), *extra)
        found = self._table.get(asked, *keys)
        now = self._aliases.from_raw(name, found[alias_key]) if alias_key in found else None
        item = RolloutItem.from_raw_data(found[last_key]) if last_key in found else None
        kept = found.get(kept_key) if kept_key else None
        seen = Seen(
            now,
            settled(rollout_of_item(name, item), item.alias_revision, now) if item else None,
            item.alias_revision if item else None,
            rollout_of_item(name, RolloutItem.from_raw_data(kept)) if kept else None,
        )
        view = View(
            AliasItem.from_raw_data(found[alias_key]) if alias_key in found else None,
            HeadItem.from_raw_data(found[head_key]) if head_key in found else None,
            None,
        )
        return _Look(seen, view, item, found)


class _Look:
    """What was read in one request: for the rules, and for the conditions of what they decide."""

    def __init__(self, seen: Seen, view: View, item: RolloutItem | None, found: Mapping[Key, RawItem]) -> None:
        self.seen = seen
        self.view = view
        self.item = item
        self.found = found


class _Writing:
    """The writes of the record, beside those of the alias.

    Attributes:
        rollout: As it is written.
    """

    def __init__(self, look: _Look, decision: Decision) -> None:
        self.rollout = decision.rollout
        self._look = look
        self._decision = decision
        self._left_at: str | None = look.item.alias_revision if look.item is not None else None

    def beside(self, alias: AliasItem) -> list[Write]:
        """Return the writes that go with a change of the alias, which then is as given."""
        decision = self._decision
        self._left_at = revision_of(alias)
        before = self._look.seen.last
        if decision.to is not None and self.rollout.weight and (before is None or before.weight != self.rollout.weight):
            self.rollout = replace(self.rollout, stepped_at=alias.update_at)
        if decision.aside:
            return [put(self._item(self.rollout, past_rollout_sk(self.rollout.alias, self.rollout.id)), None)]
        writes = [self.record_write()]
        if decision.keep is not None:
            writes.append(put(self._item(decision.keep, past_rollout_sk(decision.keep.alias, decision.keep.id)), None))
        return writes

    def record_write(self) -> Write:
        """Return the write of the record, on condition that it is as it was read."""
        before = self._look.item
        condition = RolloutItem.pk.does_not_exist() if before is None else RolloutItem.revision == before.revision
        return put(self._item(self.rollout, rollout_sk(self.rollout.alias)), condition)

    def _item(self, rollout: Rollout, sk: str) -> RolloutItem:
        return RolloutItem(
            meta_pk(rollout.name),
            sk,
            rollout=rollout.id,
            alias=rollout.alias,
            revision=new_revision(),
            alias_revision=self._left_at,
            weights=list(rollout.weights),
            state=str(rollout.state),
            weight=rollout.weight,
            step=rollout.step,
            # Whole: a server may write 0.0 as 0, and then not know the SDK's second sending of a transaction again.
            frozen_ms=round(rollout.frozen_secs * 1000),
            skipped=rollout.skipped,
            attempt=rollout.attempt,
            **{name: getattr(rollout, name) for name in _SAME},
        )


def _change(call: Start | Act, look: _Look, decision: Decision) -> Change:
    """Return the change of the alias; where it stays, one that only confirms that."""
    rollout = decision.rollout
    if decision.to is None:
        targets, carried = look.view.targets, rollout_of(look.view.item)
    else:
        targets = Targets(*decision.to)
        carried = rollout.id if rollout.weight else None
    back = decision.to is not None and carried is None
    return Change(
        call.name,
        call.alias,
        "rollback" if back else "put",
        targets,
        reason=call.reason or _END if back else _reason(call, rollout),
        changed_by=call.by,
        rollout=carried,
    )


def _reason(call: Start | Act, rollout: Rollout) -> str | None:
    """Say why the alias moves on, for its history."""
    if isinstance(call, Start):
        return call.reason or f"taken over by rollout {call.id}"[:MAX_TEXT]
    promoted = rollout.state is RolloutState.PROMOTED
    step = "promotion" if promoted else f"step {rollout.step + 1} of {len(rollout.weights)}"
    why = call.reason or rollout.reason
    return f"{step}: {why}"[:MAX_TEXT] if why else step


def _is_live(raw: RawItem | None) -> bool:
    return raw is not None and ArtifactItem.from_raw_data(raw).live


def rollout_of_item(name: str, item: RolloutItem) -> Rollout:
    """Make the public value from an item."""
    return Rollout(
        id=item.rollout,
        name=name,
        alias=item.alias,
        weights=tuple(int(weight) for weight in item.weights),
        state=RolloutState(item.state),
        weight=None if item.weight is None else int(item.weight),
        step=int(item.step),
        frozen_secs=int(item.frozen_ms or 0) / 1000,
        skipped=bool(item.skipped),
        attempt=int(item.attempt or 1),
        **{attribute: getattr(item, attribute) for attribute in _SAME},
    )
