"""Commands that move content: put, publish, download."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from airflow_provider_versioned.cli.arguments import (
    author,
    author_option,
    by_alias_option,
    key_option,
    name_argument,
    optional_version_argument,
    pair,
)
from airflow_provider_versioned.cli.artifacts import describe, resolve
from airflow_provider_versioned.cli.command import Command
from airflow_provider_versioned.cli.invocation import Invocation, pass_invocation
from airflow_provider_versioned.cli.progress import Counting, bytes_moved, watch_uploads
from airflow_provider_versioned.repository.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_versioned.repository import Artifact

STANDARD_STREAM = "-"


def _attribute_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--content-type", help="Media type of the S3 object, such as application/zip."),
        click.option(
            "--metadata",
            type=pair,
            metavar="KEY=VALUE",
            multiple=True,
            help="User metadata of the S3 object; repeatable.",
        ),
        click.option(
            "--tag", "tags", type=pair, metavar="KEY=VALUE", multiple=True, help="Tag of the S3 object; repeatable."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def _content(run: Invocation, file: str, label: str) -> Iterator[Path | BinaryIO]:
    """Give the content that the argument names, and show how far its upload is."""
    if file == STANDARD_STREAM:
        yield sys.stdin.buffer
        return
    path = Path(file)
    if path.is_dir():
        raise InvalidInputError(f"Content file {file!r} is a folder; pack it into one file first.")
    with bytes_moved(run, label, path.stat().st_size if path.is_file() else None) as moved:
        watch_uploads(run.connection.s3, moved)
        yield path


@click.command(cls=Command)
@name_argument
@click.argument("file")
@_attribute_options
@pass_invocation
def put(
    run: Invocation,
    name: str,
    file: str,
    content_type: str | None,
    metadata: tuple[tuple[str, str], ...],
    tags: tuple[tuple[str, str], ...],
) -> None:
    """Make the content of FILE (- for stdin) LATEST of an artifact.

    The same content as now writes nothing.
    """
    with _content(run, file, f"Putting {name}") as content:
        artifact = run.repository.put_artifact(name, content, content_type, dict(metadata), dict(tags))
    run.answer(artifact.to_dict(), describe(artifact))


@click.command(cls=Command)
@name_argument
@click.argument("file", required=False)
@_attribute_options
@key_option
@click.option("--if-changed", is_flag=True, help="Publish nothing if the newest version has the same bytes.")
@author_option("--published-by")
@pass_invocation
def publish(
    run: Invocation,
    /,
    name: str,
    file: str | None,
    author: str | None,
    metadata: tuple[tuple[str, str], ...],
    tags: tuple[tuple[str, str], ...],
    **arguments: Any,
) -> None:
    """Publish the content of FILE (- for stdin), or LATEST if none is given, as the next version."""
    arguments |= {"metadata": dict(metadata) or None, "tags": dict(tags) or None, "published_by": _author(author)}
    if file is None:
        artifact = run.repository.publish_artifact_version(name, **arguments)
    else:
        with _content(run, file, f"Publishing {name}") as content:
            artifact = run.repository.publish_artifact_version(name, content=content, **arguments)
    run.answer(artifact.to_dict(), describe(artifact))


_author = author  # under its own name it is hidden by the argument


@click.command(cls=Command)
@name_argument
@optional_version_argument
@by_alias_option
@click.option(
    "--output", "-o", help="File to write, or - for stdout; otherwise one named like the artifact, in this folder."
)
@pass_invocation
def download(run: Invocation, name: str, version: str | None, alias: str | None, output: str | None) -> None:
    """Write the content of a version (LATEST unless said) to a file, verified against its sha256.

    A file appears whole and verified, or not at all, and replaces what has its name. To stdout, content streams as it
    comes, and the exit code 5 says at the end that it was not that of the record: check it before you use the output.
    """
    artifact = resolve(run, name, version, alias)
    if output == STANDARD_STREAM:
        _stream(run, artifact)
        return
    path = Path(output) if output else Path(f"{name.replace('/', '_')}{run.repository.suffix}")
    if path.is_dir():
        path /= artifact.s3uri.rpartition("/")[2]
    _write(run, artifact, path)
    run.answer({**artifact.to_dict(), "path": str(path)}, [*describe(artifact), f"written to {path}"])


def _write(run: Invocation, artifact: Artifact, path: Path) -> None:
    from airflow_provider_versioned.repository.content import write_verified  # noqa: PLC0415 -- only needed here

    with bytes_moved(run, f"Downloading {artifact.name}", artifact.size) as moved, artifact.open_content() as stream:
        write_verified(Counting(stream, moved), path)  # type: ignore[arg-type] # all that it uses of a stream


def _stream(run: Invocation, artifact: Artifact) -> None:
    with bytes_moved(run, f"Downloading {artifact.name}", artifact.size) as moved, artifact.open_content() as stream:
        shutil.copyfileobj(Counting(stream, moved), sys.stdout.buffer)
    sys.stdout.buffer.flush()
