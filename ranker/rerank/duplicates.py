"""Near-duplicates: the same recording under several ids.

Measured with the shipped encoder on 1,006 tracks of free game music, whose lengths bring 6,763 of
505,515 pairs into question: 11 of these have a cosine above 0.95. Nine are one recording (five byte
for byte, four at other sample rates or as MP3 and Ogg, the lowest at 0.968), all that are known
there; two are versions of one piece, of nearly equal length. Different music begins at 0.863.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats

MAX_APART_S = 2.0
"""Seconds by which the lengths of two copies of a recording may differ (encoders pad)."""


def distinct(vectors: Floats, duration: Floats, threshold: float) -> NDArray[np.intp]:
    """Places of the entries that are no near-duplicate of one before them that stays, in order.

    Two tracks are near-duplicates when their lengths are known and at most `MAX_APART_S` apart,
    and the cosine of their audio vectors lies above `threshold`.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, dimension), dtype=float32]
        Unit audio vectors, best ranked first; NaN rows where a track has none.
    duration : np.ndarray [shape=(n,), dtype=float32]
        Seconds, NaN where unknown.
    threshold : float
        0 … 1; 1 keeps everything.
    """
    n = len(duration)
    everything = np.arange(n)
    if threshold >= 1 or n < 2:
        return everything
    comparable = np.flatnonzero(~np.isnan(duration) & ~np.isnan(vectors[:, 0]))
    by_length = comparable[np.argsort(duration[comparable], kind="stable")]
    lengths = duration[by_length].astype(np.float64)
    # Each is compared to those that follow by length within the tolerance.
    ends = np.searchsorted(lengths, lengths + MAX_APART_S, side="right")
    counts = ends - np.arange(len(by_length)) - 1
    first = np.repeat(np.arange(len(by_length)), counts)
    offset = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    one, other = by_length[first], by_length[first + 1 + offset]
    alike = np.einsum("ij,ij->i", vectors[one], vectors[other]) > threshold
    better = np.minimum(one[alike], other[alike])
    worse = np.maximum(one[alike], other[alike])
    kept = np.ones(n, np.bool_)
    for row in np.lexsort((better, worse)):  # whether `better` stays is decided before
        kept[worse[row]] &= not kept[better[row]]
    return everything[kept]
