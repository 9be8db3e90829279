"""The wheel: what it holds and what it promises to whoever installs it."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from airflow_provider_versioned import __version__

if TYPE_CHECKING:
    from email.message import Message

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGE = "airflow_provider_versioned"
_CONSTRAINTS = sorted((_ROOT / "requirements").glob("constraints-*.txt"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=_ROOT, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return email.message_from_bytes(wheel.read(f"{_PACKAGE}-{__version__}.dist-info/METADATA"))


def test_wheel_holds_every_module_and_the_typing_mark(wheel: zipfile.ZipFile) -> None:
    modules = {str(path.relative_to(_ROOT)) for path in (_ROOT / _PACKAGE).rglob("*.py")}

    assert modules | {f"{_PACKAGE}/py.typed"} <= set(wheel.namelist())


def test_wheel_offers_the_example_dags_to_airflow(wheel: zipfile.ZipFile) -> None:
    shipped = {name.rsplit("/", 1)[1] for name in wheel.namelist() if name.startswith(f"{_PACKAGE}/example_dags/")}

    assert shipped == {path.name for path in (_ROOT / "dags").glob("*.py")}
    assert any(name.startswith("example_") for name in shipped)


def test_wheel_holds_nothing_but_the_package(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/", 1)[0] for name in wheel.namelist()}

    assert tops == {_PACKAGE, f"{_PACKAGE}-{__version__}.dist-info"}


def test_wheel_names_its_entry_point(wheel: zipfile.ZipFile) -> None:
    entry_points = wheel.read(f"{_PACKAGE}-{__version__}.dist-info/entry_points.txt").decode()

    assert "[apache_airflow_provider]" in entry_points
    assert "airflow_provider_versioned.get_provider_info:get_provider_info" in entry_points


def test_metadata_carries_version_and_licence(metadata: Message) -> None:
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"


@pytest.mark.parametrize("constraints", _CONSTRAINTS, ids=lambda path: path.stem)
def test_requirements_are_met_by_the_constraints_of_mwaa(constraints: Path, metadata: Message) -> None:
    pins = (line.split("==") for line in constraints.read_text().splitlines() if "==" in line)
    pinned = {canonicalize_name(name): version for name, version in pins}
    versions = {"apache-airflow": constraints.stem.rsplit("-", 1)[1], "pynamodb": "6.1.0"} | pinned

    for requirement in map(Requirement, metadata.get_all("Requires-Dist", [])):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


def test_changelog_names_the_version() -> None:
    assert re.search(rf"^## \[{re.escape(__version__)}\]", (_ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_installed_entry_point_loads_and_describes_this_distribution() -> None:
    installed = distribution("airflow-provider-versioned")
    (entry_point,) = [point for point in installed.entry_points if point.group == "apache_airflow_provider"]

    assert entry_point.load()()["package-name"] == canonicalize_name(installed.name)
