"""Whether a space of vectors puts together what belongs together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from audio_model.index import ExactIndex
from data.arrays import Floats
from data.errors import DataError, ParameterError


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
    label, queries = _queries(vectors, labels)
    found, _ = ExactIndex(vectors).search(vectors[queries], k + 1)
    other = found != queries[:, None]
    # An item ties with its exact copies, so it need not come first in its own list.
    other &= np.cumsum(other, axis=1) <= k
    hits = (label[found] == label[queries, None]) & (found >= 0) & other
    return float(hits.sum(axis=1).mean() / k)


def average_precision(vectors: Floats, labels: Sequence[Hashable | None]) -> Floats:
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
    label, queries = _queries(vectors, labels)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    values = np.empty(len(queries), np.float32)
    for row, query in enumerate(queries):
        cosine = unit @ unit[query]
        cosine[query] = -np.inf  # last, and never a hit
        order = np.argsort(-cosine, kind="stable")[:-1]
        ranks = np.flatnonzero(label[order] == label[query]) + 1
        values[row] = np.mean(np.arange(1, len(ranks) + 1) / ranks)
    return values


def effective_rank(vectors: Floats) -> float:
    """Number of directions that `vectors` [shape=(n, dim)] really use, 1 … dim.

    Exponential of the entropy of the normalised singular values of the centred matrix (Roy and
    Vetterli, "The effective rank", EUSIPCO 2007).
    """
    singular = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    share = singular / singular.sum()
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def _queries(
    vectors: Floats, labels: Sequence[Hashable | None]
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Label codes [shape=(n,)], and the rows that can find something."""
    if len(labels) != len(vectors):
        raise ParameterError(f"expected {len(vectors)} labels, one a vector, got {len(labels)}")
    codes: dict[Hashable, int] = {}
    # An item without a label gets a code of its own: nobody shares it.
    names = [("own", row) if name is None else ("label", name) for row, name in enumerate(labels)]
    label = np.array([codes.setdefault(name, len(codes)) for name in names], np.int64)
    queries = np.flatnonzero(np.bincount(label, minlength=1)[label] >= 2)
    if not queries.size:
        raise DataError("retrieval needs a label that at least 2 items share")
    return label, queries
