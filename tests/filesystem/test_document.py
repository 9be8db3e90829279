"""What docs/artifacts-as-paths.md shows runs, and prints what it says."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import pandas as pd
import pytest

from airflow_provider_versioned.filesystem.options import StorageOptions
from airflow_provider_versioned.repository import Repository
from tests.servers import MOTO

if TYPE_CHECKING:
    from tests.servers import Aws

DOCUMENT = (Path(__file__).parents[2] / "docs" / "artifacts-as-paths.md").read_text()
PLACE: Any = {"s3_prefix": "models", "dynamodb_table_name": "my-models", "suffix": ".bin"}


@pytest.mark.backends(MOTO)
def test_examples_of_the_document_run(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    versioned = {"s3_bucket": "my-models", **PLACE}
    stored = {"conn_type": "aws", "extra": {"region_name": aws.region, "service_config": {"versioned": versioned}}}
    monkeypatch.setenv("AIRFLOW_CONN_MY_AWS", json.dumps(stored))
    monkeypatch.setenv("AIRFLOW_CONN_MY-AWS", json.dumps(stored))
    repository = Repository("my-models", **PLACE)
    repository.bootstrap()
    for value in (1, 2):
        for name, dump in (("churn", joblib.dump), ("sales", pd.DataFrame.to_parquet)):
            content = io.BytesIO()
            dump(pd.DataFrame({"value": [value]}), content)
            repository.publish_artifact_version(name, content=content.getvalue())
            repository.put_alias(name, "prod", value)

    space: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL):
        exec(compile(code, "artifacts-as-paths.md", "exec"), space)  # noqa: S102 -- the document's own code

    printed = capsys.readouterr().out
    assert "version 2 of alias prod" in printed
    assert "my-models/churn@LATEST\nversioned://my-aws@my-models/churn@2\n" in printed
    assert "['my-models/sales@LATEST', 'my-models/sales@2', 'my-models/sales@1', 'my-models/sales@prod']" in printed
    assert space["files"].pin("my-models/sales@prod") == "my-models/sales@2"
    assert space["table"]["value"].to_pylist() == [2]


def test_options_of_the_document_are_those_that_there_are() -> None:
    (table,) = re.findall(r"\| option \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", DOCUMENT)
    named = {option for row in table.splitlines() for option in re.findall(r"`(\w+)`", row.split("|")[1])}

    assert named == {*StorageOptions.__dataclass_fields__, "route_key", "side", "pinned"}
