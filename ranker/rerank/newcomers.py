"""The share of a page that is reserved for tracks nobody has taken to yet."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from data.arrays import Mask


def with_reserved(cold: Mask, best_cold: NDArray[np.intp], share: float) -> NDArray[np.intp]:
    """Places in an order of which every beginning holds its share of cold entries.

    Of the first k entries, ⌊k · share⌋ or more are cold, as long as there are any left. A cold
    entry is moved forward only where those that stand there by themselves are too few, so the
    moved ones lie evenly between the others, and every page has its share, not only the first.

    Parameters
    ----------
    cold : np.ndarray [shape=(n,), dtype=bool]
        Which entries are cold, in the present order.
    best_cold : np.ndarray [shape=(n_cold,), dtype=int64]
        Their places, the one to move forward first in front.
    share : float
        0 … 1; 0 changes nothing.
    """
    n = len(cold)
    if share == 0:
        return np.arange(n)
    placed = np.zeros(n, np.bool_)
    order: list[int] = []
    n_cold = present = reserve = 0
    while len(order) < n:
        while reserve < len(best_cold) and placed[best_cold[reserve]]:
            reserve += 1
        while present < n and placed[present]:
            present += 1
        # 0.3 * 10 must be 3, not 2.9999…
        due = n_cold < math.floor((len(order) + 1) * share + 1e-9)
        place = int(best_cold[reserve]) if due and reserve < len(best_cold) else present
        placed[place] = True
        n_cold += bool(cold[place])
        order.append(place)
    return np.array(order, np.intp)
