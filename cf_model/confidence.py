r"""From what a listener did with a track to preference and confidence.

For each pair of listener and track, with :math:`s` the evidence for it (plays weighted by the
share heard, plus `like_plays` for a like) and :math:`d` the evidence against it (skips, plus
`dislike_skips` for a dislike or hide),

.. math::
    p = [\,s > d\,], \qquad c = 1 + \alpha \log(1 + \max(s, d))

A pair that never occurred has p = 0 and c = 1 (Hu, Koren and Volinsky, "Collaborative filtering
for implicit feedback datasets", ICDM 2008). Plays enter through the logarithm because their counts
are heavy-tailed.
"""

from __future__ import annotations

import numpy as np

from cf_model.config import ConfidenceSettings
from data.arrays import Floats
from data.interactions import History


def signed_confidence(history: History, settings: ConfidenceSettings) -> Floats:
    """Confidence of each entry of `history`, negative where the preference is 0.

    The sign convention is that of ``implicit``, whose solvers take ``-c`` as "confidence c in a
    preference of 0".

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
        Magnitudes are ≥ 1; no entry is 0.
    """
    positive = history.plays + settings.like_plays * (history.opinion > 0)
    negative = history.skips + settings.dislike_skips * (history.opinion < 0)
    strength = 1.0 + settings.alpha * np.log1p(np.maximum(positive, negative))
    prefers = (positive > negative) & (history.opinion >= 0) | (history.opinion > 0)
    return np.where(prefers, strength, -strength).astype(np.float32)


def liked_weights(signed: Floats) -> Floats:
    """What each track that is liked counts in a history, 1 on average [shape=(n_liked,)].

    Parameters
    ----------
    signed : np.ndarray [shape=(n,), dtype=float32]
        From `signed_confidence`.
    """
    liked = signed[signed > 0]
    weights: Floats = liked / liked.mean() if len(liked) else liked
    return weights
