r"""Ridge regression out of sums over rows, so that folds and penalties share one pass over them.

With rows :math:`r_i = (1, x_i, y_i)` of weight :math:`w_i`, everything that a regression of y on x
and its error need is :math:`M = \sum_i w_i\, r_i r_i^\top`. Sums of parts add up: the training part
of a fold is everything less the fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.arrays import Doubles

_CONSTANT = 1e-18
"""Variance below which a coordinate is constant."""
_ROUNDING = 1e-12
"""The same as a share of its mean square, of which differences of sums keep no more digits."""


@dataclass(frozen=True)
class Moments:
    """Weighted sums of products over rows of inputs and targets.

    Parameters
    ----------
    matrix : np.ndarray [shape=(1 + dimension + n_targets,) * 2, dtype=float64]
        M. Inputs that lie far from 0 cost digits: centre them before.
    dimension : int
        Length of an input.
    """

    matrix: Doubles
    dimension: int

    @classmethod
    def of(cls, inputs: Doubles, targets: Doubles, weight: Doubles) -> Moments:
        """Of rows of `inputs` [shape=(n, dimension)] and `targets` [shape=(n, n_targets)]."""
        rows = np.column_stack([np.ones(len(inputs)), inputs, targets])
        return cls((rows.T * weight) @ rows, inputs.shape[1])

    def __add__(self, other: Moments) -> Moments:
        """Of the rows of both."""
        return Moments(self.matrix + other.matrix, self.dimension)

    def __sub__(self, other: Moments) -> Moments:
        """Of the rows without those of `other`, which are among them."""
        return Moments(self.matrix - other.matrix, self.dimension)

    def mapped(self, map_: Doubles) -> Moments:
        """Of the same rows with inputs times `map_` [shape=(dimension, n)]."""
        n_targets = len(self.matrix) - 1 - self.dimension
        n = map_.shape[1]
        whole = np.zeros((len(self.matrix), 1 + n + n_targets))
        whole[0, 0] = 1.0
        whole[1 : 1 + self.dimension, 1 : 1 + n] = map_
        whole[1 + self.dimension :, 1 + n :] = np.eye(n_targets)
        return Moments(whole.T @ self.matrix @ whole, n)

    def mean_target(self) -> Doubles:
        """Weighted mean of the targets [shape=(n_targets,)]."""
        mean: Doubles = self.matrix[0, 1 + self.dimension :] / self.matrix[0, 0]
        return mean

    def ridge(self, penalties: Sequence[float]) -> list[tuple[Doubles, Doubles]]:
        """Map [shape=(dimension, n_targets)] and bias [shape=(n_targets,)] for each penalty.

        Inputs are standardised for the regression; what comes back is for inputs as they are.
        """
        own = slice(1, 1 + self.dimension)
        total = self.matrix[0, 0]
        mean, centre = self.matrix[0, own] / total, self.mean_target()
        square = np.diag(self.matrix)[own] / total
        variance = square - mean**2
        constant = variance <= np.maximum(_CONSTANT, _ROUNDING * square)
        # A constant coordinate carries nothing: its weight becomes 0.
        scale = np.where(constant, np.inf, np.sqrt(np.where(constant, 1.0, variance)))
        spread = self.matrix[own, own] - total * np.outer(mean, mean)
        spread = spread / scale / scale[:, None]
        across = self.matrix[own, 1 + self.dimension :] - total * np.outer(mean, centre)
        across = across / scale[:, None]
        found = []
        for penalty in penalties:
            solved = np.linalg.solve(spread + penalty * np.eye(self.dimension), across)
            map_ = solved / scale[:, None]
            found.append((map_, centre - mean @ map_))
        return found

    def error(self, map_: Doubles, bias: Doubles) -> float:
        """Weighted sum of squares of what is left of the targets."""
        left = np.vstack([-bias, -map_, np.eye(len(bias))])
        return float(((self.matrix @ left) * left).sum())
