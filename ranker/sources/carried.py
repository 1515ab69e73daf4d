"""New tracks, scored by what the listener's kind plays of the tracks that sound like them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cf_model.carry import Carry
from cf_model.item_item import ItemItemModel
from data.arrays import Floats, Positions
from ranker.candidates import CandidateList
from ranker.listener import Listener
from ranker.sources.base import allowed_mask, strongest
from ranker.sources.item_item import item_item_scores, known_likes


class CarriedSource:
    """Scores of established tracks, regressed on sound.

    Parameters
    ----------
    model : ItemItemModel
        Scores of established tracks.
    carry : Carry
        The regression.
    newcomers : np.ndarray [shape=(m,), dtype=int32]
        Tracks that it gives scores.
    kernel : np.ndarray [shape=(m, n_landmarks), dtype=float32]
        What `carry` knows of their sound.
    n_items : int
        Tracks that positions are counted over.
    """

    name = "carried"

    def __init__(
        self,
        model: ItemItemModel,
        carry: Carry,
        newcomers: Positions,
        kernel: Floats,
        n_items: int,
    ) -> None:
        self._model = model
        self._carry = carry
        # Column after column: the product with one listener's coefficients takes half the time.
        self._kernel = np.asfortranarray(kernel)
        self._newcomers = newcomers
        self._row = np.full(n_items, -1, np.int32)
        self._row[newcomers] = np.arange(len(newcomers), dtype=np.int32)
        # Late newcomers have a source of their own, and the same listener.
        self._key = f"newcomers of {id(self)}"

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Best newcomers."""
        if not len(listener.liked_items):
            return CandidateList.empty()
        allowed = allowed_mask(listener, len(self._row))[self._newcomers]
        best = CandidateList.best(self._newcomer_scores(listener), n, allowed)
        return CandidateList(self._newcomers[best.item_index].astype(np.int32), best.score)

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """Standard deviations above the listener's mean; NaN for all but newcomers with sound."""
        rows = self._row[item_index]
        score = np.full(len(item_index), np.nan, np.float32)
        new = rows >= 0
        if len(listener.liked_items) and new.any():
            score[new] = self._newcomer_scores(listener)[rows[new]]
        return score

    def explain(self, listener: Listener, items: Positions) -> Positions:
        """The liked track with the largest share in the score of each of `items`."""
        liked, weight = known_likes(self._model, listener)
        evidence = self._carry.evidence(liked, weight, self._kernel[self._row[items]])
        return strongest(liked, evidence)

    def prepare(self, listeners: Sequence[Listener], n: int) -> None:  # noqa: ARG002 (contract)
        """Scores of all newcomers for all listeners in one product."""
        asked = [listener for listener in listeners if len(listener.liked_items)]
        if asked:
            coefficients = np.stack([self._coefficients(listener) for listener in asked])
            for listener, score in zip(asked, coefficients @ self._kernel.T, strict=True):
                listener.keep(self._key, score)

    def _newcomer_scores(self, listener: Listener) -> Floats:
        """Score of each newcomer [shape=(m,)]."""
        return listener.once(self._key, lambda: self._kernel @ self._coefficients(listener))

    def _coefficients(self, listener: Listener) -> Floats:
        def computed() -> Floats:
            score = item_item_scores(self._model, listener)
            return self._carry.coefficients(*known_likes(self._model, listener), score)

        return listener.once("carried", computed)
