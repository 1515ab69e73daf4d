"""A built index with items that came after it."""

from __future__ import annotations

import numpy as np

from audio_model.index.base import SearchIndex, best_first, empty_result
from audio_model.index.exact import ExactIndex
from data.arrays import Floats, Positions


class StackedIndex:
    """An index, and beside it a small exact one over the items that follow.

    Parameters
    ----------
    first : SearchIndex
        Items 0 … n−1.
    later : np.ndarray [shape=(m, dim)]
        Vectors of the items n … n+m−1; NaN rows where there is none.
    """

    def __init__(self, first: SearchIndex, later: Floats) -> None:
        self._first = first
        self._later = ExactIndex(later)

    @property
    def n_items(self) -> int:
        """Items in the index, those without a vector included."""
        return self._first.n_items + self._later.n_items

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._first.dimension

    def search(
        self, vectors: Floats, k: int, *, exclude: Positions | None = None
    ) -> tuple[Positions, Floats]:
        """Most similar items to each query, see `SearchIndex.search`."""
        n = self._first.n_items
        barred = np.zeros(0, np.int32) if exclude is None else exclude
        positions, cosine = self._first.search(vectors, k, exclude=barred[barred < n])
        late, late_cosine = self._later.search(vectors, k, exclude=barred[barred >= n] - n)
        late = np.where(late >= 0, late + n, late)
        best, best_cosine = empty_result(len(vectors), k)
        for row in range(len(vectors)):
            found = np.concatenate([positions[row], late[row]])
            score = np.concatenate([cosine[row], late_cosine[row]])
            there = found >= 0
            found, score = best_first(found[there], score[there], k)
            best[row, : found.size], best_cosine[row, : found.size] = found, score
        return best, best_cosine
