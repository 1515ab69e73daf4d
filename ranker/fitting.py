"""Learning every source of candidates from a log."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np
from threadpoolctl import threadpool_limits

from audio_model.index import SearchIndex, build_index
from cf_model.als import fit_als
from cf_model.bridge import bridgeable, fit_bridge
from cf_model.carry import fit_carry
from cf_model.confidence import liked_weights, pair_confidence, signed_confidence
from cf_model.config import (
    ALSSettings,
    BridgeSettings,
    CarrySettings,
    ConfidenceSettings,
    ItemItemSettings,
)
from cf_model.item_item import ItemItemModel, fit_item_item, fit_related
from cf_model.shrinkage import shrink_to_bridge
from data.arrays import Floats
from data.events import EventLog
from data.interactions import Interactions
from data.tracks import Catalogue
from ranker.config import CandidateSettings
from ranker.models import CandidateModels

DAY = 86_400.0
ASKED = 200
"""Listeners whose scores are learned from before they are carried over by sound."""


def fit_candidate_models(
    log: EventLog,
    catalogue: Catalogue,
    embeddings: Floats | None,
    *,
    als: ALSSettings,
    bridge: BridgeSettings,
    confidence: ConfidenceSettings,
    candidates: CandidateSettings,
    item_item: ItemItemSettings,
    carry: CarrySettings,
    content: Floats | None = None,
    index: SearchIndex | None = None,
    seed: int = 0,
) -> CandidateModels:
    """Learn all sources from `log`.

    Parameters
    ----------
    log : EventLog
        Events over ``catalogue.items``.
    catalogue : Catalogue
        All tracks, heard or not.
    embeddings : np.ndarray [shape=(n_items, dimension), dtype=float32] or None
        Audio vectors, NaN rows where a track has none.
    content : np.ndarray [shape=(dimension, n_content), dtype=float32], optional
        Map from `embeddings` to the space that tastes are regressed in; none by default.
    index : SearchIndex, optional
        Index over `embeddings`, when it exists already; sound does not depend on the log.
    """
    interactions = Interactions.from_log(log)
    popularity = count_listeners(interactions, confidence)
    recent = popularity
    if log.has_timestamps:
        since = float(log.timestamp.max()) - candidates.recent_days * DAY
        recent = count_listeners(Interactions.from_log(log.since(since)), confidence)

    collaborative = fit_als(interactions, als, confidence, seed=seed) if popularity.any() else None
    if embeddings is not None and np.isnan(embeddings).all():
        embeddings = None
    if embeddings is not None and index is None:
        index = build_index(embeddings, seed=seed)
    fitted, bridged = None, None
    if (
        collaborative is not None
        and embeddings is not None
        and bridgeable(embeddings, collaborative.support).sum() >= bridge.min_tracks
    ):
        signed = interactions.matrix(pair_confidence(interactions, confidence))
        with _one_thread():
            factors = np.asarray(collaborative.item_factors)
            fitted = fit_bridge(
                embeddings,
                factors,
                collaborative.support,
                bridge,
                categories=catalogue.categories.codes,
                content=content,
                seed=seed,
            )
            bridged = shrink_to_bridge(
                fitted.predict(embeddings, catalogue.categories.codes),
                popularity < candidates.newcomer_support,
                collaborative,
                signed,
                bridge.prior,
                fitted.covariance,
            )
    related = fit_item_item(interactions, item_item, confidence) if popularity.any() else None
    carried, kin = None, None
    if related is not None and embeddings is not None:
        newcomers = popularity < candidates.newcomer_support
        if len(popularity) <= item_item.dense_up_to:
            kin = fit_related(interactions, carry.neighbours, confidence)
        scores = _some_scores(kin or related, interactions, confidence, seed)
        weights = (kin or related).weights
        with _one_thread():
            carried = fit_carry(
                embeddings, newcomers, ~newcomers, weights, carry, content, scores=scores, seed=seed
            )
        kin = None if carried is None else kin
    return CandidateModels(
        catalogue=catalogue,
        confidence=confidence,
        settings=candidates,
        popularity=popularity,
        recent_popularity=recent,
        age=days_since_first(log),
        collaborative=collaborative,
        embeddings=embeddings,
        index=index,
        bridged_factors=bridged,
        bridge=fitted,
        item_item=related,
        carry=carried,
        related=kin,
    )


def _one_thread() -> AbstractContextManager[object]:
    """Small products, one after the other, on one thread.

    Where other programs hold the cores, several threads wait for each other far longer than they
    work: at 20,000 tracks the bridge took 0.1 s with one and 1.5 to 4 s with two.
    """
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


def _some_scores(
    model: ItemItemModel, interactions: Interactions, confidence: ConfidenceSettings, seed: int
) -> Floats:
    """Scores of every track for at most `ASKED` listeners [shape=(n_listeners, n_items)]."""
    listeners = np.random.default_rng(seed).permutation(
        np.flatnonzero(np.diff(interactions.indptr))
    )
    scores = np.zeros((min(len(listeners), ASKED), len(interactions.items)), np.float32)
    for row, user in enumerate(listeners[:ASKED].tolist()):
        history = interactions.history(user)
        signed = signed_confidence(history, confidence)
        scores[row] = model.score(history.item_index[signed > 0], liked_weights(signed))
    return scores


def days_since_first(log: EventLog) -> Floats:
    """Days from each track's first event to the last of `log` [shape=(n_items,)]; NaN without."""
    first = np.full(len(log.items), np.inf)
    np.minimum.at(first, log.item_index, np.nan_to_num(log.timestamp, nan=np.inf))
    latest = np.nanmax(log.timestamp) if np.isfinite(first).any() else np.nan
    return np.where(np.isfinite(first), (latest - first) / DAY, np.nan).astype(np.float32)


def count_listeners(interactions: Interactions, confidence: ConfidenceSettings) -> Floats:
    """Distinct listeners who are positive about each track [shape=(n_items,)]."""
    positive = signed_confidence(interactions.pairs, confidence) > 0
    return np.bincount(
        interactions.pairs.item_index[positive], minlength=len(interactions.items)
    ).astype(np.float32)
