"""One interleaving of a few calls on one artifact, and whether what came of it could have come of any order of them.

A trial is a value: what happened before, the calls, which of them goes on by how many requests, which die, whose answer
is lost. A reader looks after every request. What it saw, together with what the calls told, must be linearizable
(:mod:`tests.repository.linearizability`); at the end nothing is damaged, everything can be used, and a purge leaves
nothing.
"""

from __future__ import annotations

import hashlib
import itertools
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import (
    ArtifactNotFoundError,
    ConflictError,
    Repository,
    VersionedError,
    content,
    latest,
    many,
    objects,
    uploads,
)
from airflow_provider_versioned.repository.objects import Objects
from airflow_provider_versioned.repository.putting import _Putting
from airflow_provider_versioned.repository.table import Table
from tests.interleavings.memory_dynamodb import MemoryDynamoDB
from tests.interleavings.memory_s3 import MemoryS3
from tests.interleavings.stepping import InTurn, SteppedCall
from tests.repository.fault_wire import Died
from tests.repository.linearizability import Operation, linearization

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.servers import PlaceArguments

PLACE: PlaceArguments = {
    "s3_bucket": "bucket",
    "s3_prefix": "artifacts",
    "dynamodb_table_name": "table",
    "suffix": ".bin",
}
NAME = "m"
UNREADABLE = "unreadable"
_NEVER = 2**60
Step = tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """What happens.

    Attributes:
        before: Calls that have happened one after the other; some died (see ``_BEFORE``).
        calls: For example ``("put", "A")``.
        schedule: (Which call, by how many requests it goes on); afterwards each goes on to its end, in order.
        dead: Calls that die when the schedule is over, if they have begun and not ended.
        lost: (Which call, which of its requests) has its answer lost.
        tick: By how many seconds S3's clock goes on with each object.
        forgets_tokens: Whether DynamoDB still knows a transaction that is sent again.
        backwards: In which order a call sends requests of which none waits for the other.
        in_parts: Whether content goes up, and is copied, as large content is.
    """

    before: tuple[Step, ...]
    calls: tuple[Step, ...]
    schedule: tuple[tuple[int, int], ...]
    dead: tuple[int, ...] = ()
    lost: tuple[int, int] | None = None
    tick: float = 0.0
    forgets_tokens: bool = False
    backwards: bool = False
    in_parts: bool = False


@dataclass(frozen=True)
class Head:
    """LATEST as a model: what readers see (None: nothing), and what a restoration would bring back."""

    seen: str | None = None
    kept: str | None = None


@dataclass
class Outcome:
    """What came of a trial; ``problems`` is empty when all is well."""

    problems: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    requests: list[list[str]] = field(default_factory=list)

    def __str__(self) -> str:
        """Tell everything, for a person."""
        return "\n".join(
            [*self.problems, " ".join(self.seen), *(f"{i}: {', '.join(sent)}" for i, sent in enumerate(self.requests))]
        )


class Laboratory:
    """S3 and DynamoDB in memory, in which trials are made, one at a time."""

    def __init__(self) -> None:
        self.s3, self.dynamodb = MemoryS3(), MemoryDynamoDB()
        self._reader = self._repository()

    @staticmethod
    @contextmanager
    def open() -> Iterator[Laboratory]:
        """Make one; meanwhile nothing in the code under test waits or begins threads."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(many, "ThreadPoolExecutor", InTurn)
            patched.setattr(uploads, "ThreadPoolExecutor", InTurn)
            patched.setattr(InTurn, "backwards", False)
            patched.setattr(latest, "_PATIENCE", 0)
            patched.setattr(Table, "pause", lambda _table, _attempt: None)
            # Of bytes that stand for mebibytes.
            for module, name, value in ((content, "PART", 1), (objects, "PART", 1), (objects, "COPIED_PART", 1)):
                patched.setattr(module, name, value)
            patched.setattr(uploads, "PARALLEL_FROM", _NEVER)
            patched.setattr(objects, "SINGLE_REQUEST_LIMIT", _NEVER)
            yield Laboratory()

    def _repository(self, wrapped: Callable[[Any], Any] = lambda client: client) -> Repository:
        return Repository(**PLACE, s3_client=wrapped(self.s3), dynamodb_client=wrapped(self.dynamodb))

    def read(self) -> str | None:
        """Return what LATEST is to a reader."""
        try:
            return self._reader.get_artifact_version(NAME).get_content()[:1].decode()
        except ArtifactNotFoundError:
            return None
        except VersionedError:  # it says that it cannot tell; it must not last
            return UNREADABLE

    def run(self, trial: Trial) -> Outcome:
        """Make a trial, and judge it."""
        self.s3.clear()
        self.dynamodb.clear()
        self.s3.clock.tick, self.dynamodb.forgets_tokens = trial.tick, trial.forgets_tokens
        InTurn.backwards = trial.backwards
        uploads.PARALLEL_FROM = 1 if trial.in_parts else _NEVER
        objects.SINGLE_REQUEST_LIMIT = 1 if trial.in_parts else _NEVER
        for step in trial.before:
            _BEFORE[step[0]](self._repository(), *step[1:])
        running = _Running(self, trial)
        running.go()
        outcome = Outcome(seen=running.seen, requests=[call.requests for call in running.calls])
        outcome.problems += running.problems()
        deaths = sum("died" in step[0] for step in trial.before) + len(trial.dead)
        outcome.problems += self._afterwards(may_be_reserved=deaths > 1)
        return outcome

    def stepped(self, step: Step, lost: int | None) -> SteppedCall:
        """Prepare a call."""

        def perform(wrapped: Callable[[Any], Any]) -> object:
            repository = self._repository(wrapped)
            repository._table.is_ours = True  # which is asked once in a repository's life
            return _CALLS[step[0]](repository, *step[1:])

        return SteppedCall(perform, lost)

    def _afterwards(self, *, may_be_reserved: bool) -> Iterator[str]:
        """Nothing is damaged that repair cannot mend, everything works, and a purge leaves nothing."""
        if self.read() == UNREADABLE:
            yield "LATEST stays unreadable"
        list(self._reader.repair(NAME, older_than_secs=0))
        self._reader.sweep_artifact(NAME, older_than_secs=0)
        harmless = {"stuck-claim", "unfinished-purge"}
        left = [found for found in self._reader.verify(NAME, older_than_secs=0) if found.problem.value not in harmless]
        if left:
            yield f"repair leaves {[(found.where, found.problem.value) for found in left]}"
        live = {found.s3uri.removeprefix("s3://bucket/") for found in self._reader.list_artifact_versions(NAME)}
        strays = {key for key in self.s3.stored() if not key.endswith("/LATEST.bin")} - live
        if strays:
            yield f"sweeping leaves {strays}"
        for step in (("put", "A"), ("put", "B"), ("publish", "C"), ("put", "A")):
            try:
                _CALLS[step[0]](self._repository(), *step[1:])
            except VersionedError as error:
                if may_be_reserved and _reserved(error):
                    continue
                yield f"afterwards, {step} fails: {error}"
                return
            if self.read() != step[1]:
                yield f"afterwards, {step} gives {self.read()}"
        self._repository().purge_artifact(NAME)
        if self.s3.stored() or self.read() is not None:
            yield f"a purge leaves {self.s3.stored()} and {self.read()}"


class _Running:
    def __init__(self, laboratory: Laboratory, trial: Trial) -> None:
        self._laboratory = laboratory
        self._trial = trial
        self._clock = itertools.count()
        self._starts: dict[int, int] = {}
        self._reads: list[Operation] = []
        self._ends: dict[int, int] = {}
        lost = trial.lost or (-1, 0)
        self.calls = [laboratory.stepped(step, lost[1] if i == lost[0] else None) for i, step in enumerate(trial.calls)]
        self.seen: list[str] = []
        self._look()

    def go(self) -> None:
        for i, count in self._trial.schedule:
            for _ in range(count):
                self._go_on(i)
        for i in self._trial.dead:
            if self.calls[i].began and not self.calls[i].ended:
                self.calls[i].die()
                self.seen.append(f"†{i}")
        for i, call in enumerate(self.calls):
            if i in self._trial.dead and not call.began:
                continue
            while not call.ended:
                self._go_on(i)
        self._look()

    def _go_on(self, i: int) -> None:
        call = self.calls[i]
        if call.ended:
            return
        if not call.began:
            self._starts[i] = next(self._clock)
            self.seen.append(f"+{i}")
            call.begin()
        if not call.ended:
            call.go_on()
        if call.ended:
            self._ends[i] = next(self._clock)
            self.seen.append(f"-{i}" if call.error is None else f"!{i}")
        self._look()

    def _look(self) -> None:
        read, now = self._laboratory.read(), next(self._clock)
        if read != UNREADABLE:
            self._reads.append(Operation("reader", now, now, "read", (), read or ""))
        if not self.seen or self.seen[-1] != f"[{read}]":
            self.seen.append(f"[{read}]")

    def problems(self) -> Iterator[str]:
        for i, call in enumerate(self.calls):
            if isinstance(call.error, Died) or (_reserved(call.error) and self._others_were_about(i)):
                continue
            if call.error is not None:
                yield f"call {i}, {self._trial.calls[i]}, failed: {call.error!r}"

        def told(step: Step, call: SteppedCall) -> object:
            return call.result if step[0] == "freeze" else None  # of the others only that they returned

        history = [
            Operation(f"call {i}", self._starts[i], self._end(i), self._kind(i), step[1:], told(step, call))
            for i, (step, call) in enumerate(zip(self._trial.calls, self.calls, strict=True))
            if call.began
        ]
        history += self._reads
        histories = [history]
        # Decision 001: after a purge, a put that is sent again is a first one again.
        if any(step[0] in PURGES for step in self._trial.calls):
            again = [replace(found, process=f"{found.process}, again") for found in history if found.kind == _LOST_PUT]
            histories.append([*history, *again])
        tried = itertools.product(histories, self._possible_heads())
        if all(linearization(calls, before, head_step) is None for calls, before in tried):
            yield "no order of the calls explains what was read"

    def _kind(self, i: int) -> str:
        kind, lost = self._trial.calls[i][0], self._trial.lost is not None and self._trial.lost[0] == i
        return _LOST_PUT if lost and kind == "put" else kind

    def _end(self, i: int) -> int | None:
        return self._ends.get(i) if self.calls[i].error is None else None

    def _others_were_about(self, i: int) -> bool:
        """Tell whether another call stood still in the middle while this one was made."""
        return any(
            j != i and call.began and self._starts[j] < self._ends[i] and self._ends.get(j, _NEVER) > self._starts[i]
            for j, call in enumerate(self.calls)
        )

    def _possible_heads(self) -> Iterator[Head]:
        seen = self._reads[0].answer or None
        contents = {step[1] for step in self._trial.before if len(step) > 1}
        for kept in [seen] if seen is not None else [None, *contents]:
            yield Head(seen, kept)


def _reserved(error: BaseException | None) -> bool:
    """Tell whether a write was refused because others may still replace exactly its bytes."""
    return isinstance(error, ConflictError) and "may still replace exactly these bytes" in error.message


# What was published by the same key is not published again; a put that is sent again and refused does not know whether
# it was LATEST in between.
_LOST_PUT = "put, answer lost"
_PERHAPS = {"publish with a key", _LOST_PUT}
PURGES = {"purge", "purge all"}
_WRITES = {"put", "publish", *_PERHAPS}


def head_step(head: Head, operation: Operation) -> Sequence[Head]:
    """Say what a call may do to LATEST, and what a reader may see."""
    if operation.kind in {"read", "freeze"}:
        seen = head.seen or ""
        if operation.kind == "freeze" and seen:
            seen = hashlib.sha256(_content(seen)).hexdigest()
        return [head] if operation.answer in {seen, None} else []
    if operation.kind in _WRITES:
        written = Head(operation.arguments[0], operation.arguments[0])
        return [written, head] if operation.kind in _PERHAPS else [written]
    if operation.kind == "delete":
        return [replace(head, seen=None)]
    if operation.kind == "restore":
        return [Head(head.kept, head.kept)]
    assert operation.kind in PURGES
    return [Head()]


def _content(letter: str) -> bytes:
    """Return a content that goes up in up to so many parts."""
    return letter.encode() * 4


def _restore(repository: Repository) -> None:
    try:
        repository.restore_artifact_version(NAME, "LATEST")
    except ArtifactNotFoundError:
        return  # there is nothing to restore


def _freeze(repository: Repository) -> str:
    """Publish what LATEST is; return the digest of what has been published."""
    try:
        return str(repository.publish_artifact_version(NAME).sha256)
    except ArtifactNotFoundError:
        return ""


_CALLS: dict[str, Callable[..., object]] = {
    "freeze": _freeze,
    "publish with a key": lambda repository, letter: repository.publish_artifact_version(
        NAME, content=_content(letter), idempotency_key="key"
    ),
    "put": lambda repository, letter: repository.put_artifact(NAME, _content(letter)),
    "publish": lambda repository, letter: repository.publish_artifact_version(NAME, content=_content(letter)),
    "delete": lambda repository: repository.delete_artifact_version(NAME, "LATEST"),
    "restore": _restore,
    "purge": lambda repository: repository.purge_artifact(NAME),
    "purge all": lambda repository: repository.purge_all(),
}


def _dying(part: type, step: str, call: str) -> Callable[[Repository, str], None]:
    def die(*_arguments: object, **_keywords: object) -> None:
        raise Died

    def perform(repository: Repository, letter: str) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(part, step, die)
            with pytest.raises(Died):
                _CALLS[call](repository, letter)

    return perform


_BEFORE: dict[str, Callable[..., object]] = {
    **_CALLS,
    "put that died before the object": _dying(Objects, "put_latest", "put"),
    "put that died after the object": _dying(_Putting, "_commit", "put"),
    "publish that died before the copy": _dying(Objects, "copy", "publish"),
}
