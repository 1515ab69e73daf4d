"""The popularity dial: towards hits, or towards what few have found."""

from __future__ import annotations

import numpy as np

from data.arrays import Doubles, Floats
from ranker.rerank.standard import standardised


def tilted(score: Floats, popularity: Floats, dial: float) -> Doubles:
    """Standardised score plus `dial` times standardised log popularity.

    A larger dial never gives a first page with a lower mean log popularity: the n best by
    s + d·p have the largest sum of it, and d times that of p grows with d.

    Parameters
    ----------
    score : np.ndarray [shape=(n,), dtype=float32]
        The ranker's.
    popularity : np.ndarray [shape=(n,), dtype=float32]
        Listeners of each track.
    dial : float
        −1 … 1; at ±1 popularity weighs as much as the ranker, at 0 nothing changes.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float64]
        The score to order by.
    """
    if dial == 0:
        return score.astype(np.float64)
    return standardised(score) + dial * standardised(np.log1p(popularity))
