r"""What a listener's own past says of hearing a track again.

For a track they played p times (a like counts for `LIKE_PLAYS`, skips are taken off), the latest of
it a days before the latest event of all,

.. math::
    \mathrm{own} = \log(1 + p)\,\big(\tfrac12 + \tfrac12\, 2^{-a / h}\big), \qquad h = 90

and *habit* is own, standardised over the listener's known tracks, plus `TASTE_SHARE` times what
the sources that go by the listener say of the track, on the mean, each standardised likewise.

In the demo world (two logs, the latest window and three before it) NDCG@20 of that order is .718;
with a like that counts for five plays .694, without the sources .696, by plays alone .693. Where a
log has times and listeners enough, a ranker starts from habit and learns what else counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.arrays import Doubles, Floats, Mask, Positions
from data.interactions import History
from ranker.rerank.standard import standardised

DAY = 86_400.0
HALF_LIFE_DAYS = 90.0
LIKE_PLAYS = 1.0
TASTE_SHARE = 0.5
LOWEST = -3.0
"""Habit where nothing is said, in standard deviations: for all that is known it says a little."""
MAX_FAMILIAR = 500
"""Tracks that may be listed again at most, those with the largest own share of plays."""

HABIT = "own_habit"
OWN = (
    HABIT,  # what is described above
    "own_plays",  # log(1 + plays)
    "own_opinion",  # 1 where the listener likes the track, else 0
    "own_skips",  # share of the listener's plays and skips of the track that were skips
    "own_last",  # log(1 + days from the latest event with the track to the latest of all)
)
"""Columns of `own_columns`."""


def own_affinity(history: History) -> Doubles:
    """How much each entry of `history` speaks for being heard again [shape=(n,)]."""
    plays = history.plays + LIKE_PLAYS * (history.opinion > 0) - history.skips
    age = np.nan_to_num(days_since(history), nan=0.0)
    fresh: Doubles = np.log1p(np.maximum(plays, 0.0)) * (0.5 + 0.5 * 2.0 ** (-age / HALF_LIFE_DAYS))
    return fresh


def days_since(history: History) -> Doubles:
    """Days from each entry's latest event to the latest of all [shape=(n,)]; NaN without times.

    What is counted from is no clock's now: a log may be old when it is learned from or asked about.
    """
    days: Doubles = (np.fmax.reduce(history.last_at, initial=-np.inf) - history.last_at) / DAY
    return days


def familiar(history: History, barred: Mask | None = None) -> Positions:
    """Tracks that may be listed again, ascending: played or liked, and not refused.

    Parameters
    ----------
    barred : np.ndarray [shape=(n_items,), dtype=bool], optional
        Tracks that must not be.
    """
    rows = ((history.plays > 0) | (history.opinion > 0)) & (history.opinion >= 0)
    if barred is not None:
        rows &= ~barred[history.item_index]
    known = np.flatnonzero(rows)
    if len(known) > MAX_FAMILIAR:
        best = np.argsort(-own_affinity(history)[known], kind="stable")[:MAX_FAMILIAR]
        known = np.sort(known[best])
    return history.item_index[known]


def own_columns(history: History, items: Positions, taste: Doubles) -> Doubles:
    """Features of tracks that `history` holds, columns as `OWN`.

    Parameters
    ----------
    items : np.ndarray [shape=(n,), dtype=int32]
        The tracks.
    taste : np.ndarray [shape=(n_sources, n)]
        What sources that go by the listener say, standardised; NaN where they say nothing.

    Returns
    -------
    np.ndarray [shape=(len(OWN), n), dtype=float64]
    """
    row = np.searchsorted(history.item_index, items)
    said = ~np.isnan(taste)
    mean = np.where(said, taste, 0.0).sum(axis=0) / np.maximum(said.sum(axis=0), 1)
    affinity = own_affinity(history)[row].astype(np.float32)
    plays, skips = history.plays[row], history.skips[row]
    events = plays + skips
    return np.stack(
        [
            standardised(affinity) + TASTE_SHARE * mean,
            np.log1p(plays),
            history.opinion[row],
            skips / np.where(events > 0, events, np.nan),
            np.log1p(days_since(history)[row]),
        ]
    )


class HabitRanker:
    """The order by habit; needs no training.

    Parameters
    ----------
    feature_names : sequence of str
        Columns of the features; `HABIT` is read.
    """

    kind = "habit"

    def __init__(self, feature_names: Sequence[str]) -> None:
        self.feature_names = tuple(feature_names)
        self._habit = self.feature_names.index(HABIT)

    def predict(self, features: Floats) -> Floats:
        """The `HABIT` column."""
        return features[:, self._habit]

    def contributions(self, features: Floats) -> Doubles:
        """The score less `LOWEST` in the `HABIT` column, and that as the constant."""
        shares = np.zeros((len(features), features.shape[1] + 1))
        shares[:, self._habit] = features[:, self._habit] - LOWEST
        shares[:, -1] = LOWEST
        return shares
