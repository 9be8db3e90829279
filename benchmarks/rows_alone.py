"""What is measured of a repository that the library ``versioned`` does not have."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.rows import content, once, versions
from benchmarks.sides import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ALIAS = "prod"
STEPS = [5, 50]


def _three(repository: Any, name: str) -> None:
    for number in (1, 2, 3):
        repository.publish_artifact_version(name, content=content(-number), idempotency_key=f"key{number}")
    repository.put_alias(name, ALIAS, 1)
    repository.put_alias(name, ALIAS, 2)


def _moved(repository: Any, name: str, turn: int) -> None:
    if turn < 0:
        _three(repository, name)
    repository.put_alias(name, ALIAS, 1)
    repository.put_alias(name, ALIAS, 2)


def _deleted(repository: Any, name: str, turn: int) -> None:
    if turn < 0:
        _three(repository, name)
    repository.delete_artifact_version(name, 3)


def _plan(repository: Any, name: str, _turn: int) -> Any:
    versions(repository, name, 4)
    return repository.plan_purge(name, 1, 0)


def _hidden(repository: Any, name: str, _turn: int) -> None:
    versions(repository, name, 2)
    repository.purge_artifact_versions(name, 0, 0)


def _before_rollout(repository: Any, name: str, turn: int) -> str:
    if turn < 0:
        _three(repository, name)
    repository.put_alias(name, ALIAS, 1)
    return f"rollout-{turn}"


def _in_rollout(repository: Any, name: str, turn: int) -> str:
    rollout_id = _before_rollout(repository, name, turn)
    repository.start_rollout(name, ALIAS, 3, STEPS, rollout_id=rollout_id, on_live="supersede")
    return rollout_id


def _stepped(repository: Any, name: str, turn: int) -> str:
    rollout_id = _in_rollout(repository, name, turn)
    repository.shift_rollout(name, ALIAS, 5, rollout_id=rollout_id)
    return rollout_id


def _frozen(repository: Any, name: str, turn: int) -> None:
    _stepped(repository, name, turn)
    repository.freeze_rollout(name, ALIAS)


def _promoted(repository: Any, name: str, turn: int) -> None:
    _stepped(repository, name, turn)
    repository.promote_rollout(name, ALIAS)


def _reported(repository: Any, name: str, turn: int) -> None:
    if turn < 0:
        _three(repository, name)
    repository.record_outcomes(name, ALIAS, 2, successes=3, rollout="run", weight=5)


def _download(repository: Any, name: str, _found: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository.download(repository.get_artifact_version(name, 2), Path(folder) / "model")


def _read(repository: Any, name: str, _found: Any) -> None:
    with repository.open_content(repository.get_artifact_version(name, 2)) as stream:
        stream.read()


def _guarded(repository: Any, name: str, turn: int) -> None:
    if turn < 0:
        _three(repository, name)
    repository.protect(name, 1)


def _row(
    what: str,
    method: str,
    ours: Callable[[Any, str, Any], object],
    before: Callable[[Any, str, int], Any] | None = None,
) -> Row:
    return Row(what, method, ours, None, before or once(_three))


def of_ours_alone() -> Sequence[Row]:
    """Return the operations that only we have."""
    return (
        _row(
            "publish what is unchanged (`if_changed`)",
            "publish_artifact_version",
            lambda r, n, _: r.publish_artifact_version(n, content=content(-3), if_changed=True),
        ),
        _row(
            "publish again under the same key",
            "publish_artifact_version",
            lambda r, n, _: r.publish_artifact_version(n, content=content(-3), idempotency_key="key3"),
        ),
        _row(
            "list what was published under a key",
            "list_published_under",
            lambda r, n, _: r.list_published_under(n, "key1"),
        ),
        _row("get a record and download 1 KiB", "download", _download),
        _row("get a record and stream 1 KiB", "open_content", _read),
        _row("iterate 3 versions", "iter_artifact_versions", lambda r, n, _: list(r.iter_artifact_versions(n))),
        _row("a page of versions", "page_artifact_versions", lambda r, n, _: r.page_artifact_versions(n, 2)),
        _row("iterate names", "iter_artifact_names", lambda r, _, __: list(r.iter_artifact_names())),
        _row(
            "restore a version", "restore_artifact_version", lambda r, n, _: r.restore_artifact_version(n, 3), _deleted
        ),
        _row("roll an alias back", "rollback_alias", lambda r, n, _: r.rollback_alias(n, ALIAS), _moved),
        _row("history of an alias", "list_alias_history", lambda r, n, _: list(r.list_alias_history(n, ALIAS))),
        _row("a page of the history", "page_alias_history", lambda r, n, _: r.page_alias_history(n, ALIAS, 2)),
        _row("an alias at a time", "get_alias_at", lambda r, n, _: r.get_alias_at(n, ALIAS, datetime.now(UTC))),
        _row("traces of all aliases", "list_alias_traces", lambda r, n, _: r.list_alias_traces(n)),
        _row("protect a version", "protect", lambda r, n, turn: r.protect(n, 1, f"audit {turn}")),
        _row("unprotect it", "unprotect", lambda r, n, _: r.unprotect(n, 1), _guarded),
        _row("plan a purge", "plan_purge", lambda r, n, _: r.plan_purge(n, 1, 0)),
        _row("apply a plan of 3 versions", "apply_purge", lambda r, _, plan: r.apply_purge(plan), _plan),
        _row("free 2 versions", "free_artifact_versions", lambda r, n, _: r.free_artifact_versions(n, 0), _hidden),
        _row("sweep, nothing to remove", "sweep_artifact", lambda r, n, _: r.sweep_artifact(n)),
        _row(
            "start a rollout",
            "start_rollout",
            lambda r, n, id_: r.start_rollout(n, ALIAS, 3, STEPS, rollout_id=id_, on_live="supersede"),
            _before_rollout,
        ),
        _row(
            "get a rollout",
            "get_rollout",
            lambda r, n, _: r.get_rollout(n, ALIAS),
            once(lambda r, n: _in_rollout(r, n, -1)),
        ),
        _row(
            "list rollouts",
            "list_rollouts",
            lambda r, n, _: list(r.list_rollouts(n)),
            once(lambda r, n: _in_rollout(r, n, -1)),
        ),
        _row(
            "shift a rollout",
            "shift_rollout",
            lambda r, n, id_: r.shift_rollout(n, ALIAS, 5, rollout_id=id_),
            _in_rollout,
        ),
        _row("promote a rollout", "promote_rollout", lambda r, n, _: r.promote_rollout(n, ALIAS), _stepped),
        _row("abort a rollout", "abort_rollout", lambda r, n, _: r.abort_rollout(n, ALIAS), _stepped),
        _row("skip a step", "skip_rollout_step", lambda r, n, _: r.skip_rollout_step(n, ALIAS), _stepped),
        _row("freeze a rollout", "freeze_rollout", lambda r, n, _: r.freeze_rollout(n, ALIAS), _stepped),
        _row("unfreeze it", "unfreeze_rollout", lambda r, n, _: r.unfreeze_rollout(n, ALIAS), _frozen),
        _row(
            "record a judgement",
            "record_judgement",
            lambda r, n, id_: r.record_judgement(n, ALIAS, {"verdict": "success"}, rollout_id=id_),
            _stepped,
        ),
        _row(
            "roll a promotion back", "roll_back_promotion", lambda r, n, _: r.roll_back_promotion(n, ALIAS), _promoted
        ),
        _row("record an outcome", "record_outcome", lambda r, n, _: r.record_outcome(n, ALIAS, 2, success=True)),
        _row(
            "record many outcomes at once",
            "record_outcomes",
            lambda r, n, _: r.record_outcomes(n, ALIAS, 2, successes=1000, failures=3),
        ),
        _row(
            "get outcomes",
            "get_outcomes",
            lambda r, n, _: r.get_outcomes(n, ALIAS),
            once(lambda r, n: _reported(r, n, -1)),
        ),
        _row(
            "look at outcomes as a judge",
            "look_at_outcomes",
            lambda r, n, _: r.look_at_outcomes(n, ALIAS, stable=1, canary=2, rollout="run", weight=5),
            once(lambda r, n: _reported(r, n, -1)),
        ),
        _row(
            "delete outcomes", "delete_outcomes", lambda r, n, _: r.delete_outcomes(n, ALIAS, rollout="run"), _reported
        ),
        _row("verify an artifact of 3 versions", "verify", lambda r, n, _: list(r.verify(n))),
        _row("repair it, nothing to do", "repair", lambda r, n, _: list(r.repair(n))),
    )
