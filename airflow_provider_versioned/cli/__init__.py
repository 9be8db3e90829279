"""The command ``versioned-artifacts``: everything the repository can do, from a terminal or a script, without Airflow.

Results go to stdout, as text for people or, with ``--json``, as JSON for programs; messages and progress go to stderr.
A command module translates arguments into calls of :class:`~airflow_provider_versioned.repository.Repository` and
values into text; it holds no rule of its own. boto3 and PynamoDB are loaded when a command first asks AWS something.
"""

from __future__ import annotations
