"""Staged promotions of real models in a real Airflow, on this machine only.

Starts S3, DynamoDB and Airflow in one temporary folder, runs the example Dags, tells the story from the repository's
own records, and takes everything away again. Ends with 0 only if all that it shows is true.
"""

from __future__ import annotations

import argparse
import sys

from demo.stop import StopFlag


def main() -> int:
    """Run the demo; its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave Airflow's UI open at the end, until Ctrl-C")
    keep = parser.parse_args().keep
    with StopFlag().listening() as stop:
        from demo.performance import perform  # noqa: PLC0415 -- takes a second, in which Ctrl-C shall work too

        return perform(stop, keep=keep)


if __name__ == "__main__":
    sys.exit(main())
