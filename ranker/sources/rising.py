"""Tracks that found more listeners of late than they used to."""

from __future__ import annotations

import numpy as np

from data.arrays import Floats, Positions
from ranker.candidates import CandidateList
from ranker.listener import Listener
from ranker.sources.base import first_allowed

RISING = 1.0
"""Standard deviations above the expected number from which on a track is proposed."""


class RisingSource:
    r"""Listeners of late beyond those expected, the same for everybody.

    Of a track with p listeners, :math:`e = p \sum q / \sum p` are expected of late, where q are
    the listeners of late of each track; the score is :math:`(q - e) / \sqrt{e + 1}`, about a
    standard deviation of a Poisson count. Without times, q equals p, and nothing rises.

    Parameters
    ----------
    popularity, recent_popularity : np.ndarray [shape=(n_items,), dtype=float32]
        Distinct listeners who are positive about each track, over all and of late.
    """

    name = "rising"

    def __init__(self, popularity: Floats, recent_popularity: Floats) -> None:
        everybody = float(popularity.sum())
        share = float(recent_popularity.sum()) / everybody if everybody > 0 else 0.0
        expected = share * popularity
        self._score = ((recent_popularity - expected) / np.sqrt(expected + 1)).astype(np.float32)
        rising = np.flatnonzero(self._score > RISING)
        self._order = rising[np.argsort(-self._score[rising], kind="stable")].astype(np.int32)

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Steepest first."""
        return first_allowed(self._order, self._score, listener, n)

    def score(self, listener: Listener, item_index: Positions) -> Floats:  # noqa: ARG002 (contract)
        """Standard deviations above the expected number of listeners of late."""
        score: Floats = self._score[item_index]
        return score
