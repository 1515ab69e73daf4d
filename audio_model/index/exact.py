"""Exact search: one product of all vectors and the query.

The vectors lie in memory dimension after dimension (Fortran's order). So the product adds whole
columns up, which takes half the time of an inner product for each of 100,000 short rows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio_model.index.base import (
    COSINE_DECIMALS,
    best_first,
    check_query,
    empty_result,
    unit_rows,
)
from audio_model.index.manifest import write_manifest
from data.arrays import Floats, Mask, Positions
from data.highest import promising

VECTORS_FILE = "vectors.npy"
_ITEMS_AT_ONCE = 65_536
_QUERIES_AT_ONCE = 64
_ROUNDING = np.float32(10.0**-COSINE_DECIMALS)
_NO_COSINE = np.float32(-2.0)


class ExactIndex:
    """All vectors in one array, in memory or mapped from a file.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n_items, dim)]
        Row ``i`` belongs to item ``i``; zero or NaN throughout where an item has no vector.
    """

    kind = "exact"

    def __init__(self, vectors: Floats) -> None:
        rows, valid = unit_rows(vectors)
        self._rows = np.asfortranarray(rows)
        self._missing = np.flatnonzero(~valid)

    @classmethod
    def _of_unit_rows(cls, rows: Floats, valid: Mask) -> ExactIndex:
        index = cls.__new__(cls)
        index._rows, index._missing = rows, np.flatnonzero(~valid)
        return index

    @property
    def n_items(self) -> int:
        """Items in the index, those without a vector included."""
        return int(self._rows.shape[0])

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._rows.shape[1])

    def search(
        self, vectors: Floats, k: int, *, exclude: Positions | None = None
    ) -> tuple[Positions, Floats]:
        """Most similar items to each query, see `SearchIndex.search`."""
        queries, answerable = check_query(vectors, k, self.dimension)
        positions, cosine = empty_result(len(queries), k)
        if len(queries) == 1 and answerable[0]:
            found, score = self._search_one(queries[0], k, exclude)
            positions[0, : found.size], cosine[0, : found.size] = found, score
            return positions, cosine
        barred = self._missing if exclude is None else np.union1d(self._missing, exclude)
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            batch = np.flatnonzero(answerable[start : start + _QUERIES_AT_ONCE]) + start
            for row, (found, score) in zip(
                batch, self._search_batch(queries[batch], k, barred), strict=True
            ):
                positions[row, : found.size] = found
                cosine[row, : found.size] = score
        return positions, cosine

    def _search_one(
        self, query: Floats, k: int, exclude: Positions | None
    ) -> tuple[Positions, Floats]:
        score = self._rows @ query
        score[self._missing] = -np.inf
        if exclude is not None:
            score[exclude] = -np.inf
        found, bar = promising(score, k)
        least = _least(score[found], k)
        if bar <= least:
            found = found[score[found] >= least]
        else:  # what ties with the last of them after rounding may lie below the bar
            found = _at_least_kth(score, k, np.zeros(0, np.float32))
        return best_first(found.astype(np.int32), score[found], k)

    def _search_batch(
        self, queries: Floats, k: int, barred: NDArray[np.integer]
    ) -> list[tuple[Positions, Floats]]:
        best: list[tuple[Positions, Floats]] = [
            (np.zeros(0, np.int32), np.zeros(0, np.float32)) for _ in queries
        ]
        for start in range(0, self.n_items, _ITEMS_AT_ONCE):
            stop = min(start + _ITEMS_AT_ONCE, self.n_items)
            scores = queries @ self._rows[start:stop].T  # (queries, items)
            first, last = np.searchsorted(barred, (start, stop))
            scores[:, barred[first:last] - start] = -np.inf
            for row, score in enumerate(scores):
                found = _at_least_kth(score, k, best[row][1])
                best[row] = best_first(
                    np.concatenate([best[row][0], (found + start).astype(np.int32)]),
                    np.concatenate([best[row][1], score[found]]),
                    k,
                )
        return best

    def save(self, folder: Path) -> None:
        """Write the vectors and the manifest into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / VECTORS_FILE, self._rows, allow_pickle=False)
        write_manifest(folder, self.kind, self.n_items, self.dimension, (VECTORS_FILE,))

    @classmethod
    def open(cls, folder: Path) -> ExactIndex:
        """Map what `save` wrote; the caller has checked the file's digest."""
        rows: Floats = np.asarray(np.load(folder / VECTORS_FILE, mmap_mode="r", allow_pickle=False))
        valid = np.zeros(len(rows), np.bool_)
        for start in range(0, len(rows), _ITEMS_AT_ONCE):
            block = rows[start : start + _ITEMS_AT_ONCE]
            valid[start : start + len(block)] = block.any(axis=1)
        return cls._of_unit_rows(rows, valid)


def _at_least_kth(score: Floats, k: int, best: Floats) -> NDArray[np.intp]:
    """Positions of all scores that tie with or beat the k-th best, after rounding.

    `best` are the scores so far, best first: once there are `k`, few of a block's come near.
    """
    found = np.flatnonzero(score >= _least(best, k))
    return found[score[found] >= _least(score[found], k)]


def _least(score: Floats, k: int) -> np.float32:
    """What ties with the k-th best of `score` after rounding; below any cosine where there is none.

    Cosines of barred items are −inf.
    """
    if score.size < k:
        return _NO_COSINE
    kth = np.partition(score, score.size - k)[score.size - k]
    return max(np.float32(kth - _ROUNDING), _NO_COSINE)
