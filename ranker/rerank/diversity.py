r"""Diversity by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998).

Greedily, the next entry is the one with the largest

.. math::
    (1 - \delta)\, z_i - \delta \max_{j \in S} \mathrm{sim}(i, j)

over what is left, with the standardised score z and the set S of entries taken so far.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from data.arrays import Doubles, Floats
from ranker.rerank.standard import standardised

Similarity = Callable[[int], Floats]
"""Place of an entry → its similarity, −1 … 1, to every entry [shape=(n,)]."""


def spread_out(
    score: Doubles, similarity: Similarity, diversity: float, length: int
) -> NDArray[np.intp]:
    """Places in the new order; the first entry stays the first.

    The order is built from the front, so its beginning does not depend on `length`.

    Parameters
    ----------
    score : np.ndarray [shape=(n,), dtype=float64]
        Of the entries, best first.
    similarity : callable
        See `Similarity`.
    diversity : float
        δ, 0 … 1; 0 changes nothing, 1 looks at similarity only.
    length : int
        Entries to place; those beyond keep their order behind them.
    """
    n = len(score)
    if diversity == 0 or n < 2:
        return np.arange(n)
    worth = (1.0 - diversity) * standardised(score.astype(np.float32))
    nearest = np.full(n, -np.inf)  # similarity to the closest entry taken so far
    left = np.ones(n, np.bool_)
    taken = [0]
    while True:
        left[taken[-1]] = False
        if len(taken) >= min(length, n):
            break
        np.maximum(nearest, similarity(taken[-1]), out=nearest)
        marginal = np.where(left, worth - diversity * nearest, -np.inf)
        taken.append(int(marginal.argmax()))
    return np.concatenate([np.array(taken, np.intp), np.flatnonzero(left)])


def audio_or_taste(
    vectors: Floats | None, mean: Floats | None, factors: Floats | None
) -> Similarity:
    """Cosine of two tracks in sound; in who listens to them, where one has no vector; else 0.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, dimension), dtype=float32] or None
        Audio vectors, NaN rows where a track has none.
    mean : np.ndarray [shape=(dimension,), dtype=float32] or None
        Mean of the catalogue's vectors, which is taken off: what all tracks of an encoder share
        says nothing about which of them are alike.
    factors : np.ndarray [shape=(n, factors), dtype=float32] or None
        Item factors, NaN rows for tracks that nobody listens to.
    """
    sound = None if vectors is None or mean is None else _directions(vectors - mean)
    taste = None if factors is None else _directions(factors)

    def similarity(place: int) -> Floats:
        known = [space @ space[place] for space in (sound, taste) if space is not None]
        if not known:
            return np.zeros(1, np.float32)
        cosine = known[0]
        for fallback in known[1:]:
            cosine = np.where(np.isnan(cosine), fallback, cosine)
        known_or_0: Floats = np.nan_to_num(cosine, nan=0.0)
        return known_or_0

    return similarity


def _directions(vectors: Floats) -> Floats:
    """Rows scaled to unit length; NaN rows stay."""
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit
