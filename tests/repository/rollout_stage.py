"""Where rollouts are tried: versions 1, 2 and 3, alias prod at 1; rollout ``a`` is brought to a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.repository.invariants import targets_of

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository

Where = tuple[str, str]
HERE: Where = ("m", "prod")


def three_versions(repository: Repository, name: str = "m") -> None:
    """Publish them, and point the alias at the first."""
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version(name, content=content)
    repository.put_alias(name, "prod", 1)


def begin(repository: Repository, where: Where = HERE) -> None:
    """Begin rollout ``a`` of version 2 in the name of ann."""
    repository.start_rollout(*where, 2, [5, 25], rollout_id="a", started_by="ann", reason="better")


def bring(repository: Repository, state: str, where: Where = HERE) -> None:
    """Bring rollout ``a`` from its beginning to a state."""
    if state in {"at 5", "at 25", "frozen", "promoted", "rolled_back", "superseded", "overtaken"}:
        repository.shift_rollout(*where, 5, rollout_id="a", changed_by="ann")
    if state == "at 25":
        repository.shift_rollout(*where, 25, rollout_id="a")
    if state == "frozen":
        repository.freeze_rollout(*where, changed_by="bob", reason="hm")
    if state == "promoted":
        repository.promote_rollout(*where, changed_by="bob", reason="fine")
    if state == "rolled_back":
        repository.abort_rollout(*where, changed_by="bob", reason="bad")
    if state == "superseded":
        repository.start_rollout(*where, 3, [50], rollout_id="b", on_live="supersede", started_by="bob")
    if state == "overtaken":
        repository.put_alias(*where, 3, changed_by="bob", reason="urgent")


def targets(repository: Repository, where: Where = HERE) -> tuple[str | None, str | None, int | None]:
    """Return what the alias points at."""
    return targets_of(repository.get_alias(*where))


def history(repository: Repository, where: Where = HERE) -> list[tuple[str | None, str | None, int | None]]:
    """Return what the alias was, from first to last."""
    return [targets_of(change) for change in repository.list_alias_history(*where)][::-1]


def everything(repository: Repository, where: Where = HERE) -> Any:
    """Return whatever an operation could have changed."""
    rollouts = [repository.get_rollout(*where), repository.get_rollout(*where, rollout_id="a")]
    return repository.get_alias(*where), history(repository, where), rollouts
