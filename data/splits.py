"""Ways to hold out part of a log, and to thin it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.errors import DataError, ParameterError
from data.events import EventLog
from data.ids import IdMap

LONGEST_WINDOW = 14 * 86_400.0
"""Seconds; what people will hear further ahead has more to do with the catalogue than with them."""

WINDOW_SHARE = 0.1

FEWEST_SHARE = 0.05
FEWEST_EVENTS = 5_000


class TemporalSplit(NamedTuple):
    """A log cut at one time.

    Parameters
    ----------
    train : EventLog
        Events strictly before `cut`.
    test : EventLog
        Events at or after `cut`.
    cut : float
        UNIX seconds.
    """

    train: EventLog
    test: EventLog
    cut: float


def choose_window(log: EventLog) -> float:
    """Length of the window to hold out, seconds: 10 % of the time `log` spans, at most 14 days.

    Longer where that would hold next to nothing, as when a log of last year is followed by one
    event of today: the window holds at least 5 % of the events, or 5,000 of them.

    Raises
    ------
    DataError
        If `log` is empty, or an event has no time.
    """
    first, last = _span(log)
    enough = min(math.ceil(FEWEST_SHARE * len(log)), FEWEST_EVENTS)
    earliest = float(np.partition(log.timestamp, -enough)[-enough])
    length = min(LONGEST_WINDOW, WINDOW_SHARE * (last - first))
    return max(length, last - earliest) if earliest > first else length


def global_temporal_split(log: EventLog, window: float | None = None) -> TemporalSplit:
    """Cut `log` for everybody at one time, so that nothing of the future leaks into training.

    Split the training part again for a validation window.

    Parameters
    ----------
    log : EventLog
        Events with times.
    window : float or None
        Seconds at the end of the log that the test part holds; None asks `choose_window`.

    Raises
    ------
    DataError
        If `log` is empty, or an event has no time: use `random_split` then.
    ParameterError
        If the window leaves one of the parts empty.
    """
    first, last = _span(log)
    length = choose_window(log) if window is None else window
    if not 0 < length < last - first:
        raise ParameterError(
            f"expected a window between 0 and the {last - first:.0f} s that the log spans, "
            f"got {length:.0f} s"
        )
    cut = last - length
    return TemporalSplit(log.before(cut), log.since(cut), cut)


def random_split(log: EventLog, share: float = 0.2, seed: int = 0) -> tuple[EventLog, EventLog]:
    """Hold out a random share of each listener's tracks, with all events of theirs.

    Leaky: what was heard later explains what was heard before, so that quality comes out too
    high. For logs without times only.

    Parameters
    ----------
    log : EventLog
        Events.
    share : float
        Of n ≥ 2 tracks of a listener, ``round(share * n)`` are held out, and n − 1 at most.
    seed : int
        Equal seeds give equal splits.

    Returns
    -------
    tuple of EventLog
        Train and test.

    Raises
    ------
    ParameterError
        If `share` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ParameterError(f"expected a share between 0 and 1, got {share}")
    user, n_pairs, rank, pair_of_row = _shuffled(log, seed)
    held = np.where(n_pairs >= 2, np.minimum(np.rint(share * n_pairs), n_pairs - 1), 0)
    test = (rank < held[user])[pair_of_row]
    return log.take(~test), log.take(test)


def random_folds(log: EventLog, folds: int, seed: int = 0) -> list[tuple[EventLog, EventLog]]:
    """Random splits whose held-out parts do not overlap and together hold everything.

    As leaky as `random_split`. The tracks of a listener with fewer than `folds` of them fall into
    some of the folds only; a listener's only track is never held out.

    Parameters
    ----------
    log : EventLog
        Events.
    folds : int
        Number of splits, at least 2.
    seed : int
        Equal seeds give equal splits.

    Raises
    ------
    ParameterError
        If `folds` is below 2.
    """
    if folds < 2:
        raise ParameterError(f"expected at least 2 folds, got {folds}")
    user, n_pairs, rank, pair_of_row = _shuffled(log, seed)
    fold = (rank + user) % folds  # no fold gets the odd pairs of everybody
    splits = []
    for position in range(folds):
        test = ((fold == position) & (n_pairs[user] >= 2))[pair_of_row]
        splits.append((log.take(~test), log.take(test)))
    return splits


def hold_out_items(log: EventLog, share: float, seed: int = 0) -> tuple[EventLog, EventLog]:
    """Hold out all events of a random share of the tracks that occur, as if they were new.

    Parameters
    ----------
    log : EventLog
        Events.
    share : float
        ``round(share * n)`` of the n tracks with events are held out.
    seed : int
        Equal seeds give equal splits.

    Returns
    -------
    tuple of EventLog
        Events of the other tracks, and of those held out.

    Raises
    ------
    ParameterError
        If `share` is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ParameterError(f"expected a share between 0 and 1, got {share}")
    occurring = np.unique(log.item_index)
    drawn = np.random.default_rng(seed).permutation(occurring)[: round(share * len(occurring))]
    held = np.isin(log.item_index, drawn)
    return log.take(~held), log.take(held)


def concatenate(first: EventLog, second: EventLog) -> EventLog:
    """Events of two logs over the same listeners and tracks, ordered by time where it is known."""
    both = EventLog(
        first.users,
        first.items,
        *(
            np.concatenate([getattr(first, name), getattr(second, name)])
            for name in ("user_index", "item_index", "timestamp", "kind", "play_ratio", "plays")
        ),
    )
    return both.take(np.argsort(both.timestamp, kind="stable"))


def k_core(log: EventLog, k: int) -> EventLog:
    """Drop listeners with fewer than `k` tracks and tracks with fewer than `k` listeners.

    Repeated until nobody is left to drop. The maps of the result hold only who remains, in the
    order they had.

    Raises
    ------
    ParameterError
        If `k` is below 1.
    """
    if k < 1:
        raise ParameterError(f"expected k ≥ 1, got {k}")
    user, item, pair_of_row = _pairs(log)
    kept = np.ones(len(user), np.bool_)
    while True:
        # Of a dropped listener no pair is kept, so that a count of 0 needs no case of its own.
        busy_users = np.bincount(user[kept], minlength=len(log.users)) >= k
        busy_items = np.bincount(item[kept], minlength=len(log.items)) >= k
        remaining = kept & busy_users[user] & busy_items[item]
        if remaining.sum() == kept.sum():
            break
        kept = remaining
    core = log.take(kept[pair_of_row])
    users, user_index = _compact(log.users, core.user_index)
    items, item_index = _compact(log.items, core.item_index)
    return EventLog(
        users=users,
        items=items,
        user_index=user_index,
        item_index=item_index,
        timestamp=core.timestamp,
        kind=core.kind,
        play_ratio=core.play_ratio,
        plays=core.plays,
    )


def _shuffled(
    log: EventLog, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Listener of each pair, pairs of each listener, random place of each pair, pair of each row.

    Places run from 0 among the pairs of one listener.
    """
    user, _, pair_of_row = _pairs(log)
    n_pairs = np.bincount(user, minlength=len(log.users))
    shuffled = np.lexsort((np.random.default_rng(seed).random(len(user)), user))
    first_of_user = np.cumsum(n_pairs) - n_pairs
    rank = np.empty(len(user), np.int64)
    rank[shuffled] = np.arange(len(user)) - first_of_user[user[shuffled]]
    return user, n_pairs, rank, pair_of_row


def _span(log: EventLog) -> tuple[float, float]:
    if not log.has_timestamps:
        raise DataError(
            f"expected a log whose events carry their time, got {len(log)} events with "
            f"{int(np.isnan(log.timestamp).sum())} without; use a random split instead"
        )
    return float(log.timestamp.min()), float(log.timestamp.max())


def _pairs(log: EventLog) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Distinct (listener, track) pairs by listener, and the pair of each event."""
    n_items = max(len(log.items), 1)
    key = log.user_index.astype(np.int64) * n_items + log.item_index
    distinct, pair_of_row = np.unique(key, return_inverse=True)
    user, item = np.divmod(distinct, n_items)
    return user, item, pair_of_row


def _compact(ids: IdMap, index: NDArray[np.int32]) -> tuple[IdMap, NDArray[np.int32]]:
    present, compact = np.unique(index, return_inverse=True)
    return IdMap(ids.externals(present.tolist())), compact.astype(np.int32)
