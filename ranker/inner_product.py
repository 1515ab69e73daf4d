r"""Exact search for the largest inner products, which looks at few rows where norms differ.

No row has a product with a query above :math:`\lVert y \rVert \lVert x \rVert`. Rows are looked at
from the longest on, until those that are left are too short to matter (Teflioudi, Gemulla and
Mykytiuk, "LEMP: Fast retrieval of large entries in a matrix product", SIGMOD 2015). Factors of
tracks are long where many listeners are behind them: of 100,000 tracks of a long-tailed log, one
in a hundred or two is looked at.
"""

from __future__ import annotations

import numpy as np

from data.arrays import Floats, Mask
from data.rows import Rows
from ranker.candidates import CandidateList

_FIRST = 1024
"""Rows that are looked at at once in the beginning; twice as many each time after that."""
_KEPT = 8
"""One row in so many, the longest ones, is copied into the order in which they are looked at."""
_ROUNDING = np.float32(1e-5)


class LongestFirst:
    """Rows whose inner products with queries are searched.

    Parameters
    ----------
    rows : np.ndarray or StackedRows [shape=(n, width), dtype=float32]
        May be memory-mapped; an eighth of it is copied, or what is usable, where that is less.
    usable : np.ndarray [shape=(n,), dtype=bool]
        Rows that may be found.
    """

    def __init__(self, rows: Rows, usable: Mask) -> None:
        self._rows = rows
        self._usable = usable
        there = np.asarray(rows)
        kept = max(len(there) // _KEPT, _FIRST)
        few = np.flatnonzero(usable)
        self._few = len(few) <= kept
        if self._few:
            self._order = few.astype(np.int32)
            self._longest = np.asfortranarray(there[few])
            return
        norm = np.where(usable, np.sqrt(np.einsum("ij,ij->i", there, there)), -1.0)
        order = np.argsort(-norm, kind="stable")[:kept]
        self._order = order.astype(np.int32)
        self._longest = there[self._order]
        self._norm = norm[self._order].astype(np.float32)
        # What no row beyond those in order is longer than.
        self._left_norm = np.float32(np.delete(norm, order).max())

    def best(self, query: Floats, n: int, allowed: Mask) -> CandidateList:
        """The `n` usable rows of those `allowed` [shape=(n_rows,)] that `CandidateList.best` finds.

        Products may differ from those of the whole matrix in their last bits.
        """
        if self._few:  # one product is quicker than several looks
            found = CandidateList.best(self._longest @ query, n, allowed[self._order])
            return CandidateList(self._order[found.item_index], found.score)
        length = np.float32(np.linalg.norm(query)) * (1 + _ROUNDING)
        score = np.zeros(0, np.float32)
        done = 0
        while done < len(self._order):
            until = min(2 * done + _FIRST, len(self._order))
            score = np.concatenate([score, self._longest[done:until] @ query])
            done = until
            longest_left = self._norm[done] if done < len(self._order) else self._left_norm
            free = np.flatnonzero(allowed[self._order[:done]])
            if (
                len(free) >= n
                and longest_left * length < np.partition(score[free], len(free) - n)[-n]
            ):
                return _placed(self._order[free], score[free], n)
        return CandidateList.best(self._rows @ query, n, allowed & self._usable)


def _placed(items: np.ndarray, score: Floats, n: int) -> CandidateList:
    """The `n` best of `items`; of ties those of lower positions."""
    order = np.lexsort((items, -score))[:n]
    return CandidateList(items[order], score[order])
