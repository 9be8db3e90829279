"""Telling people of a promotion or a rollback, as callback of the task that did it.

Decides the sentence and whether there is something to tell; how it is sent is left to a notifier or a function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from airflow_provider_versioned.assets.announce import MOVE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow.sdk import Context


class AliasChangeNotifier(BaseNotifier):
    """Tells of the move that a task made; for ``on_success_callback`` of whatever moves an alias.

    That is :class:`PromoteAliasOperator`, :class:`RollbackAliasOperator`, and, by ``default_args``, every task of
    :func:`staged_promotion`. A task that moved nothing, because it was repeated or the alias was there already, tells
    nothing. An error in sending is logged and never fails the task: that is Airflow's rule for callbacks.

    Args:
        send: A notifier, or a function that is called with the sentence. A notifier finds the sentence as
            ``{{ alias_change }}`` and all facts as ``{{ alias_move }}`` in its templates.
    """

    def __init__(self, send: BaseNotifier | Callable[[str], Any]) -> None:
        super().__init__()
        self.send = send

    def notify(self, context: Context) -> None:
        """Send the sentence, if the task moved an alias."""
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        move = ti.xcom_pull(task_ids=ti.task_id, key=MOVE_KEY, map_indexes=map_index)
        if move is None:
            self.log.info("Task %r moved no alias: nothing to tell.", ti.task_id)
            return
        sentence = describe_move(move)
        if isinstance(self.send, BaseNotifier):
            told: Any = {**context, "alias_change": sentence, MOVE_KEY: move}
            self.send(told)
        else:
            self.send(sentence)


def describe_move(move: Mapping[str, Any]) -> str:
    """Return a sentence such as ``prod of churn-model: 3 -> 3 (75 %) + 4 (25 %) by … because: …``.

    Args:
        move: The facts of a move: an asset event's ``extra``, a watcher's payload, or a task's XCom ``alias_move``.
    """
    before, after = _state(move["previous_weights"]), _state(move["weights"])
    verb = " (rollback)" if move["action"] == "rollback" else ""
    by = f" by {move['changed_by']}" if move["changed_by"] else ""
    why = f" because: {move['reason']}" if move["reason"] else ""
    return f"{move['alias']} of {move['name']}: {before} -> {after}{verb}{by}{why}"


def _state(weights: Mapping[str, int]) -> str:
    if len(weights) <= 1:
        return next(iter(weights), "nothing")
    return " + ".join(f"{version} ({weight} %)" for version, weight in weights.items())
