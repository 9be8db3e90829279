"""One transfer of large content in a process of its own: what it took, and what memory beyond the idle process.

``python -m benchmarks.transfer ORDER`` with an :class:`Order` as JSON; the answer is JSON, too. Before it is measured,
the process has done the same with content of a kilobyte, so that libraries and clients are loaded.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PUT, PUBLISH, DOWNLOAD, PIPE = "put", "publish", "download", "pipe"
OURS, BOTO3 = "ours", "boto3"
IDLE = 1024


@dataclass(frozen=True)
class Order:
    """What is to be done.

    Attributes:
        side: ``ours`` or ``boto3``.
        what: ``put``, ``publish``, ``download`` or ``pipe``.
        file: The content; of a download, where it goes to.
        place: Bucket and table in one, made before.
    """

    side: str
    what: str
    file: str
    place: str
    s3_endpoint: str
    dynamodb_endpoint: str
    delay_secs: float


def run(order: Order) -> dict[str, Any]:
    """Do it in a new process; return the seconds, CPU seconds, requests and the most bytes beyond what was idle."""
    command = [sys.executable, "-m", "benchmarks.transfer", json.dumps(asdict(order))]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- ourselves
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def _of_ours(order: Order, aws: Any) -> Callable[[str, Path], object]:
    from airflow_provider_versioned.repository import Repository  # noqa: PLC0415 -- as a task does
    from benchmarks.servers import place  # noqa: PLC0415 -- not for the other side

    repository = Repository(**place(order.place), s3_client=aws.new_s3(), dynamodb_client=aws.new_dynamodb())

    def put(name: str, path: Path) -> None:
        repository.put_artifact(name, path)

    def publish(name: str, path: Path) -> None:
        repository.publish_artifact_version(name, content=path)

    def pipe(name: str, path: Path) -> None:
        with subprocess.Popen(["/bin/cat", path], stdout=subprocess.PIPE) as source:  # noqa: S603 -- our own file
            repository.put_artifact(name, source.stdout)  # type: ignore[arg-type] # it has one

    return {
        PUT: put,
        PUBLISH: publish,
        DOWNLOAD: lambda name, path: repository.get_artifact_version(name).download(path),
        PIPE: pipe,
    }[order.what]


def _of_boto3(order: Order, aws: Any) -> Callable[[str, Path], object]:
    s3, bucket = aws.new_s3(), order.place

    def publish(name: str, path: Path) -> None:
        s3.upload_file(str(path), bucket, f"boto3/{name}/1")
        s3.copy({"Bucket": bucket, "Key": f"boto3/{name}/1"}, bucket, f"boto3/{name}/LATEST")

    def pipe(name: str, path: Path) -> None:
        with subprocess.Popen(["/bin/cat", path], stdout=subprocess.PIPE) as source:  # noqa: S603 -- our own file
            s3.upload_fileobj(source.stdout, bucket, f"boto3/{name}/LATEST")

    return {
        PUT: lambda name, path: s3.upload_file(str(path), bucket, f"boto3/{name}/LATEST"),
        PUBLISH: publish,
        DOWNLOAD: lambda name, path: s3.download_file(bucket, f"boto3/{name}/LATEST", str(path)),
        PIPE: pipe,
    }[order.what]


def _warm_up(order: Order, aws: Any) -> None:
    path = Path(f"{order.file}.idle")
    path.write_bytes(b"x" * IDLE)
    done = _of_ours if order.side == OURS else _of_boto3
    done(Order(**{**asdict(order), "what": PUT}), aws)("idle", path)
    done(order, aws)("idle", path)
    path.unlink()


def _main(order: Order) -> None:
    from benchmarks.sides import Figures, measure  # noqa: PLC0415 -- slow
    from tests.servers import DYNAMODB_LOCAL, connect  # noqa: PLC0415 -- slow

    aws = connect(DYNAMODB_LOCAL, (order.dynamodb_endpoint, order.s3_endpoint))
    _warm_up(order, aws)
    act, figures = (_of_ours if order.side == OURS else _of_boto3)(order, aws), Figures()
    measure(figures, lambda: act("large", Path(order.file)), order.delay_secs)
    sys.stdout.write(f"{json.dumps(figures.raw())}\n")


if __name__ == "__main__":
    _main(Order(**json.loads(sys.argv[1])))
