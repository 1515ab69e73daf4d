r"""Bridge from sound to taste: ridge regression of item factors on audio vectors.

With standardised vectors :math:`Z` of the tracks that have both sound and listens, their factors
:math:`Y` and weights :math:`w_i = n_i / (n_i + 10)` for support :math:`n_i` (a factor that few
listeners back is noisy),

.. math::
    \min_{W, b} \sum_i w_i \lVert y_i - W^\top z_i - b \rVert^2 + \mu \lVert W \rVert^2

μ is chosen by cross-validation over tracks, and so is the space of the vectors, where an encoder
offers two: the vectors as they are, or its content space. (Van den Oord, Dieleman and Schrauwen,
"Deep content-based music recommendation", NIPS 2013, regress the same target with a network.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cf_model.config import BridgeSettings
from data.arrays import Doubles, Floats, Mask
from data.errors import DataError, ParameterError

SUPPORT_PRIOR = 10.0
"""Listeners at which a factor weighs half of what a fully trusted one does."""


@dataclass(frozen=True)
class Bridge:
    """Linear map from audio vectors to item factors.

    Parameters
    ----------
    weights : np.ndarray [shape=(dimension, factors), dtype=float64]
        Map of raw (not standardised) vectors.
    bias : np.ndarray [shape=(factors,), dtype=float64]
        Offset.
    penalty : float
        μ that cross-validation chose; NaN for a map that was read back.
    explained : float
        Cross-validated share of the weighted factor variance that sound explains, ≤ 1; at or
        below 0 sound says nothing about taste here. NaN for a map that was read back.
    """

    weights: Doubles
    bias: Doubles
    penalty: float = np.nan
    explained: float = np.nan

    @classmethod
    def of(cls, matrix: Doubles) -> Bridge:
        """Map with the weights above the bias in `matrix` [shape=(dimension + 1, factors)]."""
        return cls(matrix[:-1], matrix[-1])

    def predict(self, embeddings: Floats) -> Floats:
        """Factors [shape=(n, factors)] for `embeddings` [shape=(n, dimension)]; NaN rows stay."""
        return (embeddings @ self.weights + self.bias).astype(np.float32)


def fit_bridge(
    embeddings: Floats,
    item_factors: Floats,
    support: Floats,
    settings: BridgeSettings,
    *,
    content: Floats | None = None,
    seed: int = 0,
) -> Bridge:
    """Fit on the tracks that have a vector (no NaN) and at least one listener.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n_items, dimension), dtype=float32]
        Audio vectors; rows of NaN where a track has none.
    item_factors : np.ndarray [shape=(n_items, factors), dtype=float32]
        ALS item factors.
    support : np.ndarray [shape=(n_items,), dtype=float32]
        Listeners behind each factor.
    content : np.ndarray [shape=(dimension, n_content), dtype=float32], optional
        Map to another space that may be regressed on; taken if it predicts held-out tracks better.

    Raises
    ------
    ParameterError
        If the arrays disagree in length.
    DataError
        If fewer than ``settings.min_tracks`` tracks have both.
    """
    if not len(embeddings) == len(item_factors) == len(support):
        raise ParameterError(
            f"embeddings, item_factors and support must be aligned, got {len(embeddings)}, "
            f"{len(item_factors)} and {len(support)} rows"
        )
    known = bridgeable(embeddings, support)
    n_known = int(known.sum())
    if n_known < settings.min_tracks:
        raise DataError(
            f"a bridge needs at least {settings.min_tracks} tracks with both an audio vector and "
            f"listens, this library has {n_known}: run `recsys embed` or import more listens"
        )
    vectors = embeddings[known].astype(np.float64)
    targets = item_factors[known].astype(np.float64)
    weight = support[known].astype(np.float64)
    weight = weight / (weight + SUPPORT_PRIOR)

    fold = np.random.default_rng(seed).permutation(n_known) % min(settings.folds, n_known)
    maps = [None] if content is None else [None, content]
    spaces = [vectors if map_ is None else vectors @ map_ for map_ in maps]
    errors = np.zeros((len(spaces), len(settings.penalties)))
    baseline = 0.0
    for held_out in range(fold.max() + 1):
        train, test = fold != held_out, fold == held_out
        for row, space in enumerate(spaces):
            for column, penalty in enumerate(settings.penalties):
                map_, bias = _ridge(space[train], targets[train], weight[train], penalty)
                residual = targets[test] - (space[test] @ map_ + bias)
                errors[row, column] += weight[test] @ (residual**2).sum(axis=1)
        centre = np.average(targets[train], axis=0, weights=weight[train])
        baseline += weight[test] @ ((targets[test] - centre) ** 2).sum(axis=1)
    best, chosen = divmod(int(errors.argmin()), len(settings.penalties))
    map_, bias = _ridge(spaces[best], targets, weight, settings.penalties[chosen])
    to_space = maps[best]
    if to_space is not None:
        map_ = to_space @ map_
    explained = 1.0 - errors[best, chosen] / baseline if baseline > 0 else 0.0
    return Bridge(map_, bias, settings.penalties[chosen], float(explained))


def bridgeable(embeddings: Floats, support: Floats) -> Mask:
    """Tracks [shape=(n_items,)] that a bridge can learn from: with a vector and with listeners."""
    return (support > 0) & ~np.isnan(embeddings).any(axis=1)


def _ridge(
    vectors: Doubles, targets: Doubles, weight: Doubles, penalty: float
) -> tuple[Doubles, Doubles]:
    """Weighted ridge on standardised inputs; returns map and bias for raw inputs."""
    mean = np.average(vectors, axis=0, weights=weight)
    centre = np.average(targets, axis=0, weights=weight)
    scale = np.sqrt(np.average((vectors - mean) ** 2, axis=0, weights=weight))
    scale[scale < 1e-9] = np.inf  # a constant coordinate carries nothing: its weight becomes 0
    inputs = (vectors - mean) / scale
    system = (inputs.T * weight) @ inputs + penalty * np.eye(inputs.shape[1])
    map_ = np.linalg.solve(system, (inputs.T * weight) @ (targets - centre)) / scale[:, None]
    return map_, centre - mean @ map_
