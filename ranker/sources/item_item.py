"""Tracks that go with the listener's tracks in many histories."""

from __future__ import annotations

import numpy as np

from cf_model.item_item import ItemItemModel, LikedRows
from data.arrays import Floats, Mask, Positions
from ranker.candidates import CandidateList
from ranker.listener import Listener
from ranker.sources.base import allowed_mask, strongest


class ItemItemSource:
    """Sum of the item–item weights from what the listener likes, each track by its confidence.

    Parameters
    ----------
    model : ItemItemModel
        The weights.
    supported : np.ndarray [shape=(n_items,), dtype=bool]
        Tracks that somebody is positive about; the others cannot be scored.
    """

    name = "item_item"

    def __init__(self, model: ItemItemModel, supported: Mask) -> None:
        self._model = model
        self._supported = supported

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Best of the tracks that something liked has a weight on, if somebody listens to them."""
        if not len(listener.liked_items):
            return CandidateList.empty()
        score = self._everything(listener)
        spoken_of = np.flatnonzero(score != 0).astype(np.int32)
        allowed = allowed_mask(listener, len(self._supported)) & self._supported
        best = CandidateList.best(score[spoken_of], n, allowed[spoken_of])
        return CandidateList(spoken_of[best.item_index], best.score)

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """Sum of weights; NaN for tracks that nobody listens to, and without anything liked."""
        if not len(listener.liked_items):
            return np.full(len(item_index), np.nan, np.float32)
        score = self._everything(listener)[item_index]
        return np.where(self._supported[item_index], score, np.nan).astype(np.float32)

    def explain(self, listener: Listener, items: Positions) -> Positions:
        """The liked track with the largest weight on each of `items`."""
        rows = liked_rows(self._model, listener)
        return strongest(known_likes(self._model, listener)[0], rows.evidence(items))

    def _everything(self, listener: Listener) -> Floats:
        return item_item_scores(self._model, listener)


def item_item_scores(model: ItemItemModel, listener: Listener) -> Floats:
    """Score of every track for `listener` [shape=(n_items,)], worked out once a request."""
    return liked_rows(model, listener).score


def liked_rows(model: ItemItemModel, listener: Listener) -> LikedRows:
    """What the tracks that `listener` likes say for every track, looked up once a request.

    Sources that hold the same model share them.
    """
    return listener.once(f"rows of {id(model)}", lambda: model.rows(*known_likes(model, listener)))


def known_likes(model: ItemItemModel, listener: Listener) -> tuple[Positions, Floats]:
    """Tracks that `listener` likes and `model` knows, none that came later, and their weights."""
    known = listener.liked_items < model.n_items
    return listener.liked_items[known], listener.liked_weight[known]
