"""The repository's methods on rollouts: check what the caller passes, hand over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository import inputs
from airflow_provider_versioned.repository.parts import Parts
from airflow_provider_versioned.repository.rollouts import inputs as rollout_inputs
from airflow_provider_versioned.repository.rollouts import rules
from airflow_provider_versioned.repository.rollouts.beginning import Start
from airflow_provider_versioned.repository.rollouts.rules import Act

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Literal

    from airflow_provider_versioned.repository.rollouts.model import Rollout

A_DAY = 86_400


class RolloutMethods(Parts):
    """Begin, follow, steer and end the rollouts of aliases.

    An alias has one live rollout at most. Each call may be repeated: what it asks for and finds done is not done again.
    Without ``rollout_id``, the methods that take one act on the alias's last rollout, whosever it is.
    """

    def start_rollout(
        self,
        name: str,
        alias: str,
        version: int | str,
        weights: Sequence[int],
        *,
        rollout_id: str,
        on_live: Literal["refuse", "supersede", "resume"] = "refuse",
        reason: str | None = None,
        started_by: str | None = None,
        attempt: int = 1,
    ) -> Rollout:
        """Begin the rollout of a version (canary) from the alias's version (stable); the alias is not moved yet.

        A live rollout of the same id is taken up where it is. One that has ended is returned as it ended, unless
        ``attempt`` is higher than its. If the alias is at ``version`` alone, the rollout is promoted from the start.

        Args:
            version: A number.
            weights: Of the steps in whole percent, 1 to 99, ascending.
            rollout_id: Identity of the rollout in all calls about it.
            on_live: What becomes of a live rollout of another id. ``refuse``: this call fails. ``supersede``: it ends,
                and its canary leaves the alias in the same moment. ``resume``: if it is of the same version, it goes on
                under the new id; otherwise as ``refuse``.
            reason: Kept in the record and the history of the alias.
            started_by: Kept there too.
            attempt: Which attempt under this id.

        Raises:
            ConflictError: Another rollout is live (the message says whose, since when, at which step), or the alias has
                a canary that is no rollout's.
            AliasNotFoundError: There is no such alias.
            ArtifactNotFoundError: There is no such version.
            InvalidInputError: An argument is not allowed; nothing was written.
        """
        return self._rollouts.start(
            Start(
                rollout_inputs.check_rollout_id(rollout_id),
                inputs.check_stored_name(name),
                inputs.check_stored_alias(alias),
                rollout_inputs.check_canary(version),
                rollout_inputs.check_weights(weights),
                rollout_inputs.check_on_live(on_live),
                inputs.check_text("reason", reason),
                inputs.check_text("started_by", started_by),
                rollout_inputs.check_attempt(attempt),
            )
        )

    def get_rollout(self, name: str, alias: str, *, rollout_id: str | None = None) -> Rollout:
        """Read the last rollout of an alias, live or ended; or one by its id.

        Raises:
            RolloutNotFoundError: There is none.
        """
        checked = inputs.check_text("rollout_id", rollout_id)
        return self._rollouts.get(inputs.check_stored_name(name), inputs.check_stored_alias(alias), checked)

    def list_rollouts(self, name: str) -> Iterator[Rollout]:
        """Read the last rollout of each alias of an artifact."""
        return self._rollouts.list(inputs.check_stored_name(name))

    def shift_rollout(
        self,
        name: str,
        alias: str,
        weight: int,
        *,
        rollout_id: str,
        reason: str | None = None,
        changed_by: str | None = None,
        approval: Mapping[str, Any] | None = None,
    ) -> Rollout:
        """Give the canary the weight of the next step; nothing happens if it has that or more.

        Args:
            approval: As in :meth:`put_alias`.

        Raises:
            ConflictError: The rollout is frozen or over, somebody else moved the alias, or a step before is missing.
            InvalidInputError: It has no such step.
        """
        act = self._act("Shifting", name, alias, rollout_inputs.check_rollout_id(rollout_id), reason, changed_by)
        return self._rollouts.act(act, lambda act, seen, _now: rules.shift(act, seen, weight), approval)

    def promote_rollout(
        self,
        name: str,
        alias: str,
        *,
        rollout_id: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
        approval: Mapping[str, Any] | None = None,
        in_turn: bool = False,
    ) -> Rollout:
        """Make the canary the alias's only version: now, whatever the step, frozen or not.

        Args:
            approval: As in :meth:`put_alias`.
            in_turn: Only if the last step has been made and the rollout is not frozen.

        Raises:
            RolloutNotFoundError: The alias has had no rollout.
            ConflictError: The rollout ended otherwise, or somebody else moved the alias; or it is not its turn.
        """
        act = self._act("Promoting", name, alias, rollout_id, reason, changed_by)
        return self._rollouts.act(act, lambda act, seen, now: rules.promote(act, seen, now, in_turn=in_turn), approval)

    def abort_rollout(
        self,
        name: str,
        alias: str,
        *,
        rollout_id: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
    ) -> Rollout:
        """Put the alias back on the stable version and end the rollout, in one transaction.

        If the rollout is over without a promotion, nothing happens, and it is returned as it ended.

        Raises:
            RolloutNotFoundError: The alias has had no rollout.
            ConflictError: It was promoted.
        """
        act = self._act("Aborting", name, alias, rollout_id, reason, changed_by)
        return self._rollouts.act(act, rules.abort)

    def skip_rollout_step(
        self,
        name: str,
        alias: str,
        *,
        rollout_id: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
    ) -> Rollout:
        """Have the rest of the step that the rollout is at passed over, bake and check; a frozen one goes on.

        Raises:
            RolloutNotFoundError: The alias has had no rollout.
            ConflictError: It is over, or has made no step yet.
        """
        act = self._act("Skipping a step of", name, alias, rollout_id, reason, changed_by)
        return self._rollouts.act(act, rules.skip)

    def freeze_rollout(
        self,
        name: str,
        alias: str,
        *,
        rollout_id: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
    ) -> Rollout:
        """Have the rollout stay where it is until it is unfrozen, promoted or aborted.

        Raises:
            RolloutNotFoundError: The alias has had no rollout.
            ConflictError: It is over.
        """
        act = self._act("Freezing", name, alias, rollout_id, reason, changed_by)
        return self._rollouts.act(act, rules.freeze)

    def unfreeze_rollout(
        self,
        name: str,
        alias: str,
        *,
        rollout_id: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
    ) -> Rollout:
        """Have a frozen rollout go on; the time in which it was frozen does not count as bake.

        Raises:
            RolloutNotFoundError: The alias has had no rollout.
            ConflictError: It is over.
        """
        act = self._act("Unfreezing", name, alias, rollout_id, reason, changed_by)
        return self._rollouts.act(act, rules.unfreeze)

    def record_judgement(self, name: str, alias: str, judgement: Mapping[str, Any], *, rollout_id: str) -> Rollout:
        """Keep what a judge said last.

        Args:
            judgement: ``verdict`` and whatever it was found from; at most 20,000 characters of JSON.

        Raises:
            ConflictError: The rollout is over, and was not promoted.
        """
        act = self._act("Judging", name, alias, rollout_inputs.check_rollout_id(rollout_id), None, None)
        checked = rollout_inputs.check_judgement(judgement)
        return self._rollouts.act(act, lambda act, seen, _now: rules.judged(act, seen, checked))

    def roll_back_promotion(
        self,
        name: str,
        alias: str,
        *,
        within_secs: float = A_DAY,
        rollout_id: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
    ) -> Rollout:
        """Put the alias back on the version from which its last rollout started, in one step.

        Args:
            within_secs: How long ago the promotion may be.

        Raises:
            RolloutNotFoundError: The alias has had no rollout.
            ConflictError: It was not promoted, or longer ago, or the alias was moved since.
            ArtifactNotFoundError: The stable version was deleted since.
        """
        act = self._act("Rolling back the promotion of", name, alias, rollout_id, reason, changed_by)
        window = inputs.check_secs("within_secs", within_secs)
        return self._rollouts.act(act, lambda act, seen, now: rules.roll_back_promotion(act, seen, now, window))

    @staticmethod
    def _act(
        verb: str, name: str, alias: str, rollout_id: str | None, reason: str | None, changed_by: str | None
    ) -> Act:
        return Act(
            verb,
            inputs.check_stored_name(name),
            inputs.check_stored_alias(alias),
            inputs.check_text("rollout_id", rollout_id),
            inputs.check_text("changed_by", changed_by),
            inputs.check_text("reason", reason),
        )
