r"""Bridge from sound to taste: ridge regression of item factors on audio vectors.

With standardised vectors :math:`Z` of the tracks that have both sound and listens, their factors
:math:`Y` and weights :math:`w_i = n_i / (n_i + 10)` for support :math:`n_i` (a factor that few
listeners back is noisy),

.. math::
    \min_{W, b} \sum_i w_i \lVert y_i - W^\top z_i - b \rVert^2 + \mu \lVert W \rVert^2

μ is chosen by cross-validation over tracks, and so is the space of the vectors, where an encoder
offers two: the vectors as they are, or its content space. What genre, decade, label, artist and
album say beyond sound is added (`cf_model.category_offsets`). Predictions of tracks left out say
how long the factors must be to be right on average. (Van den Oord, Dieleman and Schrauwen, "Deep
content-based music recommendation", NIPS 2013, regress the same target with a network.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from cf_model.category_offsets import CategoryOffsets, fit_category_offsets
from cf_model.config import BridgeSettings
from cf_model.moments import Moments
from data.arrays import Doubles, Floats, Mask, Positions
from data.errors import DataError, ParameterError

SUPPORT_PRIOR = 10.0
"""Listeners at which a factor weighs half of what a fully trusted one does."""


@dataclass(frozen=True)
class Bridge:
    """Linear map from audio vectors to item factors, and offsets by categories.

    Parameters
    ----------
    weights : np.ndarray [shape=(dimension, factors), dtype=float64]
        Map of raw (not standardised) vectors.
    bias : np.ndarray [shape=(factors,), dtype=float64]
        Offset of all.
    offsets : CategoryOffsets or None
        Offsets of genres, decades, labels, artists and albums; None = fitted without categories.
    covariance : np.ndarray [shape=(factors, factors), dtype=float64] or None
        Of the errors of predictions for tracks left out; None for a map that was read back.
    penalty : float
        μ that cross-validation chose; NaN for a map that was read back.
    explained : float
        Cross-validated share of the weighted factor variance that sound explains, ≤ 1; at or
        below 0 sound says nothing about taste here. NaN for a map that was read back.
    """

    weights: Doubles
    bias: Doubles
    offsets: CategoryOffsets | None = None
    covariance: Doubles | None = None
    penalty: float = np.nan
    explained: float = np.nan

    @classmethod
    def of(cls, matrix: Doubles, offsets: CategoryOffsets | None) -> Bridge:
        """Map with the weights above the bias in `matrix` [shape=(dimension + 1, factors)]."""
        return cls(matrix[:-1], matrix[-1], offsets)

    def predict(self, embeddings: Floats, categories: Positions | None = None) -> Floats:
        """Factors for tracks with sound.

        Parameters
        ----------
        embeddings : np.ndarray [shape=(n, dimension)]
            Audio vectors; NaN rows stay.
        categories : np.ndarray [shape=(n, n_levels), dtype=int32], optional
            Codes of `data.categories.Categories`, −1 where unknown; none are by default.

        Returns
        -------
        np.ndarray [shape=(n, factors), dtype=float32]
            Predicted factors.
        """
        factors: Floats = (embeddings @ self.weights + self.bias).astype(np.float32)
        if self.offsets is not None and categories is not None:
            factors += self.offsets.of(categories)
        return factors


def fit_bridge(
    embeddings: Floats,
    item_factors: Floats,
    support: Floats,
    settings: BridgeSettings,
    *,
    categories: Positions | None = None,
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
    categories : np.ndarray [shape=(n_items, n_levels), dtype=int32], optional
        Codes of `data.categories.Categories`, −1 where unknown.
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

    middle = np.average(vectors, axis=0, weights=weight)
    centre = np.average(targets, axis=0, weights=weight)
    vectors -= middle
    targets -= centre

    fold = np.random.default_rng(seed).permutation(n_known) % min(settings.folds, n_known)
    parts = [
        Moments.of(vectors[rows], targets[rows], weight[rows])
        for rows in (fold == held_out for held_out in range(fold.max() + 1))
    ]
    everything = reduce(add, parts)
    nothing = np.zeros((vectors.shape[1], targets.shape[1]))
    errors = np.zeros((1 if content is None else 2, len(settings.penalties)))
    baseline = 0.0
    for part in parts:
        rest = everything - part
        for row, (train, test) in enumerate(
            zip(_spaces(rest, content), _spaces(part, content), strict=True)
        ):
            for column, (map_, bias) in enumerate(train.ridge(settings.penalties)):
                errors[row, column] += test.error(map_, bias)
        baseline += part.error(nothing, rest.mean_target())
    best, chosen = divmod(int(errors.argmin()), len(settings.penalties))
    penalty = settings.penalties[chosen]

    def fitted(moments: Moments) -> tuple[Doubles, Doubles]:
        ((map_, bias),) = _spaces(moments, content)[best].ridge([penalty])
        return (content.astype(np.float64) @ map_ if content is not None and best else map_), bias

    predicted = np.empty_like(targets)
    for held_out, part in enumerate(parts):
        rows = fold == held_out
        map_, bias = fitted(everything - part)
        predicted[rows] = vectors[rows] @ map_ + bias
    scale = _slope(targets, predicted, weight)
    left = targets - scale * predicted
    offsets = None
    if categories is not None:
        offsets, left = fit_category_offsets(left, weight, categories[known])
    map_, bias = fitted(everything)
    map_, bias = scale * map_, scale * bias
    explained = 1.0 - errors[best, chosen] / baseline if baseline > 0 else 0.0
    return Bridge(
        map_,
        bias + centre - middle @ map_,
        offsets,
        covariance=(left.T * weight) @ left / weight.sum(),
        penalty=penalty,
        explained=float(explained),
    )


def _slope(targets: Doubles, predicted: Doubles, weight: Doubles) -> float:
    """Factor that predictions of tracks left out must be multiplied by to be right on average.

    What a penalty shrinks too far, or too little, would make the scores of new tracks too small
    beside those of others, or too large. Where sound says nothing it stays as it is.
    """
    square = float(weight @ (predicted**2).sum(axis=1))
    slope = float(weight @ (targets * predicted).sum(axis=1)) / square if square > 0 else 1.0
    return slope if slope > 0 else 1.0


def _spaces(moments: Moments, content: Floats | None) -> list[Moments]:
    """Of the vectors as they are, and in the content space where there is one."""
    if content is None:
        return [moments]
    return [moments, moments.mapped(content.astype(np.float64))]


def bridgeable(embeddings: Floats, support: Floats) -> Mask:
    """Tracks [shape=(n_items,)] that a bridge can learn from: with a vector and with listeners."""
    return (support > 0) & ~np.isnan(embeddings).any(axis=1)
