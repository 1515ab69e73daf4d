"""The highest values of each row of a matrix, and their mean."""

from __future__ import annotations

import numpy as np

from data.arrays import Floats

_WIDE = 256
"""Columns from which on rows are looked at in two steps."""
_TOGETHER = 8
"""Columns that are looked at as one in the first step."""


def mean_of_highest(values: Floats, k: int) -> Floats:
    """Mean [shape=(n,)] of the `k` highest of each row of `values` [shape=(n, m)], 1 ≤ k ≤ m.

    The k highest lie among the columns of the k groups with the highest maxima. Maxima of groups
    are taken over whole rows at once, and a partition of the few columns left is quick, where one
    of all of them takes longer than the products that were compared.
    """
    m = values.shape[1]
    if m >= max(_WIDE, k * _TOGETHER):
        n_groups = m // _TOGETHER
        last = n_groups * _TOGETHER
        highest = values[:, :n_groups].copy()
        for start in range(n_groups, last, n_groups):
            np.maximum(highest, values[:, start : start + n_groups], out=highest)
        groups = np.argpartition(highest, n_groups - k, axis=1)[:, n_groups - k :]
        columns = groups[:, :, None] + np.arange(0, last, n_groups)
        among = np.take_along_axis(values, columns.reshape(len(values), k * _TOGETHER), axis=1)
        values = np.concatenate([among, values[:, last:]], axis=1)
        m = values.shape[1]
    mean: Floats = np.partition(values, m - k, axis=1)[:, m - k :].mean(axis=1)
    return mean
