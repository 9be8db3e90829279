"""pandas, pyarrow and joblib, the real ones, reading by alias; and none of them writes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import fsspec
import joblib
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from airflow_provider_versioned.filesystem.errors import ReadOnlyError
from airflow_provider_versioned.repository import IntegrityError
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_versioned.filesystem import VersionedFileSystem
    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store
    from tests.servers import Aws


def parquet(value: int, rows: int = 1000) -> bytes:
    """Return a table of one value in a few row groups."""
    file = io.BytesIO()
    pq.write_table(pa.table({"value": [value] * rows, "row": list(range(rows))}), file, row_group_size=rows // 4)
    return file.getvalue()


@pytest.fixture
def sales(repository: Repository, bucket: str) -> str:
    """The path of an alias of two tables of different length; it is the first."""
    repository.publish_artifact_version("sales", content=parquet(1))
    repository.publish_artifact_version("sales", content=parquet(2, rows=5000))
    repository.put_alias("sales", "prod", 1)
    return f"{bucket}/sales@prod"


@pytest.mark.backends(MOTO, MINISTACK)
def test_pandas_reads_tables_by_alias(repository: Repository, options: dict[str, Any], sales: str) -> None:
    repository.publish_artifact_version("prices", content=b"name,price\ntea,3\n")
    prices = f"versioned://{repository.s3_bucket}/prices@LATEST"

    assert pd.read_parquet(f"versioned://{sales}", storage_options=options)["value"].sum() == 1000
    assert pd.read_csv(prices, storage_options=options).to_dict("list") == {"name": ["tea"], "price": [3]}
    repository.put_alias("sales", "prod", 2)
    assert pd.read_parquet(f"versioned://{sales}", storage_options=options)["value"].sum() == 10_000


@pytest.mark.backends(MOTO, MINISTACK)
def test_pyarrow_reads_tables_by_alias(files: VersionedFileSystem, sales: str) -> None:
    assert pq.read_table(sales, filesystem=files, columns=["value"])["value"].to_pylist() == [1] * 1000
    assert pa.dataset.dataset(sales, filesystem=files).count_rows() == 1000
    with files.open(sales) as file:
        assert pq.ParquetFile(file).read_row_group(2)["row"].to_pylist() == list(range(500, 750))


@pytest.mark.backends(MOTO)
def test_joblib_reads_models_by_alias(repository: Repository, options: dict[str, Any], tmp_path: Path) -> None:
    for number, compress in enumerate((0, 3), start=1):
        joblib.dump({"weights": list(range(100))}, tmp_path / "model", compress=compress)
        version = repository.publish_artifact_version("model", content=tmp_path / "model").version
        repository.put_alias("model", "prod", version)
        with fsspec.open(f"versioned://{repository.s3_bucket}/model@prod", **options) as file:
            assert joblib.load(file) == {"weights": list(range(100))}
            assert file.artifact.version == str(number)


@pytest.mark.backends(MOTO)
def test_reader_that_opens_a_path_several_times_never_mixes_two_versions(
    repository: Repository, options: dict[str, Any], sales: str, aws: Aws
) -> None:
    s3, fetched = aws.new_s3(), []

    def move(**_: object) -> None:
        fetched.append(repository.put_alias("sales", "prod", 2))

    s3.meta.events.register("before-call.s3.GetObject", move)
    table = pd.read_parquet(f"versioned://{sales}", storage_options={**options, "s3_client": s3})

    assert (len(table), table["value"].sum(), len(fetched)) == (1000, 1000, 1)
    assert repository.get_alias("sales", "prod").version == "2"


@pytest.mark.backends(MOTO)
def test_broken_table_is_told_as_broken_and_not_parsed(
    store: Store, options: dict[str, Any], files: VersionedFileSystem, sales: str
) -> None:
    good = parquet(1)
    store.put_object(store.key("sales", "000001"), good[:-1] + bytes([good[-1] ^ 1]))

    with pytest.raises(IntegrityError):
        pd.read_parquet(f"versioned://{sales}", storage_options=options)
    with pytest.raises(IntegrityError):
        pq.read_table(sales, filesystem=files)
    with pytest.raises(IntegrityError), files.open(sales) as file:
        joblib.load(file)


WRITES: dict[str, Callable[[VersionedFileSystem, str, str], object]] = {
    "open": lambda files, path, _: files.open(path, "wb"),
    "open text": lambda files, path, _: files.open(path, "w"),
    "append": lambda files, path, _: files.open(path, "ab"),
    "update": lambda files, path, _: files.open(path, "r+b"),
    "pipe": lambda files, path, _: files.pipe(path, b"x"),
    "write_text": lambda files, path, _: files.write_text(path, "x"),
    "put": lambda files, path, local: files.put(local, path),
    "upload": lambda files, path, local: files.upload(local, path),
    "touch": lambda files, path, _: files.touch(path),
    "copy": lambda files, path, _: files.copy(path, path.replace("@", "2@")),
    "move": lambda files, path, _: files.move(path, path.replace("@", "2@")),
    "rm": lambda files, path, _: files.rm(path),
    "rm recursive": lambda files, path, _: files.rm(path.partition("@")[0], recursive=True),
    "rm_file": lambda files, path, _: files.rm_file(path),
    "mkdir": lambda files, path, _: files.mkdir(path),
    "makedirs": lambda files, path, _: files.makedirs(path, exist_ok=True),
    "rmdir": lambda files, path, _: files.rmdir(path),
    "pyarrow": lambda files, path, _: pq.write_table(pa.table({"a": [1]}), path, filesystem=files),
    "pyarrow dataset": lambda files, path, _: pa.dataset.write_dataset(
        pa.table({"a": [1]}), path, format="parquet", filesystem=files
    ),
    "transaction": lambda files, path, _: _in_a_transaction(files, path),
}


def _in_a_transaction(files: VersionedFileSystem, path: str) -> None:
    with files.transaction:
        files.open(path, "wb")


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("write", WRITES)
def test_writing_is_refused_with_what_to_use_instead(
    write: str, files: VersionedFileSystem, store: Store, sales: str, tmp_path: Path
) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"x")

    with store.unchanged(), pytest.raises(ReadOnlyError, match="publish with PublishArtifactOperator or Repository"):
        WRITES[write](files, sales, str(local))


@pytest.mark.backends(MOTO)
def test_pandas_writes_nothing(options: dict[str, Any], store: Store, sales: str) -> None:
    table = pd.DataFrame({"value": [1]})
    for write in (table.to_parquet, table.to_csv, table.to_json, table.to_pickle):
        with store.unchanged(), pytest.raises(ReadOnlyError, match="PublishArtifactOperator"):
            write(f"versioned://{sales}", storage_options=options)
