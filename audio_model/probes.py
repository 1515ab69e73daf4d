"""Whether a space of vectors puts together what belongs together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

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
    if len(labels) != len(vectors):
        raise ParameterError(f"expected {len(vectors)} labels, one a vector, got {len(labels)}")
    codes = {label: code for code, label in enumerate(dict.fromkeys(labels))}
    label = np.array([codes[each] for each in labels], np.int64)
    queries = np.flatnonzero(np.bincount(label, minlength=1)[label] >= 2)
    if not queries.size:
        raise DataError("precision needs a label that at least 2 items share")
    found, _ = ExactIndex(vectors).search(vectors[queries], k + 1)
    other = found != queries[:, None]
    # An item ties with its exact copies, so it need not come first in its own list.
    other &= np.cumsum(other, axis=1) <= k
    hits = (label[found] == label[queries, None]) & (found >= 0) & other
    return float(hits.sum(axis=1).mean() / k)
