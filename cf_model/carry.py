r"""Scores carried over to tracks that few have heard, from tracks that sound like them.

For a newcomer c with the nearest established tracks :math:`N(c)` by cosine,

.. math::
    s(u, c) = \sum_{j \in N(c)} w_{cj}\, s(u, j), \qquad
    w_{cj} \propto \exp\big((\cos_{cj} - \max_k \cos_{ck}) / \tau\big)

so that whatever a collaborative model knows about a listener reaches the newcomer through sound,
without the detour over a regression of factors.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from cf_model.config import CarrySettings
from data.arrays import Floats, Mask

_BLOCK = 1024
"""Newcomers compared at once; their cosines to 100,000 tracks take 400 MB."""


def carry_weights(
    embeddings: Floats, newcomers: Mask, established: Mask, settings: CarrySettings
) -> sparse.csr_matrix:
    """Weights :math:`w` [shape=(n_items, n_items)], rows adding up to 1 for the newcomers.

    Rows of other tracks, and of newcomers without a vector, are empty.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n_items, dimension), dtype=float32]
        Audio vectors; NaN rows where a track has none.
    newcomers, established : np.ndarray [shape=(n_items,), dtype=bool]
        Tracks that scores are carried to, and from; none is both.
    settings : CarrySettings
        Neighbours and temperature.
    """
    with_sound = ~np.isnan(embeddings).any(axis=1)
    to = np.flatnonzero(newcomers & with_sound)
    source = np.flatnonzero(established & with_sound)
    # All tracks of an encoder share a large common component; without it cosines spread.
    mean = embeddings[source].sum(axis=0) / max(len(source), 1)
    rows = weights_towards(embeddings[to], embeddings[source], mean, settings)
    lengths = np.zeros(len(embeddings), np.int64)
    lengths[to] = np.diff(rows.indptr)
    return sparse.csr_matrix(
        (rows.data, source[rows.indices], np.concatenate([[0], np.cumsum(lengths)])),
        shape=(len(embeddings),) * 2,
    )


def weights_towards(
    vectors: Floats, established: Floats, mean: Floats, settings: CarrySettings
) -> sparse.csr_matrix:
    """Weights [shape=(n, n_established)] of the tracks `established` for those with `vectors`.

    Parameters
    ----------
    vectors, established : np.ndarray [shape=(n, dimension), (n_established, dimension)]
        Audio vectors, none missing.
    mean : np.ndarray [shape=(dimension,)]
        Mean vector of all established tracks.
    """
    k = min(settings.neighbours, len(established))
    known = _directions(established - mean)
    columns, values = [np.zeros(0, np.intp)], [np.zeros(0, np.float32)]
    n = len(vectors) if k else 0
    for start in range(0, n, _BLOCK):
        cosine = _directions(vectors[start : start + _BLOCK] - mean) @ known.T  # (block, n_source)
        nearest = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        nearest.sort(axis=1)
        close = np.take_along_axis(cosine, nearest, axis=1)
        weight = np.exp((close - close.max(axis=1, keepdims=True)) / settings.temperature)
        weight /= weight.sum(axis=1, keepdims=True)
        columns.append(nearest.ravel())
        values.append(weight.astype(np.float32).ravel())
    return sparse.csr_matrix(
        (np.concatenate(values), np.concatenate(columns), k * np.arange(len(vectors) + 1)),
        shape=(len(vectors), len(established)),
    )


def _directions(vectors: Floats) -> Floats:
    """Rows scaled to unit length."""
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit
