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
_BLOCK = 64
"""Tracks that are compared at once with all that follow them."""
_ROUNDING = 1e-4
"""Cosines nearer than this to the threshold are worked out once more, pair by pair."""


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
    one, other = _alike(vectors[by_length], duration[by_length].astype(np.float64), threshold)
    if not len(one):
        return everything
    better = np.minimum(by_length[one], by_length[other])
    worse = np.maximum(by_length[one], by_length[other])
    order = np.argsort(better, kind="stable")
    better, worse = better[order], worse[order]
    kept = np.ones(n, np.bool_)
    rows, starts = np.unique(better, return_index=True)
    for row, repeats in zip(rows, np.split(worse, starts[1:]), strict=True):
        if kept[row]:  # what could have ruled it out stands before it, and was looked at
            kept[repeats] = False
    return everything[kept]


def _alike(
    vectors: Floats, lengths: NDArray[np.float64], threshold: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of rows, the first below the second, that are near-duplicates; `lengths` ascend."""
    n = len(lengths)
    # Each is compared to those that follow by length within the tolerance.
    ends = np.searchsorted(lengths, lengths + MAX_APART_S, side="right")
    found = [np.zeros((2, 0), np.intp)]
    # In blocks: where all lengths are alike, as among clips of 30 s, the pairs are n² / 2.
    for start in range(0, n, _BLOCK):
        end = min(start + _BLOCK, n)
        cosine = vectors[start:end] @ vectors[start + 1 : ends[end - 1]].T  # (block, those beyond)
        one, other = np.nonzero(cosine > threshold - _ROUNDING)
        rows, columns = one + start, other + start + 1
        pairs = (rows < columns) & (columns < ends[rows])
        if not pairs.any():
            continue
        one, other, cosine = rows[pairs], columns[pairs], cosine[one[pairs], other[pairs]]
        # A product of matrices rounds by its shape, and a pair is the same one in every list.
        doubtful = np.flatnonzero(cosine <= threshold + _ROUNDING)
        exact = np.einsum("ij,ij->i", vectors[one[doubtful]], vectors[other[doubtful]])
        alike = np.ones(len(one), np.bool_)
        alike[doubtful] = exact > threshold
        found.append(np.stack([one[alike], other[alike]]))
    one, other = np.concatenate(found, axis=1)
    return one, other
