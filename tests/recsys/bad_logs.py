"""Logs and libraries as nobody would wish for, and what should come of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.events import EventKind

DAY = 86_400.0
START = 1_700_000_000.0
N_TRACKS = 40
Rows = list[tuple[str, int, EventKind, float | None]]


def track_id(number: int) -> str:
    return f"t{number:02d}"


def plays(n_users: int, each: int, tracks: int = N_TRACKS, seed: int = 0) -> Rows:
    """Random plays of the first `tracks` tracks, over a hundred days."""
    rng = np.random.default_rng(seed)
    return [
        (f"u{user:02d}", int(track), EventKind.PLAY, START + 100 * DAY * float(rng.random()))
        for user in range(n_users)
        for track in rng.permutation(tracks)[:each]
    ]


def at(rows: Rows, time: Callable[[float], float | None]) -> Rows:
    return [(user, track, kind, time(when or 0.0)) for user, track, kind, when in rows]


def only_skips() -> Rows:
    return [(user, track, EventKind.SKIP, when) for user, track, _, when in plays(20, 8)]


def giant() -> Rows:
    rng = np.random.default_rng(1)
    own = rng.integers(0, N_TRACKS - 5, 3000).tolist()
    rows: Rows = [("u00", t, EventKind.PLAY, START + 100 * DAY * rng.random()) for t in own]
    return rows + [row for row in plays(8, 4) if row[0] != "u00"]


def only_newcomers() -> Rows:
    """All that is heard in the last ten days, nobody had heard before."""
    half = N_TRACKS // 2
    first = at(plays(20, 8, tracks=half), lambda time: START + 0.9 * (time - START))
    later = at(plays(20, 3, tracks=half, seed=1), lambda time: START + 0.1 * (time - START))
    moved = at(later, lambda time: time + 90 * DAY)
    return first + [(user, half + track, kind, when) for user, track, kind, when in moved]


def only_repeats() -> Rows:
    """All that is heard in the last ten days had been heard before."""
    first = at(plays(20, 8), lambda time: START + 0.5 * (time - START))
    return first + [(user, track, kind, START + 99 * DAY) for user, track, kind, _ in first]


@dataclass(frozen=True)
class Case:
    """What there is, and what should come of it."""

    rows: Rows
    sound: bool = True
    untrained: str | None = None
    """Words of the error that training gives."""
    unjudged: str | None = None
    """Words of the error that evaluation gives."""
    untuned: bool = False
    """Tuning finds nothing to go by."""
    fallback: bool = False
    """Even a listener with events gets a list that is not personal."""


NOTHING = "nothing to evaluate"
CASES = {
    "every listener has one listen": Case(plays(30, 1)),
    "one listen in the whole log": Case(plays(1, 1), unjudged=NOTHING, untuned=True),
    "most tracks were never heard": Case(plays(30, 4, tracks=6)),
    "nobody took to anything": Case(only_skips(), unjudged=NOTHING, untuned=True, fallback=True),
    "nobody took to anything, without sound": Case(
        only_skips(), sound=False, unjudged=NOTHING, untuned=True, fallback=True
    ),
    "everything to come is cold": Case(only_newcomers()),
    "everything to come is cold, without sound": Case(only_newcomers(), sound=False),
    "one giant listener": Case(giant()),
    "all at one time": Case(at(plays(30, 8), lambda _: START)),
    "all at time 0": Case(at(plays(30, 8), lambda _: 0.0)),
    "no times": Case(at(plays(30, 8), lambda _: None)),
    "all in the future": Case(at(plays(30, 8), lambda time: time + 5000 * DAY)),
    "one listen in the far future": Case([*plays(30, 8), ("u00", 39, EventKind.PLAY, 1e11)]),
    "no sound": Case(plays(30, 8), sound=False),
    "no log": Case([], unjudged=NOTHING, untuned=True, fallback=True),
    "neither sound nor log": Case([], sound=False, untrained="listens import"),
    "nothing new in the last days": Case(only_repeats(), unjudged=NOTHING),
}
