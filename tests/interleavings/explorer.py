"""Tries interleavings at random, and makes what it finds small."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.interleavings.trial import PURGES, Laboratory, Outcome, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.interleavings.trial import Step

BEFORE: tuple[tuple[Step, ...], ...] = (
    (),
    (("put", "A"),),
    (("put", "A"), ("delete",)),
    (("put", "A"), ("publish", "P")),
    (("put that died before the object", "Q"),),
    (("put", "A"), ("put that died before the object", "Q")),
    (("put", "A"), ("put that died after the object", "Q")),
    (("put", "A"), ("publish that died before the copy", "Q")),
    (("publish that died before the copy", "Q"),),
)
# Few contents: what goes wrong mostly does where the same bytes come back.
CALLS: tuple[Step, ...] = (
    ("put", "A"),
    ("put", "A"),
    ("put", "X"),
    ("put", "X"),
    ("publish", "A"),
    ("publish", "X"),
    ("publish", "Y"),
    ("publish with a key", "A"),
    ("publish with a key", "Y"),
    ("freeze",),
    ("delete",),
    ("restore",),
    ("purge",),
    ("purge",),
    ("purge all",),
)
_MOST_REQUESTS = 9


@dataclass(frozen=True)
class Tried:
    """A trial and what came of it."""

    trial: Trial
    outcome: Outcome

    def __str__(self) -> str:
        """Tell everything, for a person."""
        return f"{self.trial}\n{self.outcome}"


def random_trials(seed: int) -> Iterator[Trial]:
    """Make up trials, without end; the same ones for the same seed."""
    dice = random.Random(seed)  # noqa: S311 -- trials to repeat, no secrets
    while True:
        calls = tuple(dice.choice(CALLS) for _ in range(dice.choice((2, 2, 3, 3, 4))))
        schedule, last = [], -1
        for _ in range(dice.randrange(2, len(calls) + 4)):
            last = dice.choice([i for i in range(len(calls)) if i != last])
            schedule.append((last, dice.randrange(1, _MOST_REQUESTS)))
        lost = (dice.randrange(len(calls)), dice.randrange(_MOST_REQUESTS)) if dice.random() < 0.25 else None
        yield Trial(
            dice.choice(BEFORE),
            calls,
            tuple(schedule),
            tuple(i for i in range(len(calls)) if dice.random() < 0.2),
            lost,
            dice.choice((0.0, 1.2)),
            # A deletion that is sent again rests on its token alone, and so does a publish whose claim was purged.
            lost is not None and not {"delete", *PURGES} & {call[0] for call in calls} and dice.random() < 0.5,
            dice.random() < 0.5,
            dice.random() < 0.25,
        )


def explore(laboratory: Laboratory, seed: int) -> Iterator[Tried]:
    """Try interleavings, without end; the same ones for the same seed."""
    for trial in random_trials(seed):
        yield Tried(trial, laboratory.run(trial))


def shrunk(laboratory: Laboratory, tried: Tried) -> Tried:
    """Leave out of a trial that went wrong whatever it can do without, as long as something goes wrong."""
    going_on = True
    while going_on:
        going_on = False
        for smaller in _smaller(tried.trial):
            outcome = laboratory.run(smaller)
            if outcome.problems:
                tried, going_on = Tried(smaller, outcome), True
                break
    return tried


def _smaller(trial: Trial) -> Iterator[Trial]:
    for i in range(len(trial.calls)):
        yield _without_call(trial, i)
    for i in range(len(trial.before)):
        yield replace(trial, before=(*trial.before[:i], *trial.before[i + 1 :]))
    if trial.lost is not None:
        yield replace(trial, lost=None, forgets_tokens=False)
    for flag in ("forgets_tokens", "backwards", "in_parts"):
        if getattr(trial, flag):
            yield replace(trial, **{flag: False})  # type: ignore[arg-type] # all of them are bool
    for i in trial.dead:
        yield replace(trial, dead=tuple(j for j in trial.dead if j != i))
    for i, (call, count) in enumerate(trial.schedule):
        rest = trial.schedule[i + 1 :]
        yield replace(trial, schedule=(*trial.schedule[:i], *rest))
        if count > 1:
            yield replace(trial, schedule=(*trial.schedule[:i], (call, count - 1), *rest))
    if trial.tick:
        yield replace(trial, tick=0.0)


def _without_call(trial: Trial, gone: int) -> Trial:
    def moved(i: int) -> int:
        return i - (i > gone)

    return replace(
        trial,
        calls=(*trial.calls[:gone], *trial.calls[gone + 1 :]),
        schedule=tuple((moved(i), count) for i, count in trial.schedule if i != gone),
        dead=tuple(moved(i) for i in trial.dead if i != gone),
        lost=None if trial.lost is None or trial.lost[0] == gone else (moved(trial.lost[0]), trial.lost[1]),
    )
