r"""From what a listener did with a track to preference and confidence.

For each pair of listener and track, with :math:`s` the evidence for it (plays weighted by the
share heard, plus `like_plays` for a like) and :math:`d` the evidence against it (skips, plus
`dislike_skips` for a dislike or hide),

.. math::
    p = [\,s > d\,], \qquad c = 1 + \alpha \log(1 + \max(s, d))

With `half_life_days` set to h, evidence is worth half for every h days that the pair's latest event
lies before the listener's: s and d are multiplied by :math:`2^{-a / h}`, a the days between. What
is preferred does not change, only how much that counts; an event without a time counts in full.

A verdict stands over what was played or skipped: after a like p = 1, after a dislike or a hide
p = 0, the latest of them, whatever s and d are.

A pair that never occurred has p = 0 and c = 1 (Hu, Koren and Volinsky, "Collaborative filtering
for implicit feedback datasets", ICDM 2008). Plays enter through the logarithm because their counts
are heavy-tailed.
"""

from __future__ import annotations

import numpy as np

from cf_model.config import ConfidenceSettings
from data.arrays import Doubles, Floats
from data.interactions import History, Interactions

DAY = 86_400.0


def signed_confidence(history: History, settings: ConfidenceSettings) -> Floats:
    """Confidence of each entry of one listener's `history`, negative where the preference is 0.

    The sign convention is that of ``implicit``, whose solvers take ``-c`` as "confidence c in a
    preference of 0".

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
        Magnitudes are ≥ 1; no entry is 0.
    """
    latest = np.fmax.reduce(history.last_at, initial=-np.inf)
    return _signed(history, np.full(len(history), latest), settings)


def pair_confidence(interactions: Interactions, settings: ConfidenceSettings) -> Floats:
    """`signed_confidence` of every listener's history, one after the other [shape=(n_pairs,)]."""
    length = np.diff(interactions.indptr)
    some = length > 0
    latest = np.full(len(length), -np.inf)
    if some.any():
        latest[some] = np.fmax.reduceat(interactions.pairs.last_at, interactions.indptr[:-1][some])
    return _signed(interactions.pairs, np.repeat(latest, length), settings)


def _signed(history: History, latest: Doubles, settings: ConfidenceSettings) -> Floats:
    """Signed confidence; `latest` [shape=(n,)] is when each entry's listener was last heard."""
    positive = history.plays + settings.like_plays * (history.opinion > 0)
    negative = history.skips + settings.dislike_skips * (history.opinion < 0)
    evidence = np.maximum(positive, negative)
    if settings.half_life_days is not None:
        days = np.nan_to_num(latest - history.last_at, nan=0.0, posinf=0.0, neginf=0.0) / DAY
        evidence = evidence * 2.0 ** (-days / settings.half_life_days)
    strength = 1.0 + settings.alpha * np.log1p(evidence)
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
