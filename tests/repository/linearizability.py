"""Checks whether a recorded history could have happened one call after the other: linearizability.

The search of Wing and Gong with the memory of Lowe (https://doi.org/10.1002/cpe.3928): try each call that may come
next, that is, each that began before any open call ended; go back when none fits; never visit the same (calls done,
state) twice. A call without an answer (its process died) may have happened at any time after it began, or never.

What a call may answer in which state is told by a ``step`` function; there is one for an alias, which is a register
with compare-and-set and an undo stack, one for LATEST, which is a plain register, and one for a version, which is live
or not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

State = TypeVar("State", bound="Hashable")
Targets = tuple[str, str | None, int | None]
CONFLICT, NOT_FOUND, REFUSED, NOTHING = "ConflictError", "AliasNotFoundError", "refused", "nothing"
BUDGET = 300_000


class UndecidedError(Exception):
    """The search was given up: the history is too wide."""


@dataclass(frozen=True)
class Operation:
    """One call of a history.

    Attributes:
        start: When it was sent, by a clock that all processes share.
        end: When its answer came; None: it never came.
        kind: What the step function knows it by.
        arguments: What was asked.
        answer: What came back; of an alias: (sequence, revision, targets), or the name of an error. Of a deletion
            nothing comes back; what it did may be known otherwise: (sequence, None), or ``NOTHING``.
    """

    process: str
    start: int
    end: int | None
    kind: str
    arguments: tuple[Any, ...] = ()
    answer: Any = None

    @property
    def unanswered(self) -> bool:
        """Whether nobody knows if it happened."""
        return self.end is None


def linearization(
    history: Iterable[Operation], initial: State, step: Callable[[State, Operation], Sequence[State]]
) -> list[Operation] | None:
    """Return an order of the calls that explains all answers, or None when there is none.

    Args:
        step: Returns the states after a call in a state, if it may give that answer there; else nothing.

    Raises:
        UndecidedError: Too many orders had to be tried.
    """
    return _Search(sorted(history, key=lambda operation: operation.start), step).run(initial)


class _Search(Generic[State]):
    def __init__(self, operations: list[Operation], step: Callable[[State, Operation], Sequence[State]]) -> None:
        self._operations = operations
        self._step = step
        self._answered = sum(1 << i for i, operation in enumerate(operations) if not operation.unanswered)
        self._visited: set[tuple[int, State]] = set()

    def run(self, initial: State) -> list[Operation] | None:
        stack: list[tuple[int, State, tuple[int, Any]]] = [(0, initial, (-1, None))]
        while stack:
            done, state, path = stack.pop()
            done, path = self._take_what_changes_nothing(done, state, path)
            if done & self._answered == self._answered:
                return self._trace(path)
            if (done, state) in self._visited:
                continue
            self._visited.add((done, state))
            if len(self._visited) > BUDGET:
                raise UndecidedError
            stack += [
                (done | 1 << i, after, (i, path))
                for i in self._next(done)
                for after in self._step(state, self._operations[i])
            ]
        return None

    def _next(self, done: int) -> list[int]:
        """Return the calls that may come next; those whose answer came first are tried first, so they stand last."""
        open_ = [i for i in range(len(self._operations)) if not done >> i & 1]
        deadline = min((self._end(i) for i in open_), default=0.0)
        return sorted((i for i in open_ if self._operations[i].start <= deadline), key=self._end, reverse=True)

    def _end(self, i: int) -> float:
        end = self._operations[i].end
        return float("inf") if end is None else end

    def _take_what_changes_nothing(self, done: int, state: State, path: Any) -> tuple[int, Any]:
        """Take every call at once that fits here and leaves the state: later it could only fit worse.

        Not so a call whose answer does not tell whether it did something: it may be needed later as a real one.
        """
        while True:
            taken = done
            for i in self._next(done):
                operation = self._operations[i]
                if operation.answer is not None and list(self._step(state, operation)) == [state]:
                    done, path = done | 1 << i, (i, path)
            if done == taken:
                return done, path

    def _trace(self, path: Any) -> list[Operation]:
        found = []
        while path[0] >= 0:
            found.append(self._operations[path[0]])
            path = path[1]
        return found[::-1]


@dataclass(frozen=True)
class AliasState:
    """An alias.

    Attributes:
        sequence: Number of the last change, also after deletion.
        revision: Of the last change; None: not known yet, because nobody heard of that change.
        undo: States that a rollback leads back to, the current one last; None: deleted.
    """

    sequence: int = 0
    revision: str | None = ""
    undo: tuple[Targets | None, ...] = ()

    @property
    def targets(self) -> Targets | None:
        """What it points at; None when there is no alias."""
        return self.undo[-1] if self.undo else None


def alias_step(state: AliasState, operation: Operation) -> list[AliasState]:
    """Say what a call on an alias may do; see the module."""
    if operation.answer == REFUSED:  # for a reason that is not the alias's: a target is not live
        return [state]
    return _ALIAS_STEPS[operation.kind](state, operation)


def _get(state: AliasState, operation: Operation) -> list[AliasState]:
    if state.targets is None:
        return [state] if operation.answer in (NOT_FOUND, None) else []
    return _as_is(state, operation)


def _as_is(state: AliasState, operation: Operation) -> list[AliasState]:
    """Return the state if the answer tells of it; an unknown revision gets known."""
    if operation.unanswered:
        return [state]
    if isinstance(operation.answer, str):  # an error, which tells of another state than this
        return []
    sequence, revision, targets = operation.answer
    if (sequence, targets) != (state.sequence, state.targets) or state.revision not in (None, revision):
        return []
    return [replace(state, revision=revision)]


def _put(state: AliasState, operation: Operation) -> list[AliasState]:
    targets, if_revision = operation.arguments
    blocked = _blocked(state, operation, if_revision)
    if blocked is not None:
        return blocked
    if state.targets == targets:
        return _as_is(state, operation)
    return _moved(state, operation, (*state.undo, targets))


def _blocked(state: AliasState, operation: Operation, if_revision: str | None) -> list[AliasState] | None:
    """Return what comes of a demand for another revision; None when nothing is in the way."""
    if if_revision is None:
        return [] if operation.answer == CONFLICT else None
    demanded = state.targets is not None and state.revision in (if_revision, None)
    if operation.answer == CONFLICT:
        # A revision that nobody has heard of is nobody's to demand.
        return [] if demanded and state.revision is not None else [state]
    return None if demanded and state.revision is not None else []


def _moved(state: AliasState, operation: Operation, undo: tuple[Targets | None, ...]) -> list[AliasState]:
    after = AliasState(state.sequence + 1, None, undo)
    return [after] if operation.unanswered else _as_is(after, operation)


def _rollback(state: AliasState, operation: Operation) -> list[AliasState]:
    (if_revision,) = operation.arguments
    if state.targets is None:
        return [state] if operation.answer in (NOT_FOUND, None) else []
    blocked = _blocked(state, operation, if_revision)
    if blocked is not None:
        return blocked
    back = rolled_back(state.undo)
    if back is None:
        return [state] if operation.answer in ("InvalidInputError", None) else []
    return _moved(state, operation, back)


def rolled_back(undo: tuple[Targets | None, ...]) -> tuple[Targets | None, ...] | None:
    """Return the undo stack after a rollback, or None when there is nothing to go back to."""
    current = undo[-1]
    assert current is not None
    for depth in range(len(undo) - 2, -1, -1):
        past = undo[depth]
        if past is not None and past[1] is None and (current[1] is not None or past[0] != current[0]):
            return undo[: depth + 1]
    return (*undo, (current[0], None, None)) if current[1] is not None else None


def _delete(state: AliasState, operation: Operation) -> list[AliasState]:
    (if_revision,) = operation.arguments
    if state.targets is None:
        return [state] if operation.answer in (NOTHING, None) else []
    blocked = _blocked(state, operation, if_revision)
    if blocked is not None:
        return blocked
    after = AliasState(state.sequence + 1, "", (*state.undo, None))
    return [after] if operation.answer in (None, (after.sequence, None)) else []


_ALIAS_STEPS = {"get": _get, "put": _put, "rollback": _rollback, "delete": _delete}


def register_step(state: str, operation: Operation) -> list[str]:
    """Say what a call on LATEST may do: ``write`` a digest, or ``read`` one; an empty one stands for none at all."""
    if operation.kind == "write":
        return [operation.arguments[0]]
    return [state] if operation.unanswered or operation.answer == state else []


@dataclass(frozen=True)
class VersionState:
    """A version that was published, and whose bytes nobody frees."""

    live: bool = True
    protected: bool = False


def version_step(state: VersionState, operation: Operation) -> list[VersionState]:
    """Say what a call on a version may do.

    ``remove``, ``restore``, ``protect``, ``unprotect``; ``hide`` is what a purge says that it removed, and ``aim`` an
    alias that points here, or is told to: that demands a live version.
    """
    if operation.kind == "remove" and operation.answer == REFUSED:
        return [state] if state.live else []  # an alias may keep it, or protection
    if operation.kind == "protect" and operation.answer == REFUSED:
        return [] if state.live else [state]
    return _VERSION_STEPS[operation.kind](state, operation)


def _remove(state: VersionState, _operation: Operation) -> list[VersionState]:
    if not state.live:
        return [state]
    return [] if state.protected else [replace(state, live=False)]


def _hide(state: VersionState, _operation: Operation) -> list[VersionState]:
    return [replace(state, live=False)] if state.live and not state.protected else []


def _protect(state: VersionState, _operation: Operation) -> list[VersionState]:
    return [replace(state, protected=True)] if state.live else []


_VERSION_STEPS: dict[str, Callable[[VersionState, Operation], list[VersionState]]] = {
    "remove": _remove,
    "hide": _hide,
    "protect": _protect,
    "restore": lambda state, _: [replace(state, live=True)],
    "unprotect": lambda state, _: [replace(state, protected=False)],
    "aim": lambda state, _: [state] if state.live else [],
}
