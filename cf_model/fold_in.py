r"""Exact placement of one listener among fixed item factors.

The user half-step of ALS in closed form,

.. math::
    x = \Big(Y^\top Y + \lambda I + \sum_i (c_i - 1)\, y_i y_i^\top\Big)^{-1} \sum_i c_i p_i y_i

with the Gramian :math:`Y^\top Y` computed once per model (Hu, Koren and Volinsky 2008, eq. 4).
It serves everybody, new listeners and changed histories alike, so that no user factors are kept.
"""

from __future__ import annotations

import numpy as np

from data.arrays import Doubles, Floats, Positions
from data.rows import Rows, StackedRows

_ROWS_AT_ONCE = 65_536


class FoldIn:
    r"""User half-step with a cached Gramian.

    Parameters
    ----------
    item_factors : np.ndarray or StackedRows [shape=(n_items, factors), dtype=float32]
        Fixed item factors; may be memory-mapped.
    regularization : float
        λ of the objective the factors were fitted with.
    gramian : np.ndarray [shape=(factors, factors), dtype=float64], optional
        :math:`Y^\top Y` without λ; computed when absent.
    """

    def __init__(
        self, item_factors: Rows, regularization: float, gramian: Doubles | None = None
    ) -> None:
        self._item_factors = item_factors
        if gramian is None:
            gramian = _gramian(np.asarray(item_factors))
        self.gramian: Doubles = gramian
        self._regularization = regularization
        self._system: Doubles = gramian + regularization * np.eye(gramian.shape[0])

    def extended(self, later: Floats) -> FoldIn:
        """Solver that also takes tracks with the factors `later` [shape=(m, factors)].

        They come after the fixed ones and speak for a listener like these, but nobody is taken to
        have passed them over: the Gramian stays.
        """
        stacked = StackedRows(self._item_factors, later)
        return FoldIn(stacked, self._regularization, self.gramian)

    def user_factor(self, item_index: Positions, signed_confidence: Floats) -> Floats:
        """Factor of the listener with these entries.

        Parameters
        ----------
        item_index : np.ndarray [shape=(n,), dtype=int32]
            Positions of the tracks in the history.
        signed_confidence : np.ndarray [shape=(n,), dtype=float32]
            From `cf_model.confidence.signed_confidence`.

        Returns
        -------
        np.ndarray [shape=(factors,), dtype=float32]
            All zeros when the history holds nothing positive.
        """
        system, terms = self._equations(item_index, signed_confidence)
        return np.linalg.solve(system, terms.sum(axis=0)).astype(np.float32)

    def evidence(self, item_index: Positions, signed_confidence: Floats) -> Doubles:
        r"""Map from the factor of a track to the share of each entry of a history in its score.

        The score :math:`y^\top x` is linear in the entries' terms, so with the listener's system
        matrix A entry i has the share :math:`c_i p_i\, y_i^\top A^{-1} y` (Hu, Koren and Volinsky
        2008, section 5).

        Returns
        -------
        np.ndarray [shape=(n, factors), dtype=float64]
            Its product with a factor adds up to the score; rows of entries that are not positive
            are 0.
        """
        system, terms = self._equations(item_index, signed_confidence)
        return np.asarray(np.linalg.solve(system, terms.T).T, np.float64)

    def _equations(
        self, item_index: Positions, signed_confidence: Floats
    ) -> tuple[Doubles, Doubles]:
        """System matrix, and the term of each entry [shape=(n, factors)] on the right-hand side."""
        confidence = signed_confidence.astype(np.float64)
        rows = self._item_factors[item_index].astype(np.float64)  # (n, factors)
        system = self._system + (rows.T * (np.abs(confidence) - 1.0)) @ rows
        return system, np.maximum(confidence, 0.0)[:, None] * rows


def _gramian(factors: Floats) -> Doubles:
    """Sum of the outer products of the rows, in double precision without a copy of all of them."""
    total: Doubles = np.zeros((factors.shape[1],) * 2)
    for start in range(0, len(factors), _ROWS_AT_ONCE):
        rows = factors[start : start + _ROWS_AT_ONCE].astype(np.float64)
        total += rows.T @ rows
    return total
