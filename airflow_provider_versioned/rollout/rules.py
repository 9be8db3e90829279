"""What a rollout may do to an alias next, decided from the alias as it is. Pure: no Airflow, no AWS.

A rollout owns an alias while the alias carries the rollout's id. Every rule looks at the alias itself, never at what a
task remembers, so that a task which is repeated, cleared or resumed goes on from where the alias stands. An alias that
somebody else moved is never touched again.

=====================================  ==========================================================================
the alias                              what a rollout does
=====================================  ==========================================================================
is as :func:`begin` saw it             the first step may give the canary its weight
carries the rollout, at weight ``w``   a step at or below ``w`` is passed already; the next step may widen
carries the rollout, canary alone      the rollout is over
anything else                          somebody else moved it: :class:`ConflictError`
=====================================  ==========================================================================
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import ConflictError, InvalidInputError
from airflow_provider_versioned.repository.inputs import LATEST, check_version
from airflow_provider_versioned.task.fields import parse_int

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_versioned.repository.model import Alias

LOWEST, HIGHEST = 1, 99  # a canary at 100 % is no canary: that is the promotion


@dataclass(frozen=True)
class Rollout:
    """A rollout as it began.

    Attributes:
        revision: The alias's revision at that moment.
        promoted: The canary was the alias's only version already, so nothing is to be done.
        attempt: Which try of the first task began or took up the rollout.
        reason: Why, in the words of its author.
    """

    id: str
    name: str
    alias: str
    stable: str
    canary: str
    revision: str | None
    promoted: bool
    attempt: int = 1
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the rollout as JSON-able values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Rollout:
        """Rebuild a rollout from :meth:`to_dict`."""
        return cls(**stored)


def check_canary(version: Any) -> str:
    """Allow a version as canary: a number, because LATEST may change under way."""
    canary = check_version(version)
    if version is None or canary == LATEST:
        raise InvalidInputError(f"A rollout needs a numbered version, got {version!r}.", version=version)
    return canary


def check_weights(steps: Sequence[Any]) -> tuple[int, ...]:
    """Allow the weights of the steps: whole percent from 1 to 99, each more than the one before."""
    weights = tuple(parse_int("A step of the rollout", step) for step in steps)
    ascending = all(low < high for low, high in itertools.pairwise(weights))
    if not weights or not ascending or not LOWEST <= weights[0] <= weights[-1] <= HIGHEST:
        raise InvalidInputError(
            f"The steps of a rollout must be one or more weights from {LOWEST} to {HIGHEST} in ascending order, got "
            f"{list(steps)!r}.",
            steps=list(steps),
        )
    return weights


def carries(alias: Alias, rollout_id: str) -> bool:
    """Tell whether the alias has a canary that this rollout put there."""
    return alias.rollout == rollout_id and alias.secondary_version is not None


def begin(alias: Alias, canary: str, rollout_id: str) -> Rollout:
    """Begin a rollout, or take it up again where the alias already carries it.

    Raises:
        ConflictError: The alias has a canary that is not this rollout's.
    """
    if alias.secondary_version is not None and not (carries(alias, rollout_id) and alias.secondary_version == canary):
        raise ConflictError(
            f"Rollout {rollout_id!r} cannot begin: alias {alias.alias!r} of {alias.name!r} is at {state(alias)}, "
            f"{moved(alias)}; wait for that rollout's end, or drop its canary with RollbackAliasOperator.",
            name=alias.name,
            alias=alias.alias,
        )
    alone = alias.secondary_version is None
    return Rollout(
        id=rollout_id,
        name=alias.name,
        alias=alias.alias,
        stable=alias.version,
        canary=canary,
        revision=alias.revision,
        promoted=alone and alias.version == canary,
    )


def may_shift(rollout: Rollout, alias: Alias | None, weight: int, previous: int | None) -> bool:
    """Tell whether a step has its weight still to give; False: the alias has it already, or more.

    Args:
        previous: Weight of the step before; None for the first.

    Raises:
        ConflictError: Somebody else moved the alias, or the step before has not been made.
    """
    if alias is not None and carries(alias, rollout.id):
        now = alias.secondary_version_weight or 0
        if now >= weight:
            return False
        if previous is None or now == previous:
            return True
    elif alias is not None and previous is None and alias.revision == rollout.revision:
        return True
    raise _conflict(rollout, alias, f"be shifted to {weight} %")


def may_promote(rollout: Rollout, alias: Alias | None, previous: int) -> bool:
    """Tell whether the promotion is still to be made; False: this rollout has made it.

    Raises:
        ConflictError: Somebody else moved the alias, or the last step has not been made.
    """
    if alias is not None and alias.rollout == rollout.id:
        if alias.secondary_version is None and alias.version == rollout.canary:
            return False
        if carries(alias, rollout.id) and alias.secondary_version_weight == previous:
            return True
    raise _conflict(rollout, alias, "be promoted")


def demand_step(rollout_id: str, alias: Alias | None, canary: str, weight: int) -> None:
    """Demand that the alias still is at a step, before it is judged.

    Raises:
        ConflictError: It is not.
    """
    at_step = alias is not None and carries(alias, rollout_id) and alias.secondary_version == canary
    if alias is None or not at_step or alias.secondary_version_weight != weight:
        now = "does not exist any more" if alias is None else f"is at {state(alias)}, {moved(alias)}"
        raise ConflictError(
            f"The step at {weight} % of rollout {rollout_id!r} cannot be judged: the alias {now}; clear the whole "
            "group to begin anew."
        )


def state(alias: Alias) -> str:
    """Say what an alias points at."""
    if alias.secondary_version is None:
        return f"version {alias.version} alone"
    return f"version {alias.version} with version {alias.secondary_version} at {alias.secondary_version_weight} %"


def moved(alias: Alias) -> str:
    """Say who moved an alias there, and when and why."""
    by = f"moved by {alias.changed_by or 'somebody'} at {alias.update_at:%Y-%m-%d %H:%M:%S}Z"
    rollout = f" in rollout {alias.rollout!r}" if alias.rollout else ""
    return by + rollout + (f" (reason: {alias.reason})" if alias.reason else "")


def _conflict(rollout: Rollout, alias: Alias | None, aim: str) -> ConflictError:
    found = "it does not exist any more" if alias is None else f"it is at {state(alias)}, {moved(alias)}"
    return ConflictError(
        f"Alias {rollout.alias!r} of {rollout.name!r} cannot {aim} by rollout {rollout.id!r}: {found}; if that is "
        "right, let this run end, otherwise clear the whole group to begin anew.",
        name=rollout.name,
        alias=rollout.alias,
    )
