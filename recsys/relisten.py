r"""What a listener may want to hear again.

For a track they played p times (a like counts for `LIKE_PLAYS`, skips are taken off), the latest of
it a days before the latest event of all,

.. math::
    \mathrm{own} = \log(1 + p)\,\big(\tfrac12 + \tfrac12\, 2^{-a / h}\big), \qquad h = 90

and the order is that of own, standardised, plus `RANKER_SHARE` times the ranker's score,
standardised. On held-out logs, how often somebody played a track says more about whether they play
it again than anything learned from others, so the ranker breaks ties rather than rules.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.arrays import Doubles, Floats
from data.interactions import History
from ranker.rerank.standard import standardised

DAY = 86_400.0
HALF_LIFE_DAYS = 90.0
LIKE_PLAYS = 5.0
RANKER_SHARE = 0.25
MAX_FAMILIAR = 500
"""Tracks that may be listed again at most, those with the largest own share of plays."""


def own_affinity(history: History) -> Doubles:
    """How much each entry of `history` speaks for being heard again [shape=(n,)]."""
    plays = history.plays + LIKE_PLAYS * (history.opinion > 0) - history.skips
    age = np.nan_to_num((_latest(history) - history.last_at) / DAY, nan=0.0)
    fresh: Doubles = np.log1p(np.maximum(plays, 0.0)) * (0.5 + 0.5 * 2.0 ** (-age / HALF_LIFE_DAYS))
    return fresh


def _latest(history: History) -> float:
    known = history.last_at[~np.isnan(history.last_at)]
    return float(known.max()) if len(known) else 0.0


def familiar_order(affinity: Doubles, score: Floats) -> tuple[Doubles, NDArray[np.intp]]:
    """Score of known tracks [shape=(n,)], and their places best first."""
    blend = standardised(affinity.astype(np.float32)) + RANKER_SHARE * standardised(score)
    return blend, np.argsort(-blend, kind="stable")


def alternating(one: NDArray[np.intp], other: NDArray[np.intp]) -> tuple[NDArray[np.intp], Floats]:
    """Entries of both in turns, best first, and a descending score, 1 / (60 + rank)."""
    places = np.concatenate([one, other])
    rank = np.concatenate([np.arange(len(one)), np.arange(len(other)) + 0.5])
    order = np.argsort(rank, kind="stable")
    return places[order], (1.0 / (61.0 + rank[order])).astype(np.float32)
