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
from numpy.typing import NDArray

from data.arrays import Doubles, Mask, Positions

Counts = NDArray[np.int64]

FLIPS = 4_999
"""Random sign vectors of the paired test: the smallest p it can give is 1 / 5,000."""


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


def recall_of_hits(hits: Mask, n_relevant: Counts, k: int) -> Doubles:
    """recall@k of many lists at once [shape=(n_lists,)].

    Parameters
    ----------
    hits : np.ndarray [shape=(n_lists, depth), dtype=bool], depth ≥ k
        Whether the entry at each rank is relevant; False beyond the end of a list.
    n_relevant : np.ndarray [shape=(n_lists,)], ≥ 1
        Number of relevant tracks, found or not.
    """
    found: Doubles = hits[:, :k].sum(axis=1) / n_relevant
    return found


def ndcg_of_hits(hits: Mask, n_relevant: Counts, k: int) -> Doubles:
    """NDCG@k of many lists at once; parameters as in `recall_of_hits`."""
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(n_relevant, k) - 1]
    gained: Doubles = (hits[:, :k] @ discount) / ideal
    return gained


def recall_curve(hits: Mask, n_relevant: Counts) -> Doubles:
    """Mean recall@k over the lists for k = 1 … depth [shape=(depth,)]."""
    curve: Doubles = (np.cumsum(hits, axis=1) / n_relevant[:, None]).mean(axis=0)
    return curve


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


def sign_flip_p(differences: Doubles, *, seed: int = 0, flips: int = FLIPS) -> Doubles:
    """Two-sided p of the paired sign-flip permutation test, for each column [shape=(m,)].

    If two methods do equally well, each listener's difference could as well have had the other
    sign. p is the share of random sign vectors, the actual one counted in, whose mean lies at
    least as far from 0 as the actual mean (Fisher, *The Design of Experiments*, 1935; Smucker,
    Allan and Carterette, "A comparison of statistical significance tests for information
    retrieval evaluation", CIKM 2007).

    Parameters
    ----------
    differences : np.ndarray [shape=(n_listeners, m)]
        One method less another, one column an estimate.
    """
    rng = np.random.default_rng(seed)
    n = len(differences)
    actual = np.abs(differences.sum(axis=0))
    slack = 1e-12 * (1.0 + np.abs(differences).sum(axis=0))  # equal sums in another order are equal
    as_far = np.ones(differences.shape[1])
    block = max(1, 4_000_000 // max(n, 1))
    for start in range(0, flips, block):
        signs = rng.integers(0, 2, (min(block, flips - start), n), np.int8) * 2.0 - 1.0
        as_far += (np.abs(signs @ differences) >= actual - slack).sum(axis=0)
    return as_far / (flips + 1)
