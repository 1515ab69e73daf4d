"""Cells of a table as numbers and times; what makes no sense is refused, row by row."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.store.events import MAX_PLAYS

MILLISECONDS_FROM = 1e11
"""Larger times are milliseconds; as seconds this would be the year 5138."""

FUTURE_TOLERANCE = 86_400.0
"""Seconds; clocks and time zones are wrong by hours, not by more than a day."""

SHOWN_LENGTH = 80
"""Characters of a cell that a reason repeats."""


class Check:
    """Collects why rows of a table are left out; the first reason of a row counts.

    Parameters
    ----------
    n_rows : int
        Rows of the table.
    """

    def __init__(self, n_rows: int) -> None:
        self.passed: NDArray[np.bool_] = np.ones(n_rows, np.bool_)
        self._reasons: dict[int, str] = {}

    def refuse(self, rows: NDArray[np.bool_], reason: str, cells: Sequence[str]) -> None:
        """Refuse `rows` that have passed so far; ``{}`` in `reason` stands for the row's cell."""
        for row in np.flatnonzero(rows & self.passed).tolist():
            self._reasons[row] = reason.format(repr(cells[row][:SHOWN_LENGTH]))
        self.passed &= ~rows

    def refused(self) -> list[tuple[int, str]]:
        """Positions and reasons of the rows that were refused, in the order of the table."""
        return sorted(self._reasons.items())


def parse_timestamps(cells: Sequence[str], check: Check) -> NDArray[np.float64]:
    """UNIX seconds, NaN for blank cells."""
    present = np.array([bool(cell) for cell in cells], np.bool_)
    seconds = _numbers(cells)
    milliseconds = seconds > MILLISECONDS_FROM
    seconds[milliseconds] /= 1000
    written = present & np.isnan(seconds)
    if written.any():
        dates = pd.to_datetime(
            [cells[row] for row in np.flatnonzero(written).tolist()],
            utc=True,
            format="ISO8601",
            errors="coerce",
        )
        seconds[written] = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    check.refuse(
        present & ~(np.isfinite(seconds) & (seconds > 0)),
        "timestamp {} is neither UNIX time nor ISO 8601",
        cells,
    )
    check.refuse(seconds > time.time() + FUTURE_TOLERANCE, "timestamp {} lies in the future", cells)
    return seconds


def parse_plays(cells: Sequence[str], check: Check) -> NDArray[np.float64]:
    """Counts, NaN for blank cells."""
    present = np.array([bool(cell) for cell in cells], np.bool_)
    plays = _numbers(cells)
    fine = (plays >= 1) & (plays <= MAX_PLAYS) & (plays == np.floor(plays))
    check.refuse(present & ~fine, "plays {} is no whole number from 1", cells)
    return plays


def parse_ratios(
    cells: Mapping[str, Sequence[str]], durations: NDArray[np.float64], check: Check
) -> NDArray[np.float64]:
    """Share that was heard, NaN where nothing tells."""
    ratio, played = _numbers(cells["play_ratio"]), _numbers(cells["ms_played"])
    for name, values in (("play_ratio", ratio), ("ms_played", played)):
        present = np.array([bool(cell) for cell in cells[name]], np.bool_)
        fine = np.isfinite(values) & (values >= 0)
        check.refuse(present & ~fine, f"{name} {{}} is no number from 0", cells[name])
    return np.where(np.isnan(ratio), played / 1000 / durations, ratio)


def _numbers(cells: Sequence[str]) -> NDArray[np.float64]:
    """Cells as numbers, NaN where they are none."""
    if not any(cells):
        return np.full(len(cells), np.nan)
    series = pd.Series(cells, dtype="str")
    return np.array(pd.to_numeric(series, errors="coerce"), np.float64)
