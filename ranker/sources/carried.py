"""New tracks, scored by what the listener's kind plays of the tracks that sound like them."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from cf_model.item_item import ItemItemModel
from data.arrays import Floats, Positions
from ranker.candidates import CandidateList
from ranker.listener import Listener
from ranker.sources.base import allowed_mask, strongest
from ranker.sources.item_item import item_item_scores, liked_rows, weighed


class CarriedSource:
    """Item–item scores of the established tracks nearest in sound.

    Parameters
    ----------
    model : ItemItemModel
        Scores of established tracks.
    weights : scipy.sparse.csr_matrix [shape=(n, n_items)]
        From `cf_model.carry`; rows of all but the newcomers are empty.
    key : str
        Name under which a listener keeps the scores, where there are two such sources.
    """

    name = "carried"

    def __init__(
        self, model: ItemItemModel, weights: sparse.csr_matrix, key: str = "carried"
    ) -> None:
        self._model = model
        self._weights = weights
        self._key = key
        self._newcomers = np.diff(weights.indptr) > 0

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Best newcomers."""
        if not len(listener.liked_items):
            return CandidateList.empty()
        allowed = allowed_mask(listener, len(self._newcomers)) & self._newcomers
        return CandidateList.best(self._everything(listener), n, allowed)

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """Weighted mean of item–item scores; NaN for all but newcomers with a vector."""
        if not len(listener.liked_items):
            return np.full(len(item_index), np.nan, np.float32)
        score = self._everything(listener)[item_index]
        return np.where(self._newcomers[item_index], score, np.nan).astype(np.float32)

    def explain(self, listener: Listener, item: int) -> int | None:
        """The liked track with the largest weights on the tracks that speak for `item`."""
        liked = weighed(self._model, listener)
        row = slice(self._weights.indptr[item], self._weights.indptr[item + 1])
        evidence = np.zeros(len(liked), np.float32)
        rows = liked_rows(self._model, listener)
        for established, weight in zip(
            self._weights.indices[row].tolist(), self._weights.data[row].tolist(), strict=True
        ):
            evidence += weight * rows.evidence(established)
        return strongest(liked, evidence)

    def _everything(self, listener: Listener) -> Floats:
        def carried() -> Floats:
            return np.asarray(self._weights @ item_item_scores(self._model, listener), np.float32)

        return listener.once(self._key, carried)
