"""Runs benchmarks: ``python -m benchmarks [NAME …] [--small] [--dry-run]``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from benchmarks import report

NAMES = (
    "operations",
    "sizes",
    "growth",
    "threads",
    "content",
    "huge",
    "costs",
    "retention",
    "triggerer",
    "parsing",
    "mapped",
)


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="default: all")
    parser.add_argument("--small", action="store_true", help="a tenth of everything, to see that it runs")
    parser.add_argument("--dry-run", action="store_true", help="only print the tables, write nothing into docs/")
    given = parser.parse_args(arguments)
    names = given.names or NAMES
    command = f"python -m benchmarks {' '.join(names)}{' --small' if given.small else ''}"
    with tempfile.TemporaryDirectory() as home:
        os.environ["AIRFLOW_HOME"] = home
        if given.dry_run:
            report.FIGURES = Path(home) / "figures"
        for name in names:
            tables = import_module(f"benchmarks.{name}").run(small=given.small)
            for table in tables:
                sys.stdout.write(f"\n{table.markdown()}\n")
            if not given.dry_run:
                written = report.write(name, tables, command)
                sys.stdout.write(f"\nWritten into {', '.join(map(str, written)) or 'no document'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
