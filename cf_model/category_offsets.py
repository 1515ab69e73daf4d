r"""What genre, decade, record label, artist and album say about a track's factor beyond its sound.

From coarse to fine, each level explains what those before it left of the bridge's errors: with
the error :math:`r_j` of track j, predicted by a bridge that was fitted without it, and weights
:math:`w_j`, the offset of the category g is a mean that few tracks do not move far,

.. math::
    o_g = \frac{\sum_{j \in g} w_j r_j}{\sum_{j \in g} w_j + k}

k is chosen for each level among `PRIORS` by leaving out one track at a time, and so is whether the
level says anything at all. (The posterior mean of a random effect; Robinson, "That BLUP is a good
thing", Statistical Science 6, 1991.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from data.arrays import Doubles, Floats, Positions

PRIORS = (0.3, 1.0, 3.0, 10.0, 30.0)
"""k: weight of tracks at which an offset is half of their mean error."""


@dataclass(frozen=True)
class CategoryOffsets:
    """Offsets of the categories of each level.

    Parameters
    ----------
    tables : tuple of np.ndarray [shape=(n_categories, factors), dtype=float32]
        One a level, with no rows where the level says nothing.
    explained : float
        Share of the bridge's weighted squared error that offsets take away from tracks that they
        were formed without, ≤ 1; NaN for offsets that were read back.
    """

    tables: tuple[Floats, ...]
    explained: float = np.nan

    def of(self, codes: Positions) -> Floats:
        """Sums of offsets [shape=(n, factors)] for `codes` [shape=(n, n_levels)].

        A category that is missing (−1) or was never met adds 0.
        """
        total = np.zeros((len(codes), self.tables[0].shape[1]), np.float32)
        for level, table in enumerate(self.tables):
            known = (codes[:, level] >= 0) & (codes[:, level] < len(table))
            total[known] += table[codes[known, level]]
        return total


def fit_category_offsets(
    errors: Doubles, weight: Doubles, codes: Positions
) -> tuple[CategoryOffsets, Doubles]:
    """Offsets from what a bridge got wrong.

    Parameters
    ----------
    errors : np.ndarray [shape=(n, factors)]
        Factor less its prediction, by a bridge that had not seen the track.
    weight : np.ndarray [shape=(n,)]
        How far each factor is trusted.
    codes : np.ndarray [shape=(n, n_levels), dtype=int32]
        Categories, −1 where there is none.

    Returns
    -------
    offsets : CategoryOffsets
        Of all categories.
    left : np.ndarray [shape=(n, factors)]
        What is left of each error by offsets that were formed without it.
    """
    left = np.asarray(errors, np.float64)
    before = _error(left, weight)
    tables: list[Floats] = []
    for level in range(codes.shape[1]):
        code = codes[:, level]
        known = np.flatnonzero(code >= 0)
        if not len(known):
            tables.append(np.zeros((0, left.shape[1]), np.float32))
            continue
        n_categories = int(code.max(initial=-1)) + 1
        ones = np.ones(len(known))
        member = sparse.csr_matrix((ones, (code[known], known)), shape=(n_categories, len(code)))
        total = np.asarray(member @ (weight[:, None] * left))  # (n_categories, factors)
        mass = np.asarray(member @ weight)  # (n_categories,)
        chosen, rest, smallest = np.inf, left, _error(left, weight)
        for prior in PRIORS:
            remaining = left.copy()
            own = weight[known, None] * left[known]
            others = mass[code[known]] - weight[known] + prior
            remaining[known] -= (total[code[known]] - own) / others[:, None]
            error = _error(remaining, weight)
            if error < smallest:
                chosen, rest, smallest = prior, remaining, error
        table = total / (mass + chosen)[:, None] if np.isfinite(chosen) else total[:0]
        tables.append(table.astype(np.float32))
        left = rest
    explained = 1.0 - _error(left, weight) / before if before > 0 else 0.0
    return CategoryOffsets(tuple(tables), float(explained)), left


def _error(errors: Doubles, weight: Doubles) -> float:
    return float(weight @ (errors**2).sum(axis=1))
