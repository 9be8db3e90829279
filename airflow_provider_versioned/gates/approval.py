"""A gate before a move of an alias: a person sees what is asked for and what speaks for it, and approves or rejects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator

from airflow_provider_versioned.gates.answer import Answer
from airflow_provider_versioned.gates.plan import Facts, Plan, describe
from airflow_provider_versioned.gates.question import QuestionOperator
from airflow_provider_versioned.repository.errors import (
    AliasNotFoundError,
    ArtifactNotFoundError,
    InvalidInputError,
    NotFoundError,
)
from airflow_provider_versioned.task.base import no_vain_retry
from airflow_provider_versioned.task.fields import parse_optional_int, parse_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Artifact

ASKED_KEY = "asked"  # XCom that keeps what was asked, for when the answer comes


class ApprovePromotionOperator(QuestionOperator, ApprovalOperator):
    """Asks a person whether an alias may be moved: options Approve and Reject.

    The question shows where the alias is and where it would be, the versions with their SHA-256, size and publisher,
    the last judgement of a running rollout, and what was reported of the alias's use. If the alias is there already,
    nobody is asked.

    Returns the approval for :class:`PromoteAliasOperator`: ``approved_by``, ``approved_at``, ``comment``, and what was
    approved: ``name``, ``alias``, ``version``, ``secondary_version``, ``secondary_version_weight`` and the alias's
    ``revision``. A promotion with it refuses to move anything else, or an alias that has been moved since.

    Args:
        version: The version to promote; templated.
        weight: Whole percent that the version shall get beside the one that the alias has; None: all.
        on_reject: ``"fail"``: the task fails, for good. ``"skip"``: it succeeds, and the tasks after it are skipped.
        kwargs: Those of :class:`~airflow_provider_versioned.gates.question.QuestionOperator`. When
            ``response_timeout`` is over, nobody has approved: that is a rejection.
    """

    template_fields: Sequence[str] = (*QuestionOperator.template_fields, "version", "weight")

    def __init__(
        self,
        *,
        version: int | str,
        weight: int | str | None = None,
        on_reject: Literal["fail", "skip"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(defaults=ApprovalOperator.REJECT, **kwargs)
        self.version = version
        self.weight = weight
        self.on_reject = on_reject

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, unless there is nothing to move."""
        with no_vain_retry():
            if self.on_reject not in {"fail", "skip"}:
                raise InvalidInputError(f"on_reject must be 'fail' or 'skip', got {self.on_reject!r}.")
            plan = self._plan()
            if not plan.moves:
                return self._nothing_to_ask(plan)
            rollout, facts = self._facts(plan)
        context["ti"].xcom_push(key=ASKED_KEY, value=plan.to_dict())
        return self.ask(context, f"Promote {plan}?", describe(plan, facts), rollout)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Act on the answer."""
        if "ended" in event:
            return self._rollout_ended(event["ended"])
        answer = Answer.of(HITLOperator.execute_complete(self, context, event))
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        asked = ti.xcom_pull(task_ids=ti.task_id, key=ASKED_KEY, map_indexes=map_index)
        result = {"approved": answer.option == self.APPROVE, **answer.approval, **asked}
        self.log.info("%s.", answer)
        if not result["approved"] and self.on_reject == "fail":
            raise AirflowFailException(f"Version {asked['version']} was not approved: {answer}.")
        if not result["approved"]:
            super().execute_complete(context, event)  # skips what comes after
        return result

    def _plan(self) -> Plan:
        version, weight = parse_version("version", self.version), parse_optional_int("weight", self.weight)
        now = self.hook.find_alias(self.name, self.alias)
        if weight is None:
            return Plan(self.name, self.alias, now, version)
        if now is None:
            raise AliasNotFoundError(
                f"Artifact {self.name!r} has no alias {self.alias!r} of which version {version} could get {weight} %; "
                "create the alias with PromoteAliasOperator.",
                name=self.name,
                alias=self.alias,
            )
        return Plan(self.name, self.alias, now, now.version, version, weight)

    def _facts(self, plan: Plan) -> tuple[str | None, Facts]:
        """Return the rollout that is on, and what to show."""
        repository = self.hook.repository
        asked = plan.secondary_version or plan.version
        artifacts = {asked: repository.get_artifact_version(self.name, asked)}
        artifacts |= {version: found for version in plan.versions if (found := self._find(version)) is not None}
        outcomes = repository.get_outcomes(self.name, plan.now) if plan.now else None
        rollout = self.live_rollout()
        if rollout is None or rollout.canary != asked:
            return None, Facts(artifacts, None, outcomes)
        return rollout.id, Facts(artifacts, rollout.judgement, outcomes)

    def _find(self, version: str) -> Artifact | None:
        try:
            return self.hook.repository.get_artifact_version(self.name, version)
        except ArtifactNotFoundError:
            return None

    def _nothing_to_ask(self, plan: Plan) -> dict[str, Any]:
        self.log.info("Alias %r of %r is there already: nobody is asked.", self.alias, self.name)
        nobody = {"approved_by": "nobody (the alias was there already)", "comment": None}
        return {"approved": True, **nobody, "approved_at": datetime.now(UTC).isoformat(), **plan.to_dict()}

    def _rollout_ended(self, how: str) -> dict[str, Any]:
        with no_vain_retry(NotFoundError):
            plan = self._plan()
        if plan.moves:
            raise AirflowFailException(f"Nobody had answered when it was too late, so nothing was approved: {how}.")
        return self._nothing_to_ask(plan)
