"""Whether an item finds those of its label among all others, by cosine.

Values come one a query, so that they can be averaged, resampled and compared in pairs. Queries are
the items that can find something; which these are depends on labels and groups alone, never on the
vectors, so values of different spaces stand side by side.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from audio_model.index.base import COSINE_DECIMALS, unit_rows
from data.arrays import Floats, Positions
from data.errors import DataError, ParameterError

Labels = Sequence[Hashable | None]
"""Label of each item; None = none, and shared with nobody."""
_QUERIES_AT_ONCE = 256


def nearest_others(
    vectors: Floats, k: int, groups: Labels | None = None
) -> tuple[Positions, Floats]:
    """Each item's `k` nearest other items, those of its own group left out.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, dim)]
        One row an item; zero or NaN throughout where there is none.
    k : int
        Neighbours wanted.
    groups : sequence, optional
        Group of each item, the artist for instance (Pampalk, Flexer and Widmer, "Improvements of
        audio-based music similarity and genre classification", ISMIR 2005: without this filter an
        encoder is praised for recognising artists and albums).

    Returns
    -------
    positions : np.ndarray [shape=(n, k), dtype=int32]
        Nearest first, ties by lower position; −1 where there are fewer than `k`.
    cosine : np.ndarray [shape=(n, k), dtype=float32]
        −1 … 1, rounded to 6 decimals; NaN beside −1.

    Raises
    ------
    ParameterError
        If `k` is below 1, or there are not as many groups as vectors.
    """
    if k < 1:
        raise ParameterError(f"k must be at least 1, got {k}")
    unit, valid = unit_rows(vectors)
    n = len(unit)
    group = np.arange(n) if groups is None else _codes(groups, n)
    positions = np.full((n, k), -1, np.int32)
    cosine = np.full((n, k), np.nan, np.float32)
    for start in range(0, n, _QUERIES_AT_ONCE):
        rows = slice(start, min(start + _QUERIES_AT_ONCE, n))
        scores = np.round(unit[rows] @ unit.T, COSINE_DECIMALS)  # (queries, n)
        scores[(group[rows, None] == group) | ~valid | ~valid[rows, None]] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        best = np.take_along_axis(scores, order, axis=1)
        there = np.isfinite(best)
        width = order.shape[1]
        positions[rows, :width] = np.where(there, order, -1)
        cosine[rows, :width] = np.where(there, best, np.nan)
    return positions, cosine


def answerable(labels: Labels, groups: Labels | None = None) -> NDArray[np.intp]:
    """Positions of the items whose label another item, of another group, carries too.

    Raises
    ------
    ParameterError
        If there are not as many groups as labels.
    DataError
        If there is no such item.
    """
    label = _codes(labels, len(labels))
    members = np.bincount(label)[label]
    if groups is not None:
        pairs = np.stack([label, _codes(groups, len(labels))])
        _, pair, count = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
        members = members - count[pair.reshape(-1)] + 1  # those of other groups, and itself
    queries = np.flatnonzero(members >= 2)
    if not queries.size:
        others = " of different groups" if groups is not None else ""
        raise DataError(f"retrieval needs a label that at least 2 items{others} share")
    return queries


def label_precision(found: Positions, labels: Labels, queries: NDArray[np.intp]) -> Floats:
    """Share of the neighbours that carry the item's label, for each of `queries`.

    Parameters
    ----------
    found : np.ndarray [shape=(n, k)]
        Neighbours of all items; with k = 1 the value is hit@1.
    labels : sequence
        Label of each item.
    queries : np.ndarray [shape=(n_queries,)]
        Items looked at, see `answerable`.

    Returns
    -------
    np.ndarray [shape=(n_queries,), dtype=float32]
        0 … 1; the divisor is k also where a label has fewer than k other members.
    """
    label = _codes(labels, len(found))
    lists = found[queries]
    hits = (label[lists] == label[queries, None]) & (lists >= 0)
    return np.asarray(hits.mean(axis=1), np.float32)


def knn_hits(found: Positions, labels: Labels, queries: NDArray[np.intp]) -> Floats:
    """1 where the majority of the neighbours carries the item's label, else 0.

    Each neighbour has one vote; of labels with equally many the one of the nearest neighbour wins.
    Neighbours without a label do not vote.

    Parameters, shapes
        As in `label_precision`; k is the number of voters.
    """
    label = _codes(labels, len(found))
    named = np.array([name is not None for name in labels])
    hits = np.zeros(len(queries), np.float32)
    for row, query in enumerate(queries):
        voters = found[query][found[query] >= 0]
        votes = label[voters[named[voters]]]
        if votes.size:
            names, first, count = np.unique(votes, return_index=True, return_counts=True)
            winner = names[np.lexsort((first, -count))[0]]
            hits[row] = winner == label[query]
    return hits


def precision_at_k(vectors: Floats, labels: Sequence[Hashable], k: int) -> float:
    """Share of an item's `k` nearest other items, by cosine, that carry its label.

    Averaged over the items whose label occurs at least twice; the others can find nothing and are
    left out as queries, though they stay among the candidates. The divisor is `k` also where a
    label has fewer than ``k`` other members, so the best value can lie below 1.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, dim)]
        One row an item.
    labels : sequence
        Label of each row.
    k : int
        Neighbours looked at.

    Returns
    -------
    float
        0 … 1, higher is better.

    Raises
    ------
    ParameterError
        If there are not as many labels as vectors.
    DataError
        If no label occurs twice.
    """
    found, _ = nearest_others(vectors, k)
    queries = answerable(labels)
    return float(label_precision(found, labels, queries).mean())


def average_precision(vectors: Floats, labels: Labels) -> Floats:
    """Average precision of each item's full ranking of the others, by cosine.

    For an item with m other members of its label at ranks r_1 < … < r_m (from 1) in the ranking of
    all other items: ``AP = 1/m Σ_j j / r_j``. Its mean over items is mAP.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, dim)]
        One row an item.
    labels : sequence
        Label of each row; None = none, the item is only a candidate.

    Returns
    -------
    np.ndarray [shape=(n_queries,), dtype=float32]
        Of the items whose label occurs at least twice, in their order.

    Raises
    ------
    ParameterError
        If there are not as many labels as vectors.
    DataError
        If no label occurs twice.
    """
    label, queries = _codes(labels, len(vectors)), answerable(labels)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    values = np.empty(len(queries), np.float32)
    for row, query in enumerate(queries):
        cosine = unit @ unit[query]
        cosine[query] = -np.inf  # last, and never a hit
        order = np.argsort(-cosine, kind="stable")[:-1]
        ranks = np.flatnonzero(label[order] == label[query]) + 1
        values[row] = np.mean(np.arange(1, len(ranks) + 1) / ranks)
    return values


def _codes(labels: Labels, n: int) -> NDArray[np.int64]:
    """Equal numbers for equal labels [shape=(n,)]; an item without one has a number of its own."""
    if len(labels) != n:
        raise ParameterError(f"expected {n} labels, one a vector, got {len(labels)}")
    codes: dict[Hashable, int] = {}
    names = [("own", row) if name is None else ("label", name) for row, name in enumerate(labels)]
    return np.array([codes.setdefault(name, len(codes)) for name in names], np.int64)
