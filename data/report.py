"""What an import did, and what it could not do."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

KEPT_PROBLEMS = 100_000
"""Problems beyond these are counted, not kept, so that a hopeless file cannot fill the memory."""

Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is; 0 where that is not known."""


class Problem(NamedTuple):
    """One thing that went wrong: `where` names a file or a row ("row 17"), `reason` says why."""

    where: str
    reason: str


@dataclass
class ImportReport:
    """Counters of one import, and its problems.

    Parameters
    ----------
    created : int
        Tracks or events that are new in the store.
    updated : int
        Tracks that were there and changed; counts that were replaced.
    unchanged : int
        Tracks that were there and are the same.
    moved : int
        Files found again at another path.
    matched : int
        Rows or files that were recognised as a track of the catalogue.
    duplicates : int
        Rows, events or files that are there already, or came twice.
    skipped : int
        Rows or files left out; each is a problem, too.
    ignored : int
        Files that nobody expects to be read: hidden ones, and those that are not audio.
    problems : list of Problem
        What went wrong, the first ``KEPT_PROBLEMS`` of it.
    n_problems : int
        How much went wrong.
    notes : list of str
        Remarks on the import as a whole.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    matched: int = 0
    duplicates: int = 0
    skipped: int = 0
    ignored: int = 0
    problems: list[Problem] = field(default_factory=list)
    n_problems: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """True when nothing was left out."""
        return self.n_problems == 0

    def flag(self, where: str, reason: str) -> None:
        """Record that something went wrong without a row or a file being left out."""
        self.n_problems += 1
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(Problem(where, reason))

    def skip(self, where: str, reason: str) -> None:
        """Record that a row or a file was left out."""
        self.skipped += 1
        self.flag(where, reason)

    def write_problems(self, path: Path) -> None:
        """Write the problems as CSV, see `write_problems`."""
        write_problems(self.problems, self.n_problems, path)


def write_problems(problems: Sequence[Problem], total: int, path: Path) -> None:
    """Write `problems`, of which there were `total`, as CSV with the columns of `Problem`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Problem._fields)
        writer.writerows(problems)
        if total > len(problems):
            left = total - len(problems)
            writer.writerow(Problem("", f"{left} more problems were counted, but not kept"))
