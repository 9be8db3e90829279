"""Several checks as one: a rollout goes on when all of them say success."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import determine_kwargs

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.judges import worst
from airflow_provider_versioned.rollout.verdict import Judgement, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.rollout.verdict import CanaryStep


def all_of(*checks: Callable[..., Any]) -> AllOf:
    """Return a check that asks several: ``check=all_of(OutcomeJudge(), CloudWatchAlarmJudge(["errors"]), is_healthy)``.

    The worst verdict counts: failure, then error, inconclusive, success. All are asked, each with the arguments that it
    names; one that raises says error. The detail holds what each of them said.

    Raises:
        InvalidInputError: There is none, or one is no callable.
    """
    if not checks or not all(callable(check) and not hasattr(check, "override") for check in checks):
        raise InvalidInputError(
            f"all_of needs one or more callables, which a function decorated with @task is not, got {checks!r}."
        )
    return AllOf(checks)


@dataclass(frozen=True)
class AllOf:
    """What :func:`all_of` returns."""

    checks: tuple[Callable[..., Any], ...]

    def __call__(self, step: CanaryStep, **context: Any) -> Judgement:
        """Ask all of them."""
        return worst([(_name(check), _ask(check, step, context)) for check in self.checks])


def _ask(check: Callable[..., Any], step: CanaryStep, context: dict[str, Any]) -> Judgement:
    try:
        return judge(check(step, **determine_kwargs(check, [step], context)))
    except Exception as error:  # noqa: BLE001 -- a failure that another check finds must count, whatever this one raises
        said = f"{type(error).__name__}: {error}"
        return Judgement(Verdict.ERROR, {"error": said}, f"{_name(check)} raised {said}")


def _name(check: Callable[..., Any]) -> str:
    return str(getattr(check, "__name__", type(check).__name__))
