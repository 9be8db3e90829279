"""Commands that keep a repository in order, and the one that shows outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.cli.conftest import Program
    from tests.repository.store import Store

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture(autouse=True)
def _published(repository: Repository) -> None:
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("model", content=content)
    repository.put_alias("model", "prod", 1, 2, 20)


def test_bytes_are_freed_after_the_grace_period_and_after_asking(
    cli: Program, repository: Repository, store: Store
) -> None:
    repository.delete_artifact_version("model", 3)
    kept = cli.ok("free", "model")
    assert "model  3        5 B   stays" in kept.out
    assert "0 B in all." in kept.err

    (planned,) = cli.json("free", "--all", "--grace", "0", "--dry-run")
    assert (planned["dry_run"], planned["freed_bytes"]) == (True, 5)
    assert cli("free", "model", "--grace", "0").code == 2
    asked = cli("free", "model", "--grace", "0", typed="n\n")
    assert asked.code == 8
    assert "Free 1 version, 5 B? That cannot be undone." in asked.err
    assert store.key("model", "000003") in set(store.keys())

    (freed,) = cli.json("free", "model", "--grace", "0", "--yes")
    assert (freed["dry_run"], freed["freed_bytes"]) == (False, 5)
    assert store.key("model", "000003") not in set(store.keys())
    assert cli("restore", "model", 3).code == 3


def test_what_dead_processes_left_is_swept_after_asking(cli: Program, store: Store) -> None:
    store.delete_item("model", "000003")
    orphan = store.key("model", "000003")
    assert cli.json("sweep", "model") == []
    shown = cli.ok("sweep", "model", "--older-than", "0", "--dry-run").out
    assert shown.splitlines()[1].split() == ["model", "orphan", orphan]
    assert cli("sweep", "model", "--older-than", "0", typed="\n").code == 8
    assert orphan in set(store.keys())
    (swept,) = cli.json("sweep", "--all", "--older-than", "0", "--yes")
    assert swept["orphans"] == [orphan]
    assert orphan not in set(store.keys())


def test_sound_repository_verifies(cli: Program) -> None:
    assert (cli.ok("verify").out, cli.ok("verify").err) == ("", "All is well.\n")
    assert cli.json("verify", "model", "--read-content") == []
    assert cli.json("repair") == []


def test_findings_exit_5_and_are_repaired(cli: Program, store: Store) -> None:
    store.set_attribute("model", "000003", "aliases", {"SS": ["gone"]})
    shown = cli("verify", "model")
    assert shown.code == 5
    assert shown.out.splitlines()[1].startswith("model  gone   stale-registration  Version 3")
    assert "1 finding; `repair` attempts 1 of them." in shown.err
    (finding,) = cli("verify", "--json").json
    assert (finding["name"], finding["problem"], finding["repairable"]) == ("model", "stale-registration", True)

    (repaired,) = cli.json("repair", "model")
    assert (repaired["problem"], repaired["done"]) == ("stale-registration", True)
    assert cli("verify").code == 0


def test_findings_that_are_left_to_a_person_exit_5(cli: Program, store: Store) -> None:
    store.delete_object(store.key("model", "000001"))
    assert cli("verify").code == 5
    left = cli("repair")
    assert left.code == 5
    assert "left" in left.out.splitlines()[1].split()
    assert "0 findings mended, 1 left." in left.err


def test_other_bytes_are_found_by_reading_them(cli: Program, store: Store) -> None:
    key = store.key("model", "000003")
    metadata = store.aws.s3.head_object(Bucket=store.bucket, Key=key)["Metadata"]
    store.put_object(key, b"ThreE", Metadata=metadata)
    assert cli("verify", "--read-content").code == 5


def test_outcomes_are_shown_by_version_and_weight(cli: Program, repository: Repository) -> None:
    alias = repository.get_alias("model", "prod")
    repository.record_outcomes("model", alias, 1, successes=199, failures=1)
    repository.record_outcomes("model", alias, 2, successes=3, failures=1, metrics={"latency": [0.1, 0.3]})
    shown = [line.split() for line in cli.ok("outcomes", "show", "model", "prod").out.splitlines()]
    assert shown[1:] == [
        ["1", "20", "%", "199", "1", "0.50%", "-"],
        ["2", "20", "%", "3", "1", "25.00%", "latency", "0.2"],
    ]
    counted = cli.json("outcomes", "show", "model", "prod")
    assert [(entry["version"], entry["weight"], entry["failures"]) for entry in counted] == [("1", 20, 1), ("2", 20, 1)]
    assert cli.json("outcomes", "show", "model", "prod", "--rollout", "another") == []
