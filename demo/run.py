"""Staged promotions of real models in a real Airflow, on this machine only.

Starts S3, DynamoDB and Airflow in one temporary folder, runs the example Dags, tells the story from the repository's
own records, and takes everything away again. Ends with 0 only if all that it shows is true.
"""

from __future__ import annotations

import argparse
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


def main() -> int:
    """Run the demo; its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave Airflow's UI open at the end, until Ctrl-C")
    keep = parser.parse_args().keep
    progress = Progress()
    with StopFlag().listening() as stop:
        return _in_workspace(progress, stop, keep=keep)


def _in_workspace(progress: Progress, stop: StopFlag, *, keep: bool) -> int:
    workspace = Workspace.create()
    failed = True
    try:
        failed = not _perform(workspace, progress, stop, keep=keep)
    except Stopped as stopped:
        failed = False
        progress.line(f"{stopped}: all programs are ended, nothing is left behind")
        return 128 + stopped.signum
    except FORESEEN as error:
        progress.line(f"failed: {error}")
    except Exception:  # noqa: BLE001 -- a fault of the demo's own; said, and the logs kept
        progress.text(traceback.format_exc())
    finally:
        workspace.remove(keep_logs=failed)
        if failed:
            progress.text(f"\nThe demo failed. The logs of all programs and tasks are kept: {workspace.logs}")
    return int(failed)


def _perform(workspace: Workspace, progress: Progress, stop: StopFlag, *, keep: bool) -> bool:
    """Play and verify; True when all is true."""
    memory = MemoryWatch()
    with stage(workspace, progress, stop) as set_up, memory:
        true = _play_and_verify(set_up, progress, stop)
        report.tell_effort(progress, memory.peak_bytes)
        if keep:
            report.tell_how_to_look(progress, workspace)
            stop.until_signalled()
    if not keep:
        progress.text("`make demo KEEP=1` does the same and leaves Airflow's UI open.")
    return true


def _play_and_verify(set_up: Stage, progress: Progress, stop: StopFlag) -> bool:
    blocks = blocks_for(sys.stdout.encoding)
    story = Story(set_up, progress, stop, blocks)
    try:
        play(story, progress)
    except RunError as error:
        progress.line(f"failed: {error}")
        report.tell_failed_run(progress, set_up.api, error.run)
        return False
    facts = collect(set_up.api, set_up.repository, story.runs)
    report.tell_facts(progress, facts, blocks)
    claims = verify(facts)
    report.tell_claims(progress, claims)
    return all(claim.true for claim in claims)


if __name__ == "__main__":
    sys.exit(main())
