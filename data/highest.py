"""Where the highest of many values stand, without sorting or partitioning all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats

_SAMPLED = 17
"""One value in so many is looked at to tell where the highest begin; a prime, since what is alike
may come in turns."""


def promising(values: Floats, n: int) -> tuple[NDArray[np.intp], np.float32]:
    """Positions of all values from a bar on, likely with the `n` highest among them; and the bar.

    The bar comes from a sample: one comparison a value, where a partition of all of them takes ten
    times as long. Of few values it lets none pass. NaN never passes.
    """
    sample = values[::_SAMPLED]
    sample = sample[~np.isnan(sample)]
    expected = 2 * n // _SAMPLED + _SAMPLED
    if 2 * expected >= len(sample):
        return np.zeros(0, np.intp), np.float32(np.inf)
    bar = np.partition(sample, len(sample) - expected)[-expected]
    return np.flatnonzero(values >= bar), bar
