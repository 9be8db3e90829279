"""The wheel: what it holds and what it promises to whoever installs it."""

from __future__ import annotations

import email
import pkgutil
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import airflow_provider_versioned
from airflow_provider_versioned import __version__
from airflow_provider_versioned.get_provider_info import get_provider_info

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGE = "airflow_provider_versioned"
_MODULES = [
    module.name
    for module in pkgutil.walk_packages(airflow_provider_versioned.__path__, prefix=f"{_PACKAGE}.")
    if not module.name.endswith(".__main__")
]
_CONSTRAINTS = sorted((_ROOT / "requirements").glob("constraints-*.txt"))


def build(source: Path, target: Path) -> None:
    """Build sdist and wheel of a source folder, and check what they say of themselves."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", target], cwd=source, check=True)
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *target.iterdir()], check=True)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of sdist and wheel."""
    folder = tmp_path_factory.mktemp("dist")
    build(_ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(dist.glob("*.whl")))


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


def test_sdist_makes_the_same_wheel(dist: Path, wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as sdist:
        sdist.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    rebuilt = tmp_path / "rebuilt"
    build(source, rebuilt)

    assert set(zipfile.ZipFile(next(rebuilt.glob("*.whl"))).namelist()) == set(wheel.namelist())


def test_wheel_names_its_entry_points(wheel: zipfile.ZipFile) -> None:
    entry_points = wheel.read(f"{_PACKAGE}-{__version__}.dist-info/entry_points.txt").decode()

    assert re.findall(r"^\[(.+)\]$", entry_points, re.MULTILINE) == [
        "console_scripts",
        "airflow.plugins",
        "apache_airflow_provider",
        "fsspec.specs",
        "universal_pathlib.implementations",
    ]


def test_metadata_carries_version_licence_and_extras(metadata: Message) -> None:
    assert metadata["Version"] == __version__
    assert metadata.get_all("Provides-Extra") == ["stats"]
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


def test_classifiers_name_every_python_that_is_promised(metadata: Message) -> None:
    named = re.findall(r":: (3\.\d+)$", "\n".join(metadata.get_all("Classifier", [])), re.MULTILINE)
    [promised] = re.findall(r"\| Python \| (.+) are tested \|", (_ROOT / "docs" / "upgrading.md").read_text())

    assert named == re.findall(r"3\.\d+", promised)
    assert f">={named[0]}" == metadata["Requires-Python"]


def test_installed_entry_points_load_and_describe_this_distribution() -> None:
    installed = distribution("airflow-provider-versioned")
    loaded = {point.group: point.load() for point in installed.entry_points}

    assert len(loaded) == len(installed.entry_points)
    assert loaded["apache_airflow_provider"]()["package-name"] == canonicalize_name(installed.name)


@pytest.mark.parametrize("name", _MODULES)
def test_every_module_imports_and_every_name_that_it_offers_is_there(name: str) -> None:
    module = import_module(name)

    assert [offered for offered in getattr(module, "__all__", ()) if not hasattr(module, offered)] == []


def names_of_ours(told: Any) -> Iterator[str]:
    """Return every dotted name of this package in what Airflow is told."""
    if isinstance(told, str):
        if told.startswith(f"{_PACKAGE}."):
            yield told
    elif isinstance(told, dict | list):
        for part in told.values() if isinstance(told, dict) else told:
            yield from names_of_ours(part)


@pytest.mark.parametrize("name", names_of_ours(get_provider_info()))
def test_every_name_that_airflow_is_told_is_importable(name: str) -> None:
    if name in _MODULES:
        import_module(name)
        return
    module, _, attribute = name.rpartition(".")
    assert callable(getattr(import_module(module), attribute))
