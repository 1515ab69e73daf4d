"""What an index of vectors answers, and what its implementations share."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from data.arrays import Floats, Mask, Positions
from data.errors import ParameterError

COSINE_DECIMALS = 6
"""Cosines are rounded to this before ranking: float32 products of equal vectors may differ in
their last bit with the position of the row, which would break ties at random."""


class SearchIndex(Protocol):
    """Items with vectors, searched by cosine similarity."""

    @property
    def n_items(self) -> int:
        """Items in the index, those without a vector included."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def search(
        self, vectors: Floats, k: int, *, exclude: Positions | None = None
    ) -> tuple[Positions, Floats]:
        """Most similar items to each query.

        Parameters
        ----------
        vectors : np.ndarray [shape=(q, dim)]
            Queries of any length; one that is zero or NaN finds nothing.
        k : int
            Items wanted a query.
        exclude : np.ndarray [shape=(m,), dtype=int32], optional
            Positions that no query may find.

        Returns
        -------
        positions : np.ndarray [shape=(q, k), dtype=int32]
            Most similar first, ties by lower position; −1 where fewer than `k` items exist.
        cosine : np.ndarray [shape=(q, k), dtype=float32]
            −1 … 1, rounded to 6 decimals; NaN beside −1.

        Raises
        ------
        ParameterError
            If the queries have another dimension, or `k` is below 1.
        """
        ...


class EmbeddingIndex(SearchIndex, Protocol):
    """A search index that can be kept in a folder."""

    def save(self, folder: Path) -> None:
        """Write the index into `folder`; `load_index` reads it."""
        ...


def unit_rows(vectors: Floats) -> tuple[Floats, Mask]:
    """Rows scaled to unit length, and which of them have a direction.

    Rows that are zero or NaN throughout come back as zeros.

    Raises
    ------
    ParameterError
        If a row is partly NaN, or infinite.
    """
    if vectors.ndim != 2:
        raise ParameterError(f"expected vectors of shape (n, dim), got {vectors.shape}")
    missing = np.asarray(np.isnan(vectors).all(axis=1))
    rows = np.where(missing[:, None], np.float32(0.0), vectors).astype(np.float32)
    if not np.isfinite(rows).all():
        row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise ParameterError(
            f"vector {row} has values that are not finite; a missing vector is NaN throughout"
        )
    norms = np.linalg.norm(rows, axis=1)
    valid = np.asarray(norms > 0)
    rows[valid] /= norms[valid, None]
    return rows, valid


def check_query(vectors: Floats, k: int, dimension: int) -> tuple[Floats, Mask]:
    """`unit_rows` of the queries, after checking what `SearchIndex.search` promises to check."""
    if k < 1:
        raise ParameterError(f"k must be at least 1, got {k}")
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ParameterError(f"expected queries of shape (q, {dimension}), got {vectors.shape}")
    return unit_rows(vectors)


def best_first(positions: Positions, cosine: Floats, k: int) -> tuple[Positions, Floats]:
    """The `k` best of one query's candidates, by rounded cosine, then by position."""
    cosine = np.clip(np.round(cosine, COSINE_DECIMALS), -1.0, 1.0).astype(np.float32)
    order = np.lexsort((positions, -cosine))[:k]
    return positions[order], cosine[order]


def empty_result(queries: int, k: int) -> tuple[Positions, Floats]:
    """Result [shape=(queries, k)] of −1 and NaN, to be filled."""
    return np.full((queries, k), -1, np.int32), np.full((queries, k), np.nan, np.float32)
