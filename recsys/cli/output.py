"""What every command shares: consoles, progress, tables, exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from data.report import ImportReport, Problem, write_problems

FAILED = 1
"""Exit status: nothing, or not what was asked for, was done; the message says why."""
INCOMPLETE = 3
"""Exit status: done, but something was left out; it is counted and listed."""

SHOWN_PROBLEMS = 10

PIPED_WIDTH = 10_000
"""Columns where nobody's terminal sets a limit: a pipe gets whole ids, not as much as fits."""

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPED_WIDTH)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Advance(Protocol):
    """Tells a progress bar how far its work is."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """`done` of `total` units, with a `note` behind the bar."""


@contextmanager
def progress(task: str) -> Iterator[Advance]:
    """Progress bar on a terminal, nothing when piped; yields ``advance(done, total, note)``."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=err,
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as bar:
        row = bar.add_task(task, total=None, note="")

        def advance(done: int, total: int, note: str = "") -> None:
            bar.update(row, completed=done, total=total, note=note)

        yield advance


def show_problems(problems: Sequence[Problem], total: int, file: Path) -> None:
    """Print the first of `total` problems and where the rest is listed; writes `file`."""
    if not total:
        file.unlink(missing_ok=True)  # what an earlier run left out is no longer true
        return
    for problem in problems[:SHOWN_PROBLEMS]:
        err.print(f"  {problem.where}: {problem.reason}", markup=False, style="yellow")
    if total > SHOWN_PROBLEMS:
        err.print(f"  … and {total - SHOWN_PROBLEMS} more", markup=False, style="yellow")
    write_problems(problems, total, file)
    err.print(f"listed in {file}", markup=False)


def import_summary(report: ImportReport) -> str:
    """One line about an import: every counter that is not 0."""
    counters = {
        "new": report.created,
        "updated": report.updated,
        "moved": report.moved,
        "unchanged": report.unchanged,
        "duplicates": report.duplicates,
        "skipped": report.skipped,
        "ignored": report.ignored,
    }
    return ", ".join(f"{count} {name}" for name, count in counters.items() if count) or "nothing"


def finish_import(report: ImportReport, file: Path) -> None:
    """Print an import's report and end the command with the status it deserves."""
    out.print(import_summary(report), markup=False)
    for note in report.notes:
        err.print(note, markup=False)
    show_problems(report.problems, report.n_problems, file)
    if not report.complete:
        raise typer.Exit(INCOMPLETE)
