"""Tracks that sound like one of several kinds that the listener plays."""

from __future__ import annotations

import numpy as np

from audio_model.index import SearchIndex
from data.arrays import Floats, Positions
from data.rows import Rows
from ranker.candidates import CandidateList
from ranker.directions import taste_centres
from ranker.listener import Listener


class CentresSource:
    """Cosine of a track's audio vector with the nearest of the listener's centres of taste.

    It stands beside the mean direction for listeners whose kinds of music lie so far apart that
    their mean is none of them (``candidates.taste_centres``).

    Parameters
    ----------
    embeddings : np.ndarray or StackedRows [shape=(n_items, dimension), dtype=float32]
        Unit audio vectors, NaN rows where a track has none.
    index : SearchIndex
        Index over the same vectors.
    mean : np.ndarray [shape=(dimension,), dtype=float32]
        Mean of the catalogue's vectors.
    count : int
        Centres wanted.
    """

    name = "audio_centres"

    def __init__(self, embeddings: Rows, index: SearchIndex, mean: Floats, count: int) -> None:
        self._embeddings = embeddings
        self._index = index
        self._mean = mean
        self._count = count

    def over(self, embeddings: Rows, index: SearchIndex) -> CentresSource:
        """The same over more tracks."""
        return CentresSource(embeddings, index, self._mean, self._count)

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Nearest tracks to any centre."""
        centres = self._centres(listener)
        if centres is None:
            return CandidateList.empty()
        positions, cosine = self._index.search(centres, n, exclude=listener.excluded)
        order = np.lexsort((positions.ravel(), -cosine.ravel()))
        items, score = positions.ravel()[order], cosine.ravel()[order]
        items, score = items[items >= 0], score[items >= 0]
        first = np.sort(np.unique(items, return_index=True)[1])[:n]
        return CandidateList(items[first], score[first])

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """Cosine, −1 … 1; NaN for tracks without an audio vector."""
        centres = self._centres(listener)
        if centres is None:
            return np.full(len(item_index), np.nan, np.float32)
        cosine: Floats = (self._embeddings[item_index] @ centres.T).max(axis=1).astype(np.float32)
        return cosine

    def _centres(self, listener: Listener) -> Floats | None:
        return listener.once(
            "centres of taste",
            lambda: taste_centres(
                self._embeddings,
                self._mean,
                listener.history.item_index,
                listener.confidence,
                self._count,
            ),
        )
