"""Tracks that listeners with a similar history play."""

from __future__ import annotations

import numpy as np

from cf_model.fold_in import FoldIn
from data.arrays import Floats, Positions
from data.rows import Rows
from ranker.candidates import CandidateList
from ranker.inner_product import LongestFirst
from ranker.listener import Listener
from ranker.sources.base import allowed_mask, strongest


class CollaborativeSource:
    """Inner product of the listener's factor and the item factors.

    Parameters
    ----------
    item_factors : np.ndarray or StackedRows [shape=(n_items, factors), dtype=float32]
        From `cf_model.als`.
    support : np.ndarray [shape=(n_items,), dtype=float32]
        Listeners behind each factor; tracks without any cannot be scored.
    fold_in : FoldIn
        Solver that placed the listeners among the factors.
    """

    name = "collaborative"

    def __init__(self, item_factors: Rows, support: Floats, fold_in: FoldIn) -> None:
        self._item_factors = item_factors
        self._supported = support > 0
        self._search = LongestFirst(item_factors, self._supported)
        self._fold_in = fold_in

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Best of all tracks that somebody listens to."""
        if listener.user_factor is None:
            return CandidateList.empty()
        allowed = allowed_mask(listener, len(self._item_factors))
        return self._search.best(listener.user_factor, n, allowed)

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """Predicted preference, about 0 … 1; NaN for tracks that nobody listens to."""
        if listener.user_factor is None:
            return np.full(len(item_index), np.nan, np.float32)
        score = self._item_factors[item_index] @ listener.user_factor
        return np.where(self._supported[item_index], score, np.nan).astype(np.float32)

    def explain(self, listener: Listener, items: Positions) -> Positions:
        """The liked track with the largest share in the score of each of `items`."""
        heard = listener.history.item_index
        evidence = self._fold_in.evidence(heard, listener.confidence)
        return strongest(heard, (evidence @ self._item_factors[items].T).astype(np.float32))
