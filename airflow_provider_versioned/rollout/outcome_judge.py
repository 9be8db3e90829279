"""The built-in check of a rollout: judges the outcomes that consumers report of the canary and the stable version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.judges import DryRun, SampleRatio, SequentialTest, combined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_versioned.hooks import VersionedRepositoryHook
    from airflow_provider_versioned.repository.judges import Judge
    from airflow_provider_versioned.repository.verdict import Judgement
    from airflow_provider_versioned.rollout.verdict import CanaryStep


@dataclass(frozen=True)
class OutcomeJudge:
    """A check for :func:`staged_promotion`: ``check=OutcomeJudge()``.

    Judges what was reported under the running rollout since it began, at all its weights; a rollout that is begun anew
    is judged anew. See docs/judging.md for how consumers report and what each judge says.

    Args:
        judges: The worst verdict of them counts.
        dry_run: Report what they would have said, and let every step go on.
    """

    judges: Sequence[Judge] = field(default_factory=lambda: (SampleRatio(), SequentialTest()))
    dry_run: bool = False

    def __call__(self, step: CanaryStep, hook: VersionedRepositoryHook) -> Judgement:
        """Look at the outcomes, and judge."""
        evidence = hook.repository.look_at_outcomes(
            *(step.name, step.alias),
            stable=step.stable,
            canary=step.canary,
            rollout=step.rollout,
            weight=step.weight,
            attempt=step.attempt,
        )
        judges = [DryRun(judge) for judge in self.judges] if self.dry_run else self.judges
        return combined(judges, evidence)
