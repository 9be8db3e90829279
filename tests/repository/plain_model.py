"""What a repository should be, as plain dictionaries: no request, no crash, no race, one call after the other.

The state machine drives this beside the real thing. It was written from the documentation, not from the code: where the
two differ, one of them is wrong. Contents are compared by sha256. The model cannot know which number a publisher gets
(a publisher who died may have taken one), so the number comes in and is only judged.
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository import (
    AliasNotFoundError,
    ArtifactNotFoundError,
    ConflictError,
    InUseError,
    InvalidInputError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

LATEST = "LATEST"
Targets = tuple[str, str | None, int | None]
Row = tuple[str, str | None, str | None, int | None]  # action and targets, as `invariants.visible` shows them


def digest(content: bytes) -> str:
    """Return the sha256 of content."""
    return hashlib.sha256(content).hexdigest()


class ImpossibleError(Exception):
    """No repository that keeps its promises gives this number."""


@dataclass
class Content:
    """The bytes of a version, or of LATEST.

    Attributes:
        writes: Counts what makes a purge plan out of date: restored, protected, no longer protected.
    """

    content: bytes
    live: bool = True
    protected: bool = False
    writes: int = 0


@dataclass
class ModelAlias:
    """An alias, with everything it ever was.

    Attributes:
        rows: Its history, oldest first; survives deletion.
        undo: The states that a rollback can lead back to, the current one last; None: deleted.
    """

    targets: Targets | None = None
    rows: list[Row] = field(default_factory=list)
    undo: list[Targets | None] = field(default_factory=list)

    @property
    def sequence(self) -> int:
        """Number of the last change; 0 while there is no alias."""
        return len(self.rows) if self.targets else 0

    def become(self, action: str, targets: Targets | None) -> None:
        """Change, as a new state."""
        self.targets = targets
        self.rows.append((action, *(targets or (None, None, None))))
        self.undo.append(targets)

    def go_back(self, depth: int) -> None:
        """Change to a state of the past; what was after it is forgotten by rollbacks."""
        del self.undo[depth + 1 :]
        self.targets = self.undo[depth]
        self.rows.append(("rollback", *(self.targets or (None, None, None))))


@dataclass
class Model:
    """One artifact. Methods have the names and arguments of the repository's, and raise the same classes.

    Attributes:
        given: Every number that was ever seen or returned.
        plan: Versions that the last plan would remove, with their writes at that time.
    """

    contents: dict[str, Content] = field(default_factory=dict)
    aliases: dict[str, ModelAlias] = field(default_factory=dict)
    given: set[int] = field(default_factory=set)
    published: dict[tuple[str, bytes], str] = field(default_factory=dict)
    requests: set[tuple[str, str]] = field(default_factory=set)
    plan: dict[str, int] = field(default_factory=dict)

    def copy(self) -> Model:
        """Return another model in the same state."""
        return copy.deepcopy(self)

    def visible(self) -> dict[str, Any]:
        """Return what a reader sees, as :func:`tests.repository.invariants.visible` does."""
        return {
            "versions": {version: stored.content for version, stored in self.contents.items() if stored.live},
            "aliases": {name: alias.targets for name, alias in self.aliases.items() if alias.targets},
            "history": {name: self._alias(name).rows[::-1] for name in ("prod", "next")},
        }

    def _alias(self, alias: str) -> ModelAlias:
        return self.aliases.get(alias) or ModelAlias()

    def _live(self, version: str) -> Content:
        stored = self.contents.get(version)
        if stored is None or not stored.live:
            raise ArtifactNotFoundError(version)
        return stored

    def _numbers(self) -> list[str]:
        """The live numbers, newest first."""
        live = (version for version, stored in self.contents.items() if stored.live and version != LATEST)
        return sorted(live, key=int, reverse=True)

    def _kept(self, version: str) -> bool:
        """Whether an alias or protection keeps a live version."""
        pointing = any(alias.targets and version in alias.targets[:2] for alias in self.aliases.values())
        return pointing or self.contents[version].protected

    # -- content -----------------------------------------------------------------------------------------------------

    def get_artifact_version(self, version: str = LATEST) -> tuple[str, str]:
        return version, digest(self._live(version).content)

    def put_artifact(self, content: bytes) -> tuple[str, str]:
        self.contents[LATEST] = Content(content)
        return LATEST, digest(content)

    def publish_artifact_version(
        self,
        number: str | None,
        content: bytes | None = None,
        idempotency_key: str | None = None,
        *,
        if_changed: bool = False,
    ) -> tuple[str, str]:
        stored = self._live(LATEST).content if content is None else content
        known = self.published.get((idempotency_key, stored)) if idempotency_key else None
        if known and known in self.contents and self.contents[known].live:
            return known, digest(stored)
        newest = next(iter(self._numbers()), None)
        if if_changed and newest and self.contents[newest].content == stored:
            number = newest
        else:
            self._give(number)
            self.contents[str(number)] = Content(stored)
            if content is not None:
                self.contents[LATEST] = Content(content)
        if idempotency_key:
            self.published[idempotency_key, stored] = str(number)
        return str(number), digest(stored)

    def _give(self, number: str | None) -> None:
        if number is None or int(number) in self.given:
            raise ImpossibleError(number)
        self.given.add(int(number))

    def delete_artifact_version(self, version: str = LATEST) -> None:
        stored = self.contents.get(version)
        if stored is None or not stored.live:
            return
        if self._kept(version):
            raise InUseError(version)
        stored.live = False

    def restore_artifact_version(self, version: str = LATEST) -> tuple[str, str]:
        if version not in self.contents:
            raise ArtifactNotFoundError(version)
        self.contents[version].writes += not self.contents[version].live
        self.contents[version].live = True
        return version, digest(self.contents[version].content)

    # -- aliases -----------------------------------------------------------------------------------------------------

    def get_alias(self, alias: str) -> Targets:
        return self._there(alias)

    def put_alias(
        self,
        alias: str,
        version: str,
        secondary_version: str | None = None,
        weight: int | None = None,
        if_sequence: int | None = None,
        idempotency_key: str | None = None,
    ) -> Targets:
        if (alias, idempotency_key) in self.requests:
            return self._there(alias)
        found, targets = self._alias(alias), (version, secondary_version, weight)
        self._demand(found, if_sequence)
        self._demand_live(targets)
        found = self.aliases.setdefault(alias, found)
        if found.targets != targets:
            found.become("put", targets)
        self._land(alias, idempotency_key)
        return targets

    def rollback_alias(
        self,
        alias: str,
        to_version: str | None = None,
        if_sequence: int | None = None,
        idempotency_key: str | None = None,
    ) -> Targets:
        current = self._there(alias)
        if (alias, idempotency_key) in self.requests:
            return current
        found = self._alias(alias)
        self._demand(found, if_sequence)
        depth = None if to_version else self._depth(found, current)
        past = found.undo[depth] if depth is not None else None
        if past is None and to_version is None and current[1] is None:
            raise InvalidInputError(alias)
        targets = past or (to_version or current[0], None, None)
        self._demand_live(targets)
        if depth is not None:
            found.go_back(depth)
        elif targets != current:
            found.become("rollback", targets)
        self._land(alias, idempotency_key)
        return targets

    @staticmethod
    def _depth(found: ModelAlias, current: Targets) -> int | None:
        """Find how far a rollback goes: the last settled state that differs; with a canary on, the last settled one."""
        for depth in range(len(found.undo) - 2, -1, -1):
            past = found.undo[depth]
            if past is not None and past[1] is None and (current[1] is not None or past[0] != current[0]):
                return depth
        return None

    def delete_alias(self, alias: str, if_sequence: int | None = None) -> None:
        found = self._alias(alias)
        if found.targets is None:
            return
        self._demand(found, if_sequence)
        found.become("delete", None)

    def _there(self, alias: str) -> Targets:
        targets = self._alias(alias).targets
        if targets is None:
            raise AliasNotFoundError(alias)
        return targets

    @staticmethod
    def _demand(found: ModelAlias, if_sequence: int | None) -> None:
        if if_sequence is not None and (found.targets is None or found.sequence != if_sequence):
            raise ConflictError(str(if_sequence))

    def _demand_live(self, targets: Targets) -> None:
        for version in targets[:2]:
            if version is not None:
                self._live(version)

    def _land(self, alias: str, idempotency_key: str | None) -> None:
        if idempotency_key:
            self.requests.add((alias, idempotency_key))

    # -- retention ---------------------------------------------------------------------------------------------------

    def protect(self, version: str) -> tuple[str, str]:
        self._set_protected(self._live(_number(version)), protected=True, always=True)
        return self.get_artifact_version(version)

    def unprotect(self, version: str) -> None:
        if _number(version) in self.contents:
            self._set_protected(self.contents[version], protected=False)

    @staticmethod
    def _set_protected(stored: Content, *, protected: bool, always: bool = False) -> None:
        stored.writes += always or stored.protected != protected
        stored.protected = protected

    def plan_purge(self, keep_last_n: int) -> list[str]:
        planned = [version for version in self._numbers()[keep_last_n:] if not self._kept(version)]
        self.plan = {version: self.contents[version].writes for version in planned}
        return planned

    def apply_purge(self) -> list[str]:
        there = {version: self.contents[version] for version in self.plan if version in self.contents}
        return self.hide([version for version, stored in there.items() if stored.writes == self.plan[version]])

    def purge_artifact_versions(self, keep_last_n: int) -> list[str]:
        return self.hide([version for version in self._numbers()[keep_last_n:] if not self._kept(version)])

    def hide(self, versions: Iterable[str]) -> list[str]:
        """Remove by rule: what is live and nothing keeps."""
        there = [version for version in versions if version in self.contents]
        hidden = [version for version in there if self.contents[version].live and not self._kept(version)]
        for version in hidden:
            self.contents[version].live = False
        return hidden

    def free_artifact_versions(self) -> None:
        for version in [version for version, stored in self.contents.items() if not stored.live and version != LATEST]:
            del self.contents[version]

    def sweep_artifact(self) -> None:
        """Remove nothing that anybody can see."""

    def purge_artifact(self) -> None:
        if any(stored.live and stored.protected for stored in self.contents.values()):
            raise InUseError(LATEST)
        for alias in self.aliases.values():
            if alias.targets:
                alias.become("delete", None)
        self.contents.clear()


def _number(version: str) -> str:
    if version == LATEST:
        raise InvalidInputError(version)
    return version
