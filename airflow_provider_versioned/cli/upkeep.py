"""Commands that keep a repository in order: free, sweep, verify, repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from airflow_provider_versioned.cli import text
from airflow_provider_versioned.cli.arguments import (
    all_option,
    chosen_names,
    duration,
    names_argument,
    optional_name_argument,
    yes_option,
)
from airflow_provider_versioned.cli.command import Command
from airflow_provider_versioned.cli.exits import INTEGRITY
from airflow_provider_versioned.cli.invocation import Invocation, pass_invocation
from airflow_provider_versioned.cli.progress import counted, each

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import FreeResult, SweepResult

_dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would go.")
_age_option = click.option(
    *("--older-than", "older_than_secs"),
    type=duration,
    metavar="DURATION",
    default="1d",
    show_default=True,
    help="Take what was begun longer ago, and not finished, for abandoned.",
)


@click.command(cls=Command)
@names_argument
@all_option
@click.option(
    "--grace",
    type=duration,
    metavar="DURATION",
    default="7d",
    show_default=True,
    help="How long a deletion can be undone.",
)
@_dry_run_option
@yes_option
@pass_invocation
def free(run: Invocation, names: tuple[str, ...], *, everything: bool, grace: float, dry_run: bool, yes: bool) -> None:
    """Remove for good the bytes of versions that were deleted or purged long enough ago."""
    chosen = chosen_names(run, names, everything=everything)
    results = [
        run.repository.free_artifact_versions(name, grace, dry_run=True) for name in each(run, "Looking", chosen)
    ]
    due = [result.name for result in results if result.freed]
    if due and not dry_run:
        freed, size = sum(len(result.freed) for result in results), sum(result.freed_bytes for result in results)
        run.confirm(f"Free {text.count(freed, 'version')}, {text.size(size)}? That cannot be undone.", yes=yes)
    if not dry_run:
        results = [run.repository.free_artifact_versions(name, grace) for name in each(run, "Freeing", chosen)]
    _answer_freed(run, results)


def _answer_freed(run: Invocation, results: list[FreeResult]) -> None:
    rows = [
        (result.name, entry.version, text.size(entry.size), "goes" if entry.free else "stays", entry.reason)
        for result in results
        for entry in result.decisions
    ]
    header = ("NAME", "VERSION", "SIZE", "WHAT", "REASON")
    run.answer_table([result.to_dict() for result in results if result.decisions], header, rows)
    if rows:
        run.say(f"{text.size(sum(result.freed_bytes for result in results))} in all.")


@click.command(cls=Command)
@names_argument
@all_option
@_age_option
@_dry_run_option
@yes_option
@pass_invocation
def sweep(
    run: Invocation, names: tuple[str, ...], *, everything: bool, older_than_secs: float, dry_run: bool, yes: bool
) -> None:
    """Remove what processes that died left behind and nobody ever saw.

    That is numbers that were claimed and never published, objects without a record, unfinished uploads.
    """
    chosen = chosen_names(run, names, everything=everything)
    sweep_artifact = run.repository.sweep_artifact
    results = [sweep_artifact(name, older_than_secs, dry_run=True) for name in each(run, "Looking", chosen)]
    found = sum(len(_rows(result)) for result in results)
    if found and not dry_run:
        run.confirm(f"Remove {text.count(found, 'thing')} that dead processes left?", yes=yes)
    if not dry_run:
        results = [sweep_artifact(name, older_than_secs) for name in each(run, "Sweeping", chosen)]
    rows = [row for result in results for row in _rows(result)]
    values = [result.to_dict() for result in results if _rows(result)]
    run.answer_table(values, ("NAME", "WHAT", "WHICH"), rows)


def _rows(result: SweepResult) -> list[tuple[str, str, str]]:
    kinds = (("claim", result.claims), ("orphan", result.orphans), ("upload", result.uploads))
    return [(result.name, kind, which) for kind, found in kinds for which in found]


@click.command(cls=Command)
@optional_name_argument
@click.option("--read-content", is_flag=True, help="Download and hash every live version; takes time and traffic.")
@_age_option
@pass_invocation
def verify(run: Invocation, /, name: str | None, **options: Any) -> None:
    """Look for what a crash, an older tool or a person left wrong, in one artifact or all; changes nothing.

    Exits with 5 if there are findings.
    """
    findings = list(counted(run, "Findings:", run.repository.verify(name, **options)))
    rows = ((entry.name, entry.where, entry.problem.value, f"{entry.message} {entry.advice}") for entry in findings)
    run.answer(
        [entry.to_dict() for entry in findings], _lines(("NAME", "WHERE", "PROBLEM", "WHAT AND WHAT TO DO"), rows)
    )
    if findings:
        mendable = sum(entry.repairable for entry in findings)
        run.say(f"{text.count(len(findings), 'finding')}; `repair` attempts {mendable} of them.")
        click.get_current_context().exit(INTEGRITY.code)
    run.say("All is well.")


@click.command(cls=Command)
@optional_name_argument
@_age_option
@pass_invocation
def repair(run: Invocation, /, name: str | None, **options: Any) -> None:
    """Mend what `verify` finds, in one artifact or all, as far as that cannot destroy anything.

    Exits with 5 if something is left for a person to decide.
    """
    repairs = list(counted(run, "Findings:", run.repository.repair(name, **options)))
    rows = (
        (
            entry.finding.name,
            entry.finding.where,
            entry.finding.problem.value,
            "done" if entry.done else "left",
            entry.said,
        )
        for entry in repairs
    )
    values = [{**entry.finding.to_dict(), "done": entry.done, "said": entry.said} for entry in repairs]
    run.answer(values, _lines(("NAME", "WHERE", "PROBLEM", "REPAIR", "WHAT WAS DONE OR IS TO DO"), rows))
    left = sum(not entry.done for entry in repairs)
    run.say(f"{text.count(len(repairs) - left, 'finding')} mended, {left} left." if repairs else "All is well.")
    if left:
        click.get_current_context().exit(INTEGRITY.code)


def _lines(header: tuple[str, ...], rows: Any) -> list[str]:
    shown = list(rows)
    return text.table(header, shown) if shown else []
