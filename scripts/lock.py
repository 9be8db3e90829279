"""Writes the lists of ``requirements/`` but those of MWAA anew, with the newest versions that fit pyproject.toml.

The lists name no package index, so that they hold wherever the packages come from.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_HEADER = "# Made by `make lock` from pyproject.toml; do not edit.\n"
_INPUTS = {
    "dev.txt": ["pyproject.toml", "--group", "dev"],
    "docs.txt": ["pyproject.toml", "--group", "docs"],
    "servers.txt": ["--group", "pyproject.toml:servers"],
    "all-servers.txt": ["--group", "pyproject.toml:all-servers"],
}


def compile_list(name: str, inputs: list[str]) -> None:
    """Resolve one list for every supported Python at once."""
    output = ROOT / "requirements" / name
    options = ["--quiet", "--upgrade", "--universal", "--python-version", "3.11", "--no-header", "--no-annotate"]
    command = [sys.executable, "-m", "uv", "pip", "compile", *options, "--no-emit-index-url", "--no-emit-find-links"]
    subprocess.run([*command, *inputs, "-o", str(output)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    output.write_text(_HEADER + output.read_text())


def main() -> None:
    """Resolve all lists."""
    for name, inputs in _INPUTS.items():
        compile_list(name, inputs)


if __name__ == "__main__":
    main()
