r"""What ALS minimises, measured while it does.

``implicit`` can tell its loss, but counts negative confidences wrongly and takes half as long again
as the fit. Here the sum over listeners is that over some of them, scaled up:

.. math::
    \sum_u \Big(\lVert Y x_u \rVert^2
    + \sum_{i \in I_u} \big(c_{ui} (p_{ui} - x_u^\top y_i)^2 - (x_u^\top y_i)^2\big)\Big)
    + \lambda (\lVert X \rVert^2 + \lVert Y \rVert^2)

with the pairs :math:`I_u` of each listener, and the rest through the Gramian of Y.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from data.arrays import Floats

LISTENERS = 500
"""Listeners that are looked at; of more, a sample. A twentieth of the time of a fit."""


class Objective:
    """The objective of ALS on one log.

    Parameters
    ----------
    signed : scipy.sparse.csr_matrix [shape=(n_users, n_items), dtype=float32]
        Confidences, negative where the preference is 0.
    regularization : float
        λ.
    seed : int
        Of the sample of listeners.
    """

    def __init__(self, signed: sparse.csr_matrix, regularization: float, *, seed: int = 0) -> None:
        n_users = signed.shape[0]
        sample = np.random.default_rng(seed).permutation(n_users)[:LISTENERS]
        self._users = np.sort(sample)
        self._scale = n_users / max(len(sample), 1)
        chosen = signed[self._users]
        self._row = np.repeat(np.arange(len(sample)), np.diff(chosen.indptr))
        self._item = chosen.indices
        self._confidence = np.abs(chosen.data).astype(np.float64)
        self._prefers = chosen.data > 0
        self._regularization = regularization

    def __call__(self, user_factors: Floats, item_factors: Floats) -> float:
        """Value of the objective for these factors; exact for up to `LISTENERS` listeners."""
        x = user_factors[self._users]
        gramian = (item_factors.T @ item_factors).astype(np.float64)
        everything = float(((x.astype(np.float64) @ gramian) * x).sum())
        score = np.einsum("nf,nf->n", x[self._row], item_factors[self._item]).astype(np.float64)
        missed = self._confidence * (self._prefers - score) ** 2 - score**2
        norms = float(np.vdot(user_factors, user_factors)) + float(np.trace(gramian))
        return self._scale * (everything + float(missed.sum())) + self._regularization * norms
