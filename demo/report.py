"""What the demo says at its end, or when a run did not end as it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.rest import ApiError
from demo.timeline import retention_report, timeline
from demo.workspace import UI_USER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from demo.facts import Facts
    from demo.progress import Progress
    from demo.rest import AirflowApi, TaskInstance
    from demo.story import Run
    from demo.verification import Claim
    from demo.workspace import Workspace

LOG_LINES = 25
GIBIBYTE = 2**30


def tell_plan(progress: Progress) -> None:
    """Print what is going to happen."""
    progress.text(
        "Three scikit-learn models, published and promoted by a real Airflow on S3 and DynamoDB, all on this machine."
    )
    progress.text("About four minutes. Ctrl-C ends it at any time and leaves nothing behind.\n")


def tell_facts(progress: Progress, facts: Facts, blocks: str) -> None:
    """Print the timeline and what retention said."""
    progress.title(f"What happened to {facts.alias.name}/{facts.alias.alias}, from the alias's own history")
    for line in timeline(facts, blocks):
        progress.text(f"  {line}", indent=14)
    progress.title("What retention would purge, and why")
    for line in retention_report(facts.plan):
        progress.text(f"  {line}")


def tell_claims(progress: Progress, claims: Iterable[Claim]) -> None:
    """Print each claim; with what was found instead where it is false."""
    progress.title("Is it true? Checked against the repository")
    for claim in claims:
        verdict = progress.coloured("true", "true ") if claim.true else progress.coloured("FALSE")
        progress.text(f"  {verdict}  {claim.text}", indent=9)
        if not claim.true:
            progress.text(f"         found: {claim.found}", indent=16)


def tell_effort(progress: Progress, peak_bytes: int) -> None:
    """Print how long it took, and how much memory."""
    memory = f", with at most {peak_bytes / GIBIBYTE:.1f} GiB of memory" if peak_bytes else ""
    progress.text(f"\nThat took {progress.clock()} minutes{memory}.")


def tell_how_to_look(progress: Progress, workspace: Workspace) -> None:
    """Print where Airflow's UI is and how to get in."""
    progress.text(
        f"\nAirflow's UI stays open at {workspace.ui_url} (user {UI_USER}, password {workspace.ui_password})."
    )
    progress.text("Ctrl-C ends it and takes everything away.")


def tell_failed_tasks(progress: Progress, api: AirflowApi, run: Run) -> None:
    """Print the end of the log of each task that failed."""
    for task in run.tasks:
        if task.state == "failed":
            progress.text(f"\nThe end of the log of {run.dag_id}.{task.label}, try {task.try_number}:")
            for line in _log_end(api, run, task):
                progress.text(f"    {line}", indent=8)


def _log_end(api: AirflowApi, run: Run, task: TaskInstance) -> list[str]:
    try:
        return api.log_lines(run.dag_id, run.run_id, task)[-LOG_LINES:]
    except ApiError as error:
        return [f"Airflow has none: {error}"]
