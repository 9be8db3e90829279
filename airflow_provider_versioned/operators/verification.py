"""Verifying a repository, and repairing what is safe to repair."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import optional, parse_bool, parse_names, parse_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Finding
    from airflow_provider_versioned.repository.doctor.findings import Problem

LISTED = 20  # findings in the result, which is kept as an XCom


class VerifyRepositoryOperator(RepositoryOperator):
    """Finds what crashes, older tools and people have left wrong in a repository, and repairs what is safe if asked.

    Each finding is logged with what to do about it. Safe to run beside all other work, and to repeat. Returns the
    numbers of ``findings`` and of those ``repaired``, ``problems`` as a number for each code of docs/doctor.md, and the
    ``first_findings``, 20 at most, with ``repaired`` each. When the task fails over findings, the same is left as XCom
    ``findings``.

    Args:
        name: One artifact name, several, or None for the whole repository.
        read_content: Download and hash every live version, instead of trusting the digest in its metadata.
        repair: Repair what is safe.
        fail_on_findings: Fail, without another try, when findings are left.
        ignored_problems: Codes over which the task does not fail, such as ``foreign-objects`` where two repositories
            share a prefix.
        older_than: Age in seconds, or a timedelta, from which unfinished work of others is taken for abandoned.
    """

    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "read_content",
        "repair",
        "fail_on_findings",
        "ignored_problems",
        "older_than",
    )

    def __init__(
        self,
        *,
        name: str | Sequence[str] | None = None,
        read_content: bool | str = False,
        repair: bool | str = False,
        fail_on_findings: bool | str = True,
        ignored_problems: str | Sequence[str] = (),
        older_than: float | str | timedelta = timedelta(days=1),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.read_content = read_content
        self.repair = repair
        self.fail_on_findings = fail_on_findings
        self.ignored_problems = ignored_problems
        self.older_than = older_than

    def execute(self, context: Context) -> dict[str, Any]:
        """Verify, repair if asked, and fail if findings are left."""
        with no_vain_retry():
            read_content, repair = parse_bool("read_content", self.read_content), parse_bool("repair", self.repair)
            fail = parse_bool("fail_on_findings", self.fail_on_findings)
            ignored = _parse_problems(self.ignored_problems)
            older_than_secs = parse_seconds("older_than", self.older_than)
            names = [None] if optional(self.name) is None else parse_names(self.name)
            tally = _Tally()
            for name in names:
                if repair:
                    self._repair(name, older_than_secs, tally)
                if read_content or not repair:
                    self._verify(name, older_than_secs, tally, read_content=read_content)
        left = tally.left_but_for(ignored)
        self.log.info("%d findings, %d repaired.", tally.findings, tally.repaired)
        if fail and left:
            if self.do_xcom_push:
                context["ti"].xcom_push(key="findings", value=tally.to_dict())
            said = ", ".join(f"{count} {problem}" for problem, count in sorted(left.items()))
            raise AirflowFailException(f"The repository has findings left: {said}; the log says what to do about each.")
        return tally.to_dict()

    def _repair(self, name: str | None, older_than_secs: float, tally: _Tally) -> None:
        for done in self.hook.repository.repair(name, older_than_secs=older_than_secs):
            self.log.info("%s", done)
            tally.add(done.finding, repaired=done.done)

    def _verify(self, name: str | None, older_than_secs: float, tally: _Tally, *, read_content: bool) -> None:
        found = self.hook.repository.verify(name, read_content=read_content, older_than_secs=older_than_secs)
        for finding in found:
            if tally.add(finding, repaired=False):
                self.log.info("%s", finding)


class _Tally:
    """Counts, and the first findings, for the result."""

    def __init__(self) -> None:
        self._problems: Counter[str] = Counter()
        self._left: dict[Finding, None] = {}
        self._first: list[dict[str, Any]] = []
        self.repaired = 0

    @property
    def findings(self) -> int:
        return self._problems.total()

    def add(self, finding: Finding, *, repaired: bool) -> bool:
        """Count a finding; False when it was counted already."""
        if finding in self._left:
            return False
        self._problems[finding.problem.value] += 1
        self.repaired += repaired
        if not repaired:
            self._left[finding] = None
        if len(self._first) < LISTED:
            self._first.append({**finding.to_dict(), "repaired": repaired})
        return True

    def left_but_for(self, ignored: set[Problem]) -> Counter[str]:
        """Count what was not repaired, by problem."""
        return Counter(finding.problem.value for finding in self._left if finding.problem not in ignored)

    def to_dict(self) -> dict[str, Any]:
        counts = {"findings": self.findings, "repaired": self.repaired}
        return {**counts, "problems": dict(sorted(self._problems.items())), "first_findings": self._first}


def _parse_problems(codes: Any) -> set[Problem]:
    from airflow_provider_versioned.repository.doctor.findings import Problem  # noqa: PLC0415 -- not needed to parse a Dag file

    given = [] if optional(codes) is None else parse_names(codes)
    known = {problem.value: problem for problem in Problem}
    unknown = [code for code in given if code not in known]
    if unknown:
        raise InvalidInputError(f"ignored_problems must be among {', '.join(known)}; got {unknown!r}.")
    return {known[code] for code in given}
