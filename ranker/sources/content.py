"""Tracks that sound like what the listener plays."""

from __future__ import annotations

import numpy as np

from audio_model.index import EmbeddingIndex
from data.arrays import Floats, Positions
from ranker.candidates import CandidateList
from ranker.listener import Listener


class ContentSource:
    """Cosine of a track's audio vector with the listener's direction of taste.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n_items, dimension), dtype=float32]
        Unit audio vectors, NaN rows where a track has none.
    index : EmbeddingIndex
        Index over the same vectors.
    """

    name = "audio"

    def __init__(self, embeddings: Floats, index: EmbeddingIndex) -> None:
        self._embeddings = embeddings
        self._index = index

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Nearest tracks to the direction of taste."""
        if listener.taste is None:
            return CandidateList.empty()
        positions, cosine = self._index.search(
            listener.taste[None, :], n, exclude=listener.excluded
        )
        found = positions[0] >= 0
        return CandidateList(positions[0][found], cosine[0][found])

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """Cosine, −1 … 1; NaN for tracks without an audio vector."""
        if listener.taste is None:
            return np.full(len(item_index), np.nan, np.float32)
        return (self._embeddings[item_index] @ listener.taste).astype(np.float32)
