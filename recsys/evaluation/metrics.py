r"""Ranking metrics with binary relevance.

Conventions, the same for every method:

- recall@k = hits among the first k / number of relevant tracks.
- NDCG@k = DCG@k / ideal DCG@k with gain 1, discount :math:`1/\log_2(\text{rank} + 1)` for ranks
  from 1, and an ideal list of min(number of relevant tracks, k) hits (Järvelin and Kekäläinen,
  "Cumulated gain-based evaluation of IR techniques", TOIS 2002).
- Rankings are over the whole catalogue; nothing is sampled.
- A listener with nothing relevant has no value; the report counts them.
"""

from __future__ import annotations

import numpy as np

from data.arrays import Doubles, Positions


def recall(ranked: Positions, relevant: Positions, k: int) -> float:
    """recall@k of one list.

    Parameters
    ----------
    ranked : np.ndarray [shape=(n,)]
        Positions, best first, each once.
    relevant : np.ndarray [shape=(m,)], m ≥ 1
        Positions that count as hits.
    """
    return float(np.isin(ranked[:k], relevant).sum() / len(relevant))


def ndcg(ranked: Positions, relevant: Positions, k: int) -> float:
    """NDCG@k of one list; parameters as in `recall`."""
    hits = np.isin(ranked[:k], relevant)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    return float(discount[: len(hits)][hits].sum() / discount[: min(len(relevant), k)].sum())


def bootstrap_intervals(
    values: Doubles, *, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> tuple[Doubles, Doubles]:
    """Percentile intervals of means over listeners, all columns resampled alike.

    For a paired comparison, pass the differences of two methods on the same listeners.

    Parameters
    ----------
    values : np.ndarray [shape=(n_listeners, m)]
        One column an estimate.

    Returns
    -------
    low, high : np.ndarray [shape=(m,)]
    """
    rng = np.random.default_rng(seed)
    n = len(values)
    means = np.empty((resamples, values.shape[1]))
    for row in range(resamples):
        drawn = np.bincount(rng.integers(0, n, n), minlength=n)
        means[row] = drawn @ values / n
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(means, (tail, 1.0 - tail), axis=0)
    return low, high
