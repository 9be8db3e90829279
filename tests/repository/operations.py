"""Every operation of a repository, to be called on artifacts in every state that it may meet.

The states include what others leave: the library ``versioned``, a lost object, and writers that died half-way.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository import Artifact, Repository
from airflow_provider_versioned.repository.keys import alias_pk
from tests.repository.fault_wire import Died, Wire, die_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.repository.store import Store

TAGS = {"team": "search"}


@dataclass(frozen=True)
class Stage:
    """Where artifacts are brought into their states.

    Attributes:
        dying: A repository on a wire that can be cut.
    """

    store: Store
    repository: Repository
    dying: Repository
    wire: Wire

    @classmethod
    def set_up(cls, store: Store) -> Stage:
        """Make the clients."""
        wire, s3, dynamodb = Wire(), store.aws.new_s3(), store.aws.new_dynamodb()
        wire.join(s3, dynamodb)
        dying = Repository(**store.place, s3_client=s3, dynamodb_client=dynamodb)
        dying.list_aliases("nobody")  # its first use reads the marker
        return cls(store, store.reopened(), dying, wire)

    def die(self, action: Callable[[Repository], object], at: int) -> None:
        """Let a process die when its so-maniest request has landed."""
        self.wire.fault, self.wire.at, self.wire.sent = die_after, at, 0
        with suppress(Died):
            action(self.dying)
        self.wire.fault = None


def _absent(_stage: Stage, _name: str) -> None:
    """Nothing was ever put."""


def _published(stage: Stage, name: str) -> None:
    for content in (b"one", b"two", b"three"):
        stage.repository.publish_artifact_version(name, content=content, tags=TAGS, idempotency_key=content.decode())
    stage.repository.put_alias(name, "prod", 1)
    stage.repository.put_alias(name, "prod", 2, 1, 10)
    stage.repository.put_alias(name, "head", "LATEST")


def _by_the_library(stage: Stage, name: str) -> None:
    stage.store.put_object(stage.store.key(name, "000001"), b"one")
    stage.store.put_version(name, "000001", "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed")
    stage.store.put_object(stage.store.key(name, "LATEST"), b"two")
    stage.store.put_version(name, "LATEST", "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3")
    stage.store.put_item(
        alias_pk(name), "prod", update_at={"S": "2026-01-01T00:00:00.000000+0000"}, version={"S": "000001"}
    )


def _objects_lost(stage: Stage, name: str) -> None:
    _published(stage, name)
    for sk in ("LATEST", "000001", "000002", "000003"):
        stage.store.delete_object(stage.store.key(name, sk))


def _deleted(stage: Stage, name: str) -> None:
    _published(stage, name)
    stage.repository.delete_alias(name, "prod")
    stage.repository.delete_alias(name, "head")
    stage.repository.delete_artifact_version(name, 1)
    stage.repository.delete_artifact_version(name)


def _died_in_first_put(at: int) -> Callable[[Stage, str], None]:
    return lambda stage, name: stage.die(lambda dying: dying.put_artifact(name, b"one"), at)


def _died_in_first_publish(at: int) -> Callable[[Stage, str], None]:
    return lambda stage, name: stage.die(
        lambda dying: dying.publish_artifact_version(name, content=b"one", tags=TAGS, idempotency_key="one"), at
    )


def _copy_in_parts_begun(stage: Stage, name: str) -> None:
    """Of one who copies large content to LATEST."""
    _died_in_first_publish(4)(stage, name)
    stage.store.aws.s3.create_multipart_upload(Bucket=stage.store.bucket, Key=stage.store.key(name, "LATEST"))


def _died_in_put(at: int) -> Callable[[Stage, str], None]:
    def state(stage: Stage, name: str) -> None:
        _published(stage, name)
        stage.die(lambda dying: dying.put_artifact(name, b"four"), at)

    return state


def _died_in_publish(at: int) -> Callable[[Stage, str], None]:
    def state(stage: Stage, name: str) -> None:
        _published(stage, name)
        stage.die(
            lambda dying: dying.publish_artifact_version(name, content=b"four", tags=TAGS, idempotency_key="four"), at
        )

    return state


def _died_in_destruction(at: int) -> Callable[[Stage, str], None]:
    def state(stage: Stage, name: str) -> None:
        _published(stage, name)
        stage.die(lambda dying: dying.purge_artifact(name), at)

    return state


def _died_in_freeing(at: int) -> Callable[[Stage, str], None]:
    def state(stage: Stage, name: str) -> None:
        _deleted(stage, name)
        stage.die(lambda dying: dying.free_artifact_versions(name, grace_secs=0), at)

    return state


def _died_then_overtaken(stage: Stage, name: str) -> None:
    """A claim that nobody took up again, below the highest number."""
    _died_in_publish(2)(stage, name)
    stage.repository.publish_artifact_version(name, content=b"five")


def _died_then_aliased(stage: Stage, name: str) -> None:
    """LATEST is not there yet, but an alias is."""
    _died_in_first_publish(4)(stage, name)
    stage.repository.put_alias(name, "prod", 1)


def _alias_moved_by_the_library(stage: Stage, name: str) -> None:
    """Versions 1 and 2 believe that an alias points at them."""
    _published(stage, name)
    stage.store.put_item(
        alias_pk(name), "prod", update_at={"S": "2026-01-01T00:00:00.000000+0000"}, version={"S": "000003"}
    )


def _alias_deleted_by_the_library(stage: Stage, name: str) -> None:
    """Versions believe that aliases point at them, and there is none."""
    _published(stage, name)
    for alias in ("prod", "head"):
        stage.store.delete_item(alias_pk(name), alias)


def _orphaned(stage: Stage, name: str) -> None:
    """An object without its item."""
    _published(stage, name)
    stage.store.delete_item(name, "000003")


def _upload_in_parts_begun(stage: Stage, name: str) -> None:
    _published(stage, name)
    stage.store.aws.s3.create_multipart_upload(Bucket=stage.store.bucket, Key=stage.store.key(name, "000004"))


def _reported(stage: Stage, name: str) -> None:
    _published(stage, name)
    for version in (1, 2):
        stage.repository.record_outcomes(name, "prod", version, successes=2, rollout="run", weight=10)


def _rolling_out(stage: Stage, name: str) -> None:
    """A rollout at its first step, one before it, one promoted."""
    _published(stage, name)
    stage.repository.put_alias(name, "prod", 1)
    stage.repository.put_alias(name, "done", 1)
    for alias in ("prod", "done", "head"):
        stage.repository.start_rollout(name, alias, 2, [5, 50], rollout_id="run")
    stage.repository.shift_rollout(name, "prod", 5, rollout_id="run")
    stage.repository.promote_rollout(name, "done")


def _frozen(stage: Stage, name: str) -> None:
    _rolling_out(stage, name)
    stage.repository.freeze_rollout(name, "prod")


STATES: Mapping[str, Callable[[Stage, str], None]] = {
    "absent": _absent,
    "published": _published,
    "by the library": _by_the_library,
    "objects lost": _objects_lost,
    "deleted": _deleted,
    "first put announced": _died_in_first_put(1),
    "put announced": _died_in_put(1),
    "publish committed": _died_in_publish(4),
    "destruction begun": _died_in_destruction(5),
    "freeing begun": _died_in_freeing(2),
    "publish claimed and overtaken": _died_then_overtaken,
    "first publish committed": _died_in_first_publish(4),
    "copy in parts begun": _copy_in_parts_begun,
    "first publish committed and aliased": _died_then_aliased,
    "alias moved by the library": _alias_moved_by_the_library,
    "alias deleted by the library": _alias_deleted_by_the_library,
    "orphan": _orphaned,
    "upload begun": _upload_in_parts_begun,
    "outcomes reported": _reported,
    "rollouts under way": _rolling_out,
    "rollout frozen": _frozen,
}

CALLS: Mapping[str, tuple[Callable[[Repository, str], object], ...]] = {
    "put_artifact": (
        lambda repository, name: repository.put_artifact(name, b"new"),
        lambda repository, name: repository.put_artifact(name, b"newer", tags=TAGS),
    ),
    "publish_artifact_version": (
        lambda repository, name: repository.publish_artifact_version(name),
        lambda repository, name: repository.publish_artifact_version(name, content=b"four", idempotency_key="four"),
        lambda repository, name: repository.publish_artifact_version(name, content=b"one", idempotency_key="one"),
        lambda repository, name: repository.publish_artifact_version(name, content=b"new", tags=TAGS),
        lambda repository, name: repository.publish_artifact_version(name, content=b"three", if_changed=True),
    ),
    "list_published_under": (lambda repository, name: repository.list_published_under(name, "one"),),
    "get_artifact_version": (
        lambda repository, name: repository.get_artifact_version(name),
        lambda repository, name: repository.get_artifact_version(name, 1),
    ),
    "open_content": (
        lambda repository, name: repository.open_content(_record(repository, name, "000001")).read(),
        lambda repository, name: repository.open_content(_record(repository, name, "LATEST")).read(),
    ),
    "read_content": (lambda repository, name: repository.read_content(_record(repository, name, "000001")),),
    "download": (lambda repository, name: repository.download(_record(repository, name, "000001"), _nowhere(name)),),
    "list_artifact_versions": (lambda repository, name: repository.list_artifact_versions(name),),
    "iter_artifact_versions": (lambda repository, name: list(repository.iter_artifact_versions(name)),),
    "list_artifact_names": (lambda repository, _name: repository.list_artifact_names(),),
    "iter_artifact_names": (lambda repository, _name: list(repository.iter_artifact_names()),),
    "delete_artifact_version": (
        lambda repository, name: repository.delete_artifact_version(name, 1),
        lambda repository, name: repository.delete_artifact_version(name, 3),
        lambda repository, name: repository.delete_artifact_version(name),
    ),
    "restore_artifact_version": (
        lambda repository, name: repository.restore_artifact_version(name),
        lambda repository, name: repository.restore_artifact_version(name, 1),
    ),
    "put_alias": (
        lambda repository, name: repository.put_alias(name, "new", "LATEST"),
        lambda repository, name: repository.put_alias(name, "prod", 3, 1, 5, idempotency_key="move"),
        lambda repository, name: repository.put_alias(name, "prod", 1),
    ),
    "rollback_alias": (
        lambda repository, name: repository.rollback_alias(name, "prod", to_version="LATEST", idempotency_key="back"),
        lambda repository, name: repository.rollback_alias(name, "prod"),
        lambda repository, name: repository.rollback_alias(name, "head", to_version=1),
    ),
    "get_alias": (lambda repository, name: repository.get_alias(name, "prod"),),
    "list_aliases": (lambda repository, name: repository.list_aliases(name),),
    "delete_alias": (
        lambda repository, name: repository.delete_alias(name, "prod"),
        lambda repository, name: repository.delete_alias(name, "head"),
    ),
    "list_alias_history": (lambda repository, name: list(repository.list_alias_history(name, "prod")),),
    "get_alias_at": (lambda repository, name: repository.get_alias_at(name, "prod", datetime.now(UTC)),),
    "page_artifact_versions": (
        lambda repository, name: repository.page_artifact_versions(name, 2),
        lambda repository, name: repository.page_artifact_versions(name, below=3),
    ),
    "page_alias_history": (
        lambda repository, name: repository.page_alias_history(name, "prod", 1),
        lambda repository, name: repository.page_alias_history(name, "prod", below=2),
    ),
    "list_alias_traces": (lambda repository, name: repository.list_alias_traces(name),),
    "protect": (lambda repository, name: repository.protect(name, 1, "audit"),),
    "unprotect": (lambda repository, name: repository.unprotect(name, 1),),
    "plan_purge": (lambda repository, name: repository.plan_purge(name, 0, 0, keep_previous_secs=60),),
    "apply_purge": (
        lambda repository, name: repository.apply_purge(repository.plan_purge(name, 0, 0, keep_previous_secs=0.1)),
    ),
    "purge_artifact_versions": (lambda repository, name: repository.purge_artifact_versions(name, 0, 0),),
    "free_artifact_versions": (
        lambda repository, name: repository.free_artifact_versions(name, 0, dry_run=True),
        lambda repository, name: repository.free_artifact_versions(name, 0),
    ),
    "sweep_artifact": (lambda repository, name: repository.sweep_artifact(name, 0),),
    "start_rollout": (
        lambda repository, name: repository.start_rollout(
            name, "prod", 3, [5, 50], rollout_id="r", on_live="supersede"
        ),
        lambda repository, name: repository.start_rollout(name, "head", 3, [5, 50], rollout_id="h"),
    ),
    "get_rollout": (lambda repository, name: repository.get_rollout(name, "prod", rollout_id="r"),),
    "list_rollouts": (lambda repository, name: list(repository.list_rollouts(name)),),
    "shift_rollout": (
        lambda repository, name: repository.shift_rollout(name, "prod", 50, rollout_id="run"),
        lambda repository, name: repository.shift_rollout(name, "head", 5, rollout_id="run"),
    ),
    "promote_rollout": (lambda repository, name: repository.promote_rollout(name, "prod"),),
    "abort_rollout": (
        lambda repository, name: repository.abort_rollout(name, "prod"),
        lambda repository, name: repository.abort_rollout(name, "head"),
    ),
    "skip_rollout_step": (lambda repository, name: repository.skip_rollout_step(name, "prod"),),
    "freeze_rollout": (lambda repository, name: repository.freeze_rollout(name, "prod"),),
    "unfreeze_rollout": (lambda repository, name: repository.unfreeze_rollout(name, "prod"),),
    "record_judgement": (
        lambda repository, name: repository.record_judgement(name, "prod", {"verdict": "success"}, rollout_id="run"),
    ),
    "roll_back_promotion": (
        lambda repository, name: repository.roll_back_promotion(name, "prod"),
        lambda repository, name: repository.roll_back_promotion(name, "done"),
    ),
    "record_outcome": (
        lambda repository, name: repository.record_outcome(name, "prod", 1, success=True, idempotency_key="report"),
        lambda repository, name: repository.record_outcome(name, "prod", 1, success=True, metrics={"latency": 0.1}),
    ),
    "record_outcomes": (
        lambda repository, name: repository.record_outcomes(name, "prod", 1, failures=2, idempotency_key="report"),
        lambda repository, name: repository.record_outcomes(name, "prod", 1, successes=2, metrics={"latency": 0.1}),
    ),
    "get_outcomes": (lambda repository, name: repository.get_outcomes(name, "prod"),),
    "look_at_outcomes": (
        lambda repository, name: repository.look_at_outcomes(
            name, "prod", stable=1, canary=2, rollout="run", weight=10
        ),
    ),
    "delete_outcomes": (lambda repository, name: repository.delete_outcomes(name, "prod", rollout="run"),),
    "verify": (lambda repository, name: list(repository.verify(name, read_content=True, older_than_secs=0)),),
    "repair": (lambda repository, name: list(repository.repair(name, older_than_secs=0)),),
    "purge_artifact": (lambda repository, name: repository.purge_artifact(name),),
    "purge_all": (lambda repository, _name: repository.purge_all(),),
}

EVERYWHERE: Mapping[str, Callable[[Repository], object]] = {
    "verify": lambda repository: list(repository.verify(older_than_secs=0)),
    "repair": lambda repository: list(repository.repair(older_than_secs=0)),
}


def _nowhere(name: str) -> Path:
    """Return a file that is never made: the record that is downloaded to it has another digest."""
    return Path(tempfile.gettempdir()) / name


def _record(repository: Repository, name: str, sk: str) -> Artifact:
    """Return a record that was read long ago."""
    uri = f"s3://{repository.s3_bucket}/{repository.s3_prefix}/{name}/{sk}{repository.suffix}"
    return Artifact(name, sk.lstrip("0"), datetime.now(UTC), uri, "0" * 64)
