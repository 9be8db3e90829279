"""Credentials come in with the clients or the session of one repository and stay there, with many in one process."""

from __future__ import annotations

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore.credentials import RefreshableCredentials

from airflow_provider_versioned.repository import Repository
from tests.servers import MOTO

if TYPE_CHECKING:
    from tests.repository.store import Store

pytestmark = pytest.mark.backends(MOTO)


class Signatures:
    """Access keys by which the requests of a session's clients are signed."""

    def __init__(self, session: boto3.Session) -> None:
        self.keys: list[str] = []
        self.services: set[str] = set()
        session.events.register("before-send", self._seen)

    def _seen(self, request: Any, event_name: str, **_: object) -> None:
        authorization = request.headers["Authorization"]
        header = authorization.decode() if isinstance(authorization, bytes) else authorization
        found = re.search(r"Credential=([^/]+)/", header)
        assert found is not None
        self.keys.append(found[1])
        self.services.add(event_name.split(".")[1])


def session_of(key: str) -> boto3.Session:
    return boto3.Session(key, f"secret of {key}", region_name="us-east-1")


def everything(repository: Repository, name: str) -> None:
    one = repository.publish_artifact_version(name, content=b"one")
    assert one.get_content() == b"one"
    repository.put_artifact(name, b"two")
    two = repository.publish_artifact_version(name)
    assert repository.put_alias(name, "prod", one.version, two.version, 5).get_secondary_version_content() == b"two"
    repository.rollback_alias(name, "prod", to_version=two.version)
    repository.list_artifact_names()
    repository.purge_artifact_versions(name, 0, 0)
    repository.purge_artifact(name)


def test_b02_b03_each_repository_signs_with_its_own_credentials(store: Store) -> None:
    sessions = {key: session_of(key) for key in ("AKIDFIRST", "AKIDSECOND")}
    signed = {key: Signatures(session) for key, session in sessions.items()}
    repositories = {key: Repository(**store.place, session=session) for key, session in sessions.items()}

    for key in [*sessions, *reversed(sessions)]:
        repositories[key].bootstrap()
        everything(repositories[key], "model")
    for key, signatures in signed.items():
        assert set(signatures.keys) == {key}
        assert signatures.services == {"s3", "dynamodb"}


def test_b04_threads_never_sign_with_the_credentials_of_each_other(store: Store) -> None:
    before = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    sessions = {f"AKID{number}": session_of(f"AKID{number}") for number in range(4)}
    signed = {key: Signatures(session) for key, session in sessions.items()}
    repositories = {key: Repository(**store.place, session=session) for key, session in sessions.items()}
    start = threading.Barrier(4)

    def work(key: str) -> None:
        start.wait()
        for turn in range(8):
            repositories[key].list_artifact_versions(f"model-{key}-{turn}")
            repositories[key].list_artifact_names()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, sessions))
    for key, signatures in signed.items():
        assert signatures.services == {"s3", "dynamodb"}
        assert set(signatures.keys) == {key}
        assert len(signatures.keys) >= 16
    assert {name: value for name, value in os.environ.items() if name.startswith("AWS_")} == before


def test_one_repository_in_many_threads_makes_its_clients_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of("AKIDONE")
    made: list[str] = []
    make = session.client

    def counting(service: str) -> Any:
        made.append(service)
        return make(service)  # type: ignore[call-overload] # one overload per service name exists

    monkeypatch.setattr(session, "client", counting)
    repository = Repository(**store.place, session=session)
    assert made == []
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: repository.put_artifact(f"model-{number}", b"x"), range(16)))

    assert sorted(made) == ["dynamodb", "s3"]


def test_b05_no_call_makes_a_client(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository(**store.place, session=session_of("AKIDONE"))
    repository.bootstrap()

    monkeypatch.setattr(botocore.session.Session, "create_client", lambda *_, **__: pytest.fail("made a client"))
    everything(repository, "model")


def test_b06_credentials_that_expire_are_refreshed_for_both_services(store: Store) -> None:
    rounds: list[str] = []

    def refresh() -> dict[str, str]:
        rounds.append(f"AKIDROUND{len(rounds)}")
        expiry = (datetime.now(UTC) + timedelta(seconds=-1 if len(rounds) == 1 else 3600)).isoformat()
        return {"access_key": rounds[-1], "secret_key": "s", "token": "t", "expiry_time": expiry}

    core: Any = botocore.session.get_session()
    core._credentials = RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")
    session = boto3.Session(botocore_session=core, region_name="us-east-1")
    signed = Signatures(session)
    repository = Repository(**store.place, session=session)
    everything(repository, "model")

    assert signed.services == {"s3", "dynamodb"}
    assert set(signed.keys) == {"AKIDROUND1"}
    core._credentials._expiry_time = datetime.now(UTC) - timedelta(seconds=1)
    signed.keys.clear()
    everything(repository, "model")
    assert set(signed.keys) == {"AKIDROUND2"}


def test_b09_endpoints_of_given_clients_are_those_that_are_asked(store: Store) -> None:
    session: Any = session_of("AKIDONE")
    hosts: set[str] = set()
    session.events.register("before-send", lambda request, **_: hosts.add(request.url.split("/")[2]))
    repository = Repository(
        **store.place,
        s3_client=session.client("s3", endpoint_url="https://s3.eu-west-1.amazonaws.com", region_name="eu-west-1"),
        dynamodb_client=session.client("dynamodb", region_name="us-east-1"),
    )
    repository.put_artifact("model", b"one")

    assert hosts == {"s3.eu-west-1.amazonaws.com", "dynamodb.us-east-1.amazonaws.com"}


def test_session_given_beside_a_client_makes_the_other_one(store: Store) -> None:
    first, second = session_of("AKIDFIRST"), session_of("AKIDSECOND")
    signed = Signatures(first), Signatures(second)
    repository = Repository(**store.place, session=first, s3_client=second.client("s3"))
    everything(repository, "model")

    assert (signed[0].services, signed[1].services) == ({"dynamodb"}, {"s3"})
