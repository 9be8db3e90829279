"""Drives two repositories at one place beside a plain model; see :mod:`tests.repository.plain_model`.

Each step is one call, in one of these weathers: calm; a fault that must not be noticed; death at the k-th request; or
another repository's whole call right before the k-th request. After it, what a reader sees must be what the model says.
Where the model leaves a choice (whole effect or none, this one first or that one), every state that agrees with what
was seen is kept as a candidate, and the next steps decide between them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository import (
    Alias,
    Artifact,
    PurgeResult,
    Repository,
    StorageError,
    VersionedError,
)
from tests.repository.fault_wire import Died, Wire
from tests.repository.invariants import Ledger, check_mentions, rows_of, targets_of, visible
from tests.repository.plain_model import ImpossibleError, Model
from tests.repository.shelf import Shelf, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_versioned.repository import PurgePlan
    from tests.servers import Aws, PlaceArguments

PUBLISH = "publish_artifact_version"
# These go in steps that a reader may see, or that make a difference later.
NOT_ATOMIC = {"purge_artifact", "free_artifact_versions"}
CURRENT, FIRST = "current", "first"  # revisions to demand: as it is now, and as it was at its first change


@dataclass(frozen=True)
class Call:
    """One call of a method, with the arguments that the model takes too."""

    method: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Write it as Python."""
        return f"{self.method}({', '.join(f'{key}={value!r}' for key, value in self.arguments.items())})"


@dataclass(frozen=True)
class Weather:
    """What happens during a call.

    Attributes:
        fault: One of :mod:`tests.repository.fault_wire`; None: nothing.
        at: At which request.
        other: A call of the other repository that happens right before that request.
    """

    fault: Callable[..., Any] | None = None
    at: int = 0
    other: Call | None = None

    def __repr__(self) -> str:
        """Say it in words."""
        if self.other is not None:
            return f"during({self.other!r}, at={self.at})"
        return f"{self.fault.__name__}({self.at})" if self.fault else "CALM"


CALM = Weather()
_AGES = {
    "purge_artifact_versions": "purge_older_than_secs",
    "free_artifact_versions": "grace_secs",
    "sweep_artifact": "older_than_secs",
}
DEAD = "died"
RESERVED = "reserved"  # refused, because others who died may still replace exactly these bytes (docs/decisions/009)


@dataclass
class Tally:
    """What was done, for the report.

    Attributes:
        faults: Faults that really happened: a call may end before its k-th request.
    """

    calls: int = 0
    requests: int = 0
    faults: int = 0
    interleaved: int = 0
    examples: int = 0


@dataclass(frozen=True)
class Saved:
    """An artifact as it lies in table and bucket, and what a driver knows of it."""

    name: str
    stored: Stored
    model: Model
    histories: dict[str, list[tuple[object, ...]]]
    read: dict[tuple[Any, ...], bytes]


@dataclass
class Start:
    """The calls that an artifact has behind it; they are made once, and each example finds what they left."""

    calls: Sequence[Call] = ()
    saved: Saved | None = None


class Worker:
    """One repository with clients, and so a wire, of its own."""

    def __init__(self, aws: Aws, place: PlaceArguments) -> None:
        self.wire = Wire()
        clients = aws.new_s3(), aws.new_dynamodb()
        self.wire.join(*clients)
        self.repository = Repository(**place, s3_client=clients[0], dynamodb_client=clients[1])
        self.repository.list_aliases("warm-up")

    def perform(self, name: str, call: Call) -> Any:
        """Carry out a call; return its answer in the model's terms, or the class of its error."""
        return self.answer(self.repository, name, call)

    @staticmethod
    def answer(repository: Repository, name: str, call: Call) -> Any:
        """Do so on any repository."""
        method = getattr(repository, call.method)
        try:
            return _plain(method(**call.arguments) if "plan" in call.arguments else method(name, **call.arguments))
        except StorageError:
            raise  # no fault that the model knows of ends so
        except VersionedError as error:
            return RESERVED if "may still replace exactly these bytes" in error.message else type(error)


def _plain(answer: Any) -> Any:
    if isinstance(answer, Artifact):
        return answer.version, answer.sha256  # its content is read afterwards, on a sound wire
    if isinstance(answer, Alias):
        return answer.version, answer.secondary_version, answer.secondary_version_weight
    if isinstance(answer, tuple):  # of purge_artifact_versions
        return [artifact.version for artifact in answer[1]]
    return [artifact.version for artifact in answer.purged] if isinstance(answer, PurgeResult) else None


class Driver:
    """Carries out calls on two workers, and says what the model makes of them."""

    _names = itertools.count()

    def __init__(self, workers: tuple[Worker, Worker], sound: Repository, aws: Aws, tally: Tally) -> None:
        self.workers, self.sound, self.aws, self.tally = workers, sound, aws, tally
        self.name = f"m{next(self._names)}"
        self.candidates = [Model()]
        self.plan: PurgePlan | None = None
        self._deaths = 0
        self._ledger, self._shelf = Ledger(), Shelf(sound, aws)
        self._read: dict[tuple[Any, ...], bytes] = {}
        self._histories: dict[str, list[tuple[object, ...]]] = {"prod": [], "next": []}
        tally.examples += 1

    def step(self, call: Call, who: int, weather: Weather) -> None:
        """Carry out a call and compare.

        Raises:
            AssertionError: No model agrees with what was seen.
        """
        first, second = self._bound(call), self._bound(weather.other) if weather.other else None
        answer, other = self._perform(first, who, weather, second)
        if answer == DEAD and call.method in NOT_ATOMIC:
            answer = self.workers[who].perform(self.name, first[0])
        seen = self._seen([call, weather.other])
        before = self.candidates
        self._deaths += answer == DEAD
        if RESERVED in (answer, other):
            assert self._deaths + (second is not None) > 1, "a content has two ETags"
            # It did nothing; the model knows calls that died, and may have done nothing.
            first, answer = (second, other) if answer == RESERVED and second is not None else (first, answer)
            answer, second = DEAD if answer == RESERVED else answer, None
        self.candidates = self._agreeing(first[1], answer, second[1] if second else None, other, seen)
        assert self.candidates, self._disagreement(call, weather, answer, other, seen, before)

    def prepare(self, start: Start) -> None:
        """Begin with the calls of a start done already, by somebody else."""
        if start.saved is not None:
            self._put_back(start.saved)
            return
        for call in start.calls:
            Worker.answer(self.sound, self.name, call)
            number = str(len(self.candidates[0].given) + 1)
            arguments = {"number": number, **call.arguments} if call.method == PUBLISH else call.arguments
            getattr(self.candidates[0], call.method)(**arguments)
        if start.calls:
            self._seen(start.calls)
            model, histories, read = self.candidates[0].copy(), dict(self._histories), dict(self._read)
            start.saved = Saved(self.name, self._shelf.take(), model, histories, read)

    def _put_back(self, saved: Saved) -> None:
        self.name, self.candidates = saved.name, [saved.model.copy()]
        self._histories, self._read = dict(saved.histories), dict(saved.read)
        self._shelf.put_back(saved.stored)

    def plan_purge(self, who: int, keep_last_n: int) -> None:
        """Make a plan, for a later step to apply."""
        self.plan = self.workers[who].repository.plan_purge(self.name, keep_last_n, 0)
        planned = [decision.version for decision in self.plan.to_purge]
        # What died may or may not have protected a version, which nothing but a plan shows.
        self.candidates = [model for model in self.candidates if model.plan_purge(keep_last_n) == planned]
        assert self.candidates, f"the plan {planned} follows from no model"

    def wrong(self, who: int, error: type[VersionedError], call: Callable[[Repository, str], object]) -> None:
        """Make a call that is wrong in itself: it must be refused as that very class, before anything is sent."""
        worker = self.workers[who]
        worker.wire.sent = 0
        refusal = None
        try:
            call(worker.repository, self.name)
        except VersionedError as caught:
            refusal = caught
        assert type(refusal) is error
        assert worker.wire.sent == 0
        self.tally.calls += 1

    def check(self) -> None:
        """Check all invariants, and everything against the model once more."""
        seen = visible(self.sound, self.name)
        assert any(model.visible() == seen for model in self.candidates)
        self._ledger.check(self.sound, self.aws.dynamodb, self.name)

    def _seen(self, calls: Sequence[Call | None]) -> dict[str, Any]:
        """Return what a reader sees, and check the marks on versions.

        Content that was read before under the same ETag, and histories of aliases that no call named, are not read
        again until the end.
        """
        contents = {}
        for artifact in self.sound.list_artifact_versions(self.name):
            key = (artifact.version, artifact.etag, artifact.sha256, artifact.s3uri)
            if key not in self._read:
                self._read[key] = artifact.get_content()
            contents[artifact.version] = self._read[key]
        aliases = self.sound.list_aliases(self.name)
        check_mentions(self.sound, self.aws.dynamodb, self.name, aliases)
        for alias in self._histories:
            if any(call and call.arguments.get("alias", alias) == alias for call in calls):
                self._histories[alias] = rows_of(self.sound, self.name, alias)
        targets = {alias.alias: targets_of(alias) for alias in aliases}
        return {"versions": contents, "aliases": targets, "history": dict(self._histories)}

    def forget(self) -> None:
        """Remove the artifact past the code under test: moto copies its whole table at each transaction."""
        self._shelf.clear()

    # -- the real thing ------------------------------------------------------------------------------------------------

    def _bound(self, call: Call) -> tuple[Call, Call]:
        """Return a call as the repository takes it, and as the model does: revisions and plans differ."""
        real, model = dict(call.arguments), dict(call.arguments)
        if "if_revision" in real:
            rows = list(self.sound.list_alias_history(self.name, real["alias"]))
            row = (rows[0] if real["if_revision"] == CURRENT else rows[-1]) if rows else None
            real["if_revision"] = row.revision if row else "none-such"
            del model["if_revision"]
            model["if_sequence"] = row.sequence if row else 0
        if "weight" in real:
            real["secondary_version_weight"] = real.pop("weight")
        if call.method in _AGES:
            real[_AGES[call.method]] = 0
        if call.method == "apply_purge":
            real = {"plan": self.plan}
        return Call(call.method, real), Call(call.method, model)

    def _perform(
        self, first: tuple[Call, Call], who: int, weather: Weather, second: tuple[Call, Call] | None
    ) -> tuple[Any, Any]:
        worker, answers = self.workers[who], []
        wire, fault = worker.wire, weather.fault
        if second is not None:

            def interrupt(request: Any, send: Any) -> Any:
                answers.append(self.workers[1 - who].perform(self.name, second[0]))
                return send(request)

            fault = interrupt
        wire.sent, wire.at, wire.fault = 0, weather.at, fault
        try:
            answer = worker.perform(self.name, first[0])
        except Died:
            answer = DEAD
        finally:
            wire.fault = None
        self._count(wire, weather, second)
        if second is not None and not answers:
            answers.append(self.workers[1 - who].perform(self.name, second[0]))
        return answer, answers[0] if answers else None

    def _count(self, wire: Wire, weather: Weather, second: object) -> None:
        happened = 0 < weather.at <= wire.sent
        self.tally.calls += 1 + (second is not None)
        self.tally.requests += wire.sent
        self.tally.faults += happened and weather.fault is not None
        self.tally.interleaved += happened and second is not None

    # -- the model -----------------------------------------------------------------------------------------------------

    def _agreeing(
        self, call: Call, answer: Any, other: Call | None, other_answer: Any, seen: dict[str, Any]
    ) -> list[Model]:
        agreeing: list[Model] = []
        for candidate in self.candidates:
            for model in _outcomes(candidate, call, answer, other, other_answer, seen):
                if model.visible() == seen and model not in agreeing:
                    agreeing.append(model)
        return agreeing

    def _disagreement(self, *facts: Any) -> str:
        call, weather, answer, other, seen, before = facts
        return (
            f"{call!r} in weather {weather!r} gave {answer!r} (the other: {other!r}) and left\n  {seen}\n"
            "which is nothing that follows from\n  " + "\n  ".join(str(model.visible()) for model in before)
        )


def _outcomes(
    model: Model, call: Call, answer: Any, other: Call | None, other_answer: Any, seen: dict[str, Any]
) -> Iterator[Model]:
    """Return the states that a model may be in after a call, and perhaps another, gave these answers."""
    if other is None:
        if answer == DEAD:
            yield model
        yield from _apply(model, call, answer, seen)
        return
    for after in _apply(model, call, answer, seen):
        for both in _apply(after, other, other_answer, seen):
            yield both
            yield from _late_copy(call, both)
    for after in _apply(model, other, other_answer, seen):
        yield from _apply(after, call, answer, seen)
        yield from _in_steps(model, call, answer, other, after, seen)


def _late_copy(call: Call, both: Model) -> Iterator[Model]:
    """Return what is left when a publisher brings LATEST in line late, over what another has put there since.

    It does so on a condition, which moto and MiniStack ignore.
    """
    if call.method == PUBLISH and "content" in call.arguments and "LATEST" in both.contents:
        late = both.copy()
        late.contents["LATEST"].content = call.arguments["content"]
        yield late


def _in_steps(
    before: Model, call: Call, answer: Any, other: Call, after: Model, seen: dict[str, Any]
) -> Iterator[Model]:
    """Return what else may come of two calls of which one goes in steps and says so."""
    if call.method == PUBLISH and "content" in call.arguments and other.method == "purge_artifact":
        # A publish that saw its bytes in LATEST, which was destroyed then, does not bring LATEST back.
        for published in _apply(after, call, answer, seen):
            published.contents.pop("LATEST", None)
            yield published
    if call.method == "purge_artifact_versions":
        # Looks at each version by itself, so what another moves meanwhile may keep both the old target and the new.
        planned = {*before.copy().plan_purge(**call.arguments), *after.copy().plan_purge(**call.arguments)}
        if set(answer) <= planned:
            yield from _apply(after, Call("hide", {"versions": answer}), answer, seen)


def _apply(model: Model, call: Call, answer: Any, seen: dict[str, Any]) -> Iterator[Model]:
    """Return the models after a call, if it may give that answer."""
    for number in _numbers(model, call, answer, seen):
        after = model.copy()
        try:
            arguments = {"number": number, **call.arguments} if call.method == PUBLISH else call.arguments
            expected = getattr(after, call.method)(**arguments)
        except ImpossibleError:
            continue
        except VersionedError as error:
            expected = type(error)
        if answer in (DEAD, expected):
            yield after


def _numbers(model: Model, call: Call, answer: Any, seen: dict[str, Any]) -> list[str | None]:
    """Return the numbers that a publisher may have been given: the one in its answer, or any that is new to be seen."""
    if call.method != PUBLISH or isinstance(answer, type):
        return [None]
    if answer != DEAD:
        return [answer[0]]
    fresh = [version for version in seen["versions"] if version != "LATEST" and int(version) not in model.given]
    return [*fresh, None]
