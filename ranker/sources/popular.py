"""Tracks that many listeners play."""

from __future__ import annotations

import numpy as np

from data.arrays import Floats, Positions
from ranker.candidates import CandidateList
from ranker.listener import Listener
from ranker.sources.base import first_allowed


class PopularSource:
    """Number of listeners, the same for everybody.

    Parameters
    ----------
    popularity : np.ndarray [shape=(n_items,), dtype=float32]
        Distinct listeners who are positive about each track.
    """

    name = "popular"

    def __init__(self, popularity: Floats) -> None:
        self._score = np.log1p(popularity).astype(np.float32)
        heard = np.flatnonzero(popularity > 0)
        self._order = heard[np.argsort(-popularity[heard], kind="stable")].astype(np.int32)

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Most listeners first; tracks without any are not proposed."""
        return first_allowed(self._order, self._score, listener, n)

    def score(self, listener: Listener, item_index: Positions) -> Floats:  # noqa: ARG002 (contract)
        """log(1 + listeners)."""
        return self._score[item_index]
