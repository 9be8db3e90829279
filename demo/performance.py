"""The whole performance: set up, play, tell, verify, take away."""

from __future__ import annotations

import sys
import traceback

from airflow_provider_versioned.repository.errors import VersionedError
from demo import report
from demo.acts import play
from demo.airflow_server import AirflowError
from demo.collect import collect
from demo.memory import MemoryWatch
from demo.progress import Progress
from demo.rest import ApiError, UnreachableError
from demo.split_bar import blocks_for
from demo.stage import Stage, stage
from demo.stop import StopFlag, Stopped
from demo.story import RunError, Story
from demo.verification import verify
from demo.workspace import Workspace
from scripts.server_process import ServerError

FORESEEN = (AirflowError, ApiError, RunError, ServerError, UnreachableError, VersionedError)


def perform(stop: StopFlag, *, keep: bool) -> int:
    """Do everything in a workspace of its own, and remove that; returns the exit code.

    Args:
        keep: Leave Airflow running at the end, until a signal comes.
    """
    progress = Progress()
    report.tell_plan(progress)
    workspace = Workspace.create()
    failed = True
    try:
        failed = not _on_stage(workspace, progress, stop, keep=keep)
    except Stopped as stopped:
        failed = False
        progress.line(f"{stopped}: all programs are ended, nothing is left behind")
        return 128 + stopped.signum
    except FORESEEN as error:
        progress.line(f"failed: {error}")
    except Exception:  # noqa: BLE001 -- a fault of the demo's own; said, and the logs kept
        progress.text(traceback.format_exc())
    finally:
        failed_with_logs = failed and workspace.has_logs
        workspace.remove(keep_logs=failed_with_logs)
        if failed_with_logs:
            progress.text(f"\nThe demo failed. The logs of all programs and tasks are kept: {workspace.logs}")
    return int(failed)


def _on_stage(workspace: Workspace, progress: Progress, stop: StopFlag, *, keep: bool) -> bool:
    """Play and verify; True when all is true."""
    memory = MemoryWatch()
    with stage(workspace, progress, stop) as set_up, memory:
        true = _play_and_verify(set_up, progress, stop)
        report.tell_effort(progress, memory.peak_bytes)
        if keep:
            report.tell_how_to_look(progress, workspace)
            stop.until_signalled()
    progress.text("Airflow is stopped." if keep else "`make demo KEEP=1` does the same and leaves Airflow's UI open.")
    return true


def _play_and_verify(set_up: Stage, progress: Progress, stop: StopFlag) -> bool:
    blocks = blocks_for(sys.stdout.encoding)
    story = Story(set_up, progress, stop, blocks)
    try:
        play(story, progress)
    except RunError as error:
        progress.line(f"failed: {error}")
        report.tell_failed_tasks(progress, set_up.api, error.run)
        return False
    facts = collect(set_up.api, set_up.repository, story.runs)
    report.tell_facts(progress, facts, blocks)
    claims = verify(facts)
    report.tell_claims(progress, claims)
    true = all(claim.true for claim in claims)
    for run in [] if true else story.runs:
        report.tell_failed_tasks(progress, set_up.api, run)
    return true
