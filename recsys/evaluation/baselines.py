r"""Baselines fitted on the same training part as the hybrid, simple enough to be read at a glance.

None of them is served. They are written apart from the models that are, so that a mistake in one
does not flatter the comparison.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from cf_model.confidence import signed_confidence
from cf_model.config import ConfidenceSettings
from data.arrays import Doubles, Floats, Positions
from data.interactions import Interactions

EASE_UP_TO = 5_000
"""Tracks up to which the dense inverse of EASE is affordable: 200 MB, some ten seconds."""
EASE_REGULARIZATION = 100.0


def positive_matrix(
    interactions: Interactions, confidence: ConfidenceSettings
) -> sparse.csr_matrix:
    """1 where a listener took to a track [shape=(n_users, n_items)]."""
    taken = signed_confidence(interactions.pairs, confidence) > 0
    matrix = interactions.matrix(taken.astype(np.float32))
    matrix.eliminate_zeros()
    return matrix


class ItemKnn:
    r"""Cosine item-kNN over all neighbours: :math:`s_j = \sum_{i \in L, i \ne j} \cos(x_i, x_j)`.

    :math:`x_i` is the column of the tracks' listeners, :math:`L` what the listener likes (Sarwar et
    al., "Item-based collaborative filtering recommendation algorithms", WWW 2001). The item–item
    matrix is never formed: with the columns at unit length, two products with the sparse matrix
    are the sum.

    Parameters
    ----------
    positive : scipy.sparse.csr_matrix [shape=(n_users, n_items)]
        From `positive_matrix`.
    """

    def __init__(self, positive: sparse.csr_matrix) -> None:
        length = np.sqrt(np.asarray(positive.sum(axis=0)).ravel())
        self._heard = length > 0
        scale = sparse.diags(1.0 / np.maximum(length, 1.0))
        self._columns = (positive @ scale).tocsc()
        self._rows = self._columns.T.tocsr()

    def score(self, liked: Positions) -> Floats:
        """Score of every track [shape=(n_items,)], NaN for those without listeners."""
        if not len(liked):
            return np.full(len(self._heard), np.nan, np.float32)
        shared = np.asarray(self._columns[:, liked].sum(axis=1)).ravel()
        score = np.asarray(self._rows @ shared).ravel()
        score[liked] -= self._heard[liked]  # a track's cosine with itself says nothing
        return np.where(self._heard, score, np.nan).astype(np.float32)


class Ease:
    """EASE (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019).

    Parameters
    ----------
    positive : scipy.sparse.csr_matrix [shape=(n_users, n_items)]
        From `positive_matrix`.
    regularization : float
        λ.
    """

    def __init__(
        self, positive: sparse.csr_matrix, regularization: float = EASE_REGULARIZATION
    ) -> None:
        gram: Doubles = (positive.T @ positive).toarray().astype(np.float64)
        self._heard = np.diag(gram) > 0
        inverse = np.linalg.inv(gram + regularization * np.eye(len(gram)))
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        self._weights = weights.astype(np.float32)

    def score(self, liked: Positions) -> Floats:
        """Score of every track [shape=(n_items,)], NaN for those without listeners."""
        if not len(liked):
            return np.full(len(self._heard), np.nan, np.float32)
        return np.where(self._heard, self._weights[liked].sum(axis=0), np.nan).astype(np.float32)
