r"""Implicit-feedback ALS, fitted by the ``implicit`` library.

Objective, with preference p and confidence c from `cf_model.confidence`:

.. math::
    \sum_{u,i} c_{ui}\,(p_{ui} - x_u^\top y_i)^2
    + \lambda\Big(\sum_u \lVert x_u\rVert^2 + \sum_i \lVert y_i\rVert^2\Big)

where unobserved pairs take part with p = 0 and c = 1. ``implicit`` minimises exactly this when
it is handed c itself (with ``alpha=1``) and −c for observed pairs whose preference is 0.
"""

from __future__ import annotations

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from cf_model.confidence import pair_confidence
from cf_model.config import ALSSettings, ConfidenceSettings
from cf_model.model import CollaborativeModel
from cf_model.objective import Objective
from data.errors import DataError
from data.interactions import Interactions


def fit_als(
    interactions: Interactions,
    settings: ALSSettings,
    confidence: ConfidenceSettings,
    *,
    seed: int = 0,
) -> CollaborativeModel:
    """Factorise the log.

    Raises
    ------
    DataError
        If no listener is positive about any track, or the solution is not finite.
    """
    signed = interactions.matrix(pair_confidence(interactions, confidence))
    positive = signed.data > 0
    if not positive.any():
        raise DataError(
            "the log holds no positive event (a play that was not skipped, or a like), so there is "
            "nothing to factorise: import listens first"
        )
    support = np.bincount(signed.indices[positive], minlength=len(interactions.items))
    n_tracks = int((support > 0).sum())
    regularization = settings.regularization or default_regularization(
        int(positive.sum()), int((np.diff(interactions.indptr) > 0).sum()), n_tracks
    )
    # OpenBLAS threads inside implicit's own threads slow it down severalfold.
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=settings.factors or default_factors(n_tracks),
            regularization=regularization,
            alpha=1.0,  # confidence is complete in the matrix
            iterations=settings.iterations,
            random_state=seed,
        )
        measure = Objective(signed, regularization, seed=seed)
        objective: list[float] = []
        model.fit(
            signed,
            show_progress=False,
            callback=lambda *_: objective.append(measure(model.user_factors, model.item_factors)),
        )
    item_factors = np.ascontiguousarray(model.item_factors, np.float32)
    if not np.isfinite(item_factors).all():
        raise DataError(
            "ALS did not converge to finite factors: raise als.regularization "
            f"(now {regularization:g}) or look for absurd play counts in the log"
        )
    return CollaborativeModel(
        item_factors,
        support.astype(np.float32),
        float(regularization),
        np.asarray(model.user_factors, np.float32),
        tuple(objective),
    )


LARGE = 1000
"""Tracks with listeners above which a log can fill more factors."""
HUGE = 10_000
"""Tracks above which more factors cost more, at training and in every answer, than is known to be
gained."""


def default_factors(n_tracks: int) -> int:
    """Length of a factor for a log in which `n_tracks` tracks have listeners.

    On a real log of 1.9k listeners × 2.8k artists (two splits; α = 2 and the default λ but for a
    tenth), 128 factors have an NDCG@20 of .341 and .332, 64 .335 and .326, 256 .342 in the first;
    with 128 of them the hybrid gains most.
    """
    if n_tracks <= LARGE:
        return 32
    return 128 if n_tracks <= HUGE else 64


def default_regularization(n_positive: int, n_listeners: int, n_tracks: int) -> float:
    """λ for a log of `n_positive` positive pairs and `n_listeners` active listeners.

    A λ that suits listeners with thirty tracks drives the factors of a log with three tracks a
    listener to 0, hence the proportion m = `n_positive` / `n_listeners`. On a real log of 1.9k
    listeners × 2.8k artists, 1.3 to 1.75 m did best (two splits, factors from 64 to 256, α = 2), in
    the test parts and, more for 1.75 m, in validation windows. On one of 950 tracks m / 2 was as
    good as 2 m / 3 and better than m / 3; on a made-up one of 300, as good as m / 3.
    """
    mean = n_positive / max(n_listeners, 1)
    return float(np.clip(1.5 * mean if n_tracks > LARGE else mean / 2.0, 0.1, 100.0))
