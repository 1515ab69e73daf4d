"""Tracks that sound like what the listener plays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audio_model.index import SearchIndex
from data.arrays import Floats, Positions
from data.rows import Rows
from ranker.candidates import CandidateList
from ranker.listener import Listener
from ranker.sources.base import allowed_mask

MANY_EXCLUDED = 10_000
"""Excluded tracks beyond which the others are compared one by one: an index would search through
all of the excluded ones first."""
FEW_LEFT = 0.25
"""Share of the catalogue below which what is left is gathered before it is compared."""


class ContentSource:
    """Cosine of a track's audio vector with the listener's direction of taste.

    Parameters
    ----------
    embeddings : np.ndarray or StackedRows [shape=(n_items, dimension), dtype=float32]
        Unit audio vectors, NaN rows where a track has none.
    index : SearchIndex
        Index over the same vectors.
    """

    name = "audio"

    def __init__(self, embeddings: Rows, index: SearchIndex) -> None:
        self._embeddings = embeddings
        self._index = index

    def over(self, embeddings: Rows, index: SearchIndex) -> ContentSource:
        """The same over more tracks."""
        return ContentSource(embeddings, index)

    def candidates(self, listener: Listener, n: int) -> CandidateList:
        """Nearest tracks to the direction of taste."""
        if listener.taste is None:
            return CandidateList.empty()
        taste = listener.taste
        _, found = listener.once(
            self._key(listener, n), lambda: (listener.excluded, self._nearest(listener, taste, n))
        )
        return found

    def prepare(self, listeners: Sequence[Listener], n: int) -> None:
        """One search for all: what only some of them exclude is found, and taken out afterwards."""
        tastes = {
            row: listener.taste
            for row, listener in enumerate(listeners)
            if listener.taste is not None and len(listener.excluded) <= MANY_EXCLUDED
        }
        if not tastes:
            return
        asked = [listeners[row] for row in tastes]
        n_items = len(self._embeddings)
        times = np.bincount(
            np.concatenate([listener.excluded for listener in asked]), minlength=n_items
        )
        by_all = np.flatnonzero(times == len(asked)).astype(np.int32)
        more = max(len(listener.excluded) for listener in asked) - len(by_all)
        positions, cosine = self._index.search(
            np.stack(list(tastes.values())), n + more, exclude=by_all
        )
        for listener, items, values in zip(asked, positions, cosine, strict=True):
            rows = np.flatnonzero(allowed_mask(listener, n_items)[items] & (items >= 0))[:n]
            found = CandidateList(items[rows], values[rows])
            listener.keep(self._key(listener, n), (listener.excluded, found))

    def _nearest(self, listener: Listener, taste: Floats, n: int) -> CandidateList:
        if len(listener.excluded) > MANY_EXCLUDED:
            return self._among_the_rest(listener, taste, n)
        positions, cosine = self._index.search(taste[None, :], n, exclude=listener.excluded)
        found = positions[0] >= 0
        return CandidateList(positions[0][found], cosine[0][found])

    def _key(self, listener: Listener, n: int) -> str:
        # What is kept holds the array, so that no other one gets its number meanwhile.
        return f"{n} of {id(self)} without {id(listener.excluded)}"

    def _among_the_rest(self, listener: Listener, taste: Floats, n: int) -> CandidateList:
        """What `candidates` gives, by comparing all tracks that are not excluded."""
        allowed = allowed_mask(listener, len(self._embeddings))
        if allowed.mean() > FEW_LEFT:
            return CandidateList.best((self._embeddings @ taste).astype(np.float32), n, allowed)
        left = np.flatnonzero(allowed).astype(np.int32)
        best = CandidateList.best(self.score(listener, left), n)
        return CandidateList(left[best.item_index], best.score)

    def score(self, listener: Listener, item_index: Positions) -> Floats:
        """Cosine, −1 … 1; NaN for tracks without an audio vector."""
        if listener.taste is None:
            return np.full(len(item_index), np.nan, np.float32)
        return (self._embeddings[item_index] @ listener.taste).astype(np.float32)
