"""What listeners think of tracks, replayed event by event: the naive reference."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from data.events import Event, EventKind
from data.interactions import SKIPPED_BELOW


def naive_state(events: Sequence[Event]) -> dict[tuple[str, str], tuple[float, int, float]]:
    """(listener, track) → plays, opinion, skips; pairs of which nothing is left are not in it."""
    ordered = sorted(
        events, key=lambda e: (-inf if e.timestamp is None else e.timestamp, e.kind.code)
    )
    found: dict[tuple[str, str], list[float]] = {}
    for event in ordered:
        if event.kind is EventKind.IMPRESSION:
            continue
        state = found.setdefault((event.user_id, event.track_id), [0.0, 0, 0, 0.0])
        if event.kind is EventKind.PLAY:
            heard = 1.0 if event.play_ratio is None else min(event.play_ratio, 1.0)
            state[0] += event.plays * heard
            state[3] += event.plays * (heard < SKIPPED_BELOW)
        elif event.kind is EventKind.SKIP:
            state[3] += event.plays
        elif event.kind is EventKind.LIKE:
            state[1], state[2] = 1, False
        elif event.kind is EventKind.DISLIKE:
            state[1] = -1
        elif event.kind is EventKind.HIDE:
            state[2] = True
        elif event.kind is EventKind.UNHIDE:
            state[2] = False
        elif (event.kind, state[1]) in ((EventKind.UNLIKE, 1), (EventKind.UNDISLIKE, -1)):
            state[1] = 0
    return {
        pair: (plays, -1 if hidden else int(opinion), skips)
        for pair, (plays, opinion, hidden, skips) in found.items()
        if plays or opinion or hidden or skips
    }
