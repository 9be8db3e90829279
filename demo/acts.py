"""The play: which example Dags run, in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.verification import BETTER, CANARY_DAG, CONSUME_DAG, PUBLISH_DAG, RETENTION_DAG, ROLLED_BACK_DAG

if TYPE_CHECKING:
    from demo.progress import Progress
    from demo.story import Story


def play(story: Story, progress: Progress) -> None:
    """Run the example Dags; an end other than the expected one stops the play."""
    progress.title("1. A first model is published and goes live")
    story.play(PUBLISH_DAG)

    progress.title("2. A better model takes over in stages, while a consumer waits for it")
    consumer = story.start(CONSUME_DAG, min_version=int(BETTER))
    story.play(CANARY_DAG)
    story.follow(consumer)

    progress.title("3. A bad model is tried, and rolled back")
    story.play(ROLLED_BACK_DAG)

    progress.title("4. What would retention purge? (keep the newest 1 and what is in use; a dry run)")
    story.play(RETENTION_DAG, keep_last_n=1, older_than_days=0, keep_previous_days=0, purge=False)
