"""What the ranker learns from: several pairs of a past and what listeners took to after it.

In every window a share of the tracks is made cold: nothing that was played of them before is left
in the past, as if they had been added at the cut. Otherwise the ranker would see tracks without
listeners only where nobody wanted them, and learn that no plays means bad.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data.arrays import Mask
from data.events import EventLog
from data.splits import concatenate, random_folds
from recsys.holdout import HeldOut, hold_out

FEWEST_FOLDS = 10
"""Folds that random windows are taken from, so that each leaves nine tenths to learn from: what the
ranker learns from is nearer to what it serves than with four fifths. On one split of a real log
NDCG@20 is .3556 so and .3543 with five folds, each with five windows; all ten of ten have .3566,
for twice the time."""
MIN_PAST = 0.5
"""Share of the log that must lie before a window: a past that is much shorter than what serving
knows would teach the ranker to mistrust its sources."""
FOUND = 0.02
"""Share of a cold track's past plays that a window without times has yet to predict, which says
what it is worth to list new tracks among the others. On a real log with a fifth of the tracks cold
(five draws), lists that the ranker learned with a fiftieth hold as much of the others as a blend of
models that list no new track: recall@20 .516 beside .517, and .034 of the new ones. With a
twentieth and a tenth (three draws, before trees of little gain were left out) these are .507 and
.054, .493 and .087, where a fiftieth had .513 and .037."""


def label_windows(log: EventLog, count: int, *, seed: int = 0) -> Iterator[HeldOut]:
    """At most `count` ways to cut `log`, the latest first.

    With times, each window ends where the one before it began, as long as enough of the log lies
    before it; without, the windows are disjoint random folds.

    Parameters
    ----------
    log : EventLog
        Everything that may be learned from.
    count : int
        Windows wanted.
    seed : int
        Seed of random folds.
    """
    latest = hold_out(log, seed=seed)
    if latest.protocol == "random":
        if count < 2:
            yield latest
            return
        for past, later in random_folds(log, max(count, FEWEST_FOLDS), seed)[:count]:
            yield HeldOut(past, later, "random", None)
        return
    yield latest
    for _ in range(count - 1):
        latest = hold_out(latest.past, seed=seed)
        if latest.protocol == "random" or len(latest.past) < MIN_PAST * len(log):
            return
        yield latest


def with_cold_tracks(
    window: HeldOut, eligible: Mask, share: float, rng: np.random.Generator
) -> HeldOut:
    """The window with a random `share` of the `eligible` tracks [shape=(n_items,)] made cold.

    Only tracks that its past has heard can be: the others are cold already.

    What the past held of them is dropped, or, where there are no times, moves in part (`FOUND`) to
    what is to be predicted: a new track has its plays ahead of it, but not all in the next window.
    """
    chosen = np.zeros(len(eligible), np.bool_)
    heard = np.unique(window.past.item_index)
    candidates = heard[eligible[heard]]
    chosen[rng.permutation(candidates)[: round(share * len(candidates))]] = True
    if not chosen.any():
        return window
    cold = chosen[window.past.item_index]
    later = window.later
    if window.protocol == "random":
        found = cold & (rng.random(len(cold)) < FOUND)
        later = concatenate(later, window.past.take(found))
    return HeldOut(window.past.take(~cold), later, window.protocol, window.cut)
