"""Processor time, wall time and peak memory of named functions, while something else calls them.

The product carries no clocks for its training: here functions are replaced, where their callers
look them up, by ones that are timed, and put back afterwards.
"""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Spent:
    """What a stage took, without the stages within it.

    Parameters
    ----------
    calls : int
        How often it was entered.
    wall, cpu : float
        Seconds; those of all threads for the processor.
    peak_gib : float
        Most memory that the process held while it ran, stages within it included.
    """

    calls: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    peak_gib: float = 0.0


class Clocks:
    """Stages by name; the name of a stage within another one is ``outer/inner``.

    Parameters
    ----------
    on_end : callable, optional
        Called with everything so far whenever a stage ends, so that what is stopped half-way has
        left something.
    """

    def __init__(self, on_end: Callable[[dict[str, dict[str, float]]], None] | None = None) -> None:
        self.spent: dict[str, Spent] = {}
        self._open: list[str] = []
        self._since = self._now()
        self._on_end = on_end

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block as `name`."""
        self._count()
        self._open.append(name)
        self.spent.setdefault("/".join(self._open), Spent()).calls += 1
        try:
            yield
        finally:
            self._count()
            self._open.pop()
            if self._on_end is not None:
                self._on_end(self.report())

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, with each call counted as `name`."""

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **named)

        return call

    @contextmanager
    def over(self, functions: Mapping[str, str]) -> Iterator[None]:
        """Time ``package.module.function`` → stage while the block runs."""
        patches = []
        for place, name in functions.items():
            module, _, attribute = place.rpartition(".")
            function = getattr(importlib.import_module(module), attribute)
            patches.append(mock.patch(place, self.timed(name, function)))
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()

    def report(self) -> dict[str, dict[str, float]]:
        """Every stage, rounded."""
        return {
            name: {key: round(value, 2) for key, value in asdict(spent).items()}
            for name, spent in self.spent.items()
        }

    def _count(self) -> None:
        """Give what went by since the last change of stage to the innermost one that was open."""
        now = self._now()
        peak = take_peak_gib()
        path = "/".join(self._open)
        if self._open:
            own = self.spent[path]
            own.wall += now[0] - self._since[0]
            own.cpu += now[1] - self._since[1]
        for depth in range(1, len(self._open) + 1):
            outer = self.spent["/".join(self._open[:depth])]
            outer.peak_gib = max(outer.peak_gib, peak)
        self._since = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()


def take_peak_gib() -> float:
    """Most memory held since the last call, GiB; Linux only."""
    fields = dict(line.split(":", 1) for line in _STATUS.read_text("ascii").splitlines())
    _CLEAR.write_text("5", "ascii")  # proc(5): resets the peak
    return int(fields["VmHWM"].split()[0]) / 2**20


def totals(stages: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Stages summed up by their last name, wherever they were entered."""
    found: dict[str, Spent] = {}
    for path, spent in stages.items():
        own = found.setdefault(path.rpartition("/")[2], Spent())
        own.calls += int(spent["calls"])
        own.wall += spent["wall"]
        own.cpu += spent["cpu"]
        own.peak_gib = max(own.peak_gib, spent["peak_gib"])
    return {
        name: {key: round(value, 2) for key, value in asdict(spent).items()}
        for name, spent in found.items()
    }
