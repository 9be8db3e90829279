"""What the demo has seen, as plain values: the input of the timeline and of the verification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_versioned.repository.model import Alias, AliasChange, Artifact


@dataclass(frozen=True)
class Check:
    """What the check of one step measured, and its verdict."""

    weight: int
    stable: str
    canary: str
    stable_accuracy: float
    canary_accuracy: float
    stable_requests: int
    canary_requests: int
    verdict: str

    @classmethod
    def from_xcoms(cls, step: Mapping[str, Any], judgement: Mapping[str, Any]) -> Check:
        """Join what the step's shift returned and what its check said."""
        detail = judgement["detail"]
        return cls(
            weight=step["weight"],
            stable=step["stable"],
            canary=step["canary"],
            stable_accuracy=detail["stable_accuracy"],
            canary_accuracy=detail["canary_accuracy"],
            stable_requests=detail["stable_requests"],
            canary_requests=detail["canary_requests"],
            verdict=judgement["verdict"],
        )


@dataclass(frozen=True)
class Consumed:
    """What the consumer downloaded after its wait.

    Attributes:
        met_version: The alias's version when the wait ended.
        met_canary: The alias's canary at that moment.
    """

    version: str
    sha256: str
    met_version: str
    met_canary: str | None


@dataclass(frozen=True)
class Retained:
    """What retention's plan says of one version."""

    name: str
    version: str
    purge: bool
    reason: str

    @classmethod
    def from_xcom(cls, plan: Mapping[str, Any]) -> list[Retained]:
        """Read what a dry run of PurgeVersionsOperator returned; newest version first."""
        lists = ((True, plan["purged_versions"]), (False, plan["kept_versions"]))
        entries = [cls(**entry, purge=purge) for purge, listed in lists for entry in listed]
        return sorted(entries, key=lambda entry: (entry.name, -int(entry.version)))


@dataclass(frozen=True)
class Facts:
    """The outcome of all runs, with the state of the repository at the end.

    Attributes:
        run_states: Dag id -> state of its run.
        artifacts: The live versions, newest first.
        history: The changes of the alias, oldest first.
        damaged: Versions whose downloaded bytes do not hash to their sha256.
    """

    run_states: Mapping[str, str]
    artifacts: tuple[Artifact, ...]
    damaged: tuple[str, ...]
    alias: Alias
    history: tuple[AliasChange, ...]
    checks: tuple[Check, ...]
    consumed: Consumed | None
    plan: tuple[Retained, ...]
