"""Which part of a log is held out: the end of it where times are known, a random part elsewhere."""

from __future__ import annotations

from typing import Literal, NamedTuple

from data.events import EventLog
from data.splits import (
    choose_window,
    concatenate,
    global_temporal_split,
    hold_out_items,
    random_split,
)

Protocol = Literal["temporal", "random"]


class HeldOut(NamedTuple):
    """A log in two parts.

    Parameters
    ----------
    past : EventLog
        To learn from.
    later : EventLog
        To be predicted.
    protocol : {"temporal", "random"}
        How it was cut; random splits leak and flatter every method.
    cut : float or None
        UNIX seconds at which `later` begins; None for a random split.
    """

    past: EventLog
    later: EventLog
    protocol: Protocol
    cut: float | None


def hold_out(log: EventLog, *, seed: int = 0, cold_share: float = 0.0) -> HeldOut:
    """Cut `log` by time when every event carries one and they differ, else at random.

    With a `cold_share` above 0, that share of the tracks, drawn by `seed`, is held out with all
    its events, those before the cut included: tracks that are cold however old they are.
    """
    if cold_share:
        rest, newcomers = hold_out_items(log, cold_share, seed)
        held = hold_out(rest, seed=seed)
        return held._replace(later=concatenate(held.later, newcomers))
    if log.has_timestamps and (window := choose_window(log)) > 0:
        train, test, cut = global_temporal_split(log, window)
        return HeldOut(train, test, "temporal", cut)
    past, later = random_split(log, seed=seed)
    return HeldOut(past, later, "random", None)


def cut_at(log: EventLog, cut: float) -> HeldOut:
    """Cut `log` at a given time, UNIX seconds; either part may be empty."""
    return HeldOut(log.before(cut), log.since(cut), "temporal", cut)
