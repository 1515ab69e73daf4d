"""Methods that stand beside the product's own: what somebody would try first on cold tracks."""

from __future__ import annotations

import numpy as np

from bench.quality.bridges import bridges
from cf_model.als import fit_als
from cf_model.config import ALSSettings
from data.arrays import Floats
from data.interactions import Interactions
from ranker.candidates import CandidateList, reciprocal_rank_fusion
from ranker.hybrid import Hybrid
from recsys.evaluation.baselines import Ease, ItemKnn, positive_matrix
from recsys.evaluation.methods import Asked, Method

NEAREST = 5


def further(hybrid: Hybrid, histories: Interactions) -> dict[str, Method]:
    """A blend of warm-only models; audio kNN and other bridges as far as there is sound."""
    compared: dict[str, Method] = {}
    if hybrid.models.popularity.any():
        compared["warm_blend"] = warm_blend(hybrid, histories)
    if hybrid.models.embeddings is not None:
        compared["audio_knn"] = audio_knn(hybrid.models.embeddings)
    return compared | bridges(hybrid, histories)


def audio_knn(embeddings: Floats) -> Method:
    """Mean cosine to the `NEAREST` of the listener's tracks that are most similar."""
    centred = embeddings - np.nanmean(embeddings, axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    similarity = unit @ unit.T  # (n_items, n_items)

    def score(asked: Asked) -> Floats:
        liked = asked.listener.liked_items
        rows = similarity[liked]
        rows = rows[~np.isnan(rows).all(axis=1)]
        if not len(rows):
            return np.full(len(unit), np.nan, np.float32)
        k = min(NEAREST, len(rows))
        return np.partition(rows, len(rows) - k, axis=0)[-k:].mean(axis=0)

    return score


def warm_blend(hybrid: Hybrid, histories: Interactions, depth: int = 200) -> Method:
    """Reciprocal-rank fusion of ALS and EASE (cosine kNN in large catalogues), without sound."""
    models = hybrid.models
    positive = positive_matrix(histories, models.confidence)
    second = Ease(positive) if positive.shape[1] <= 5_000 else ItemKnn(positive)
    als = fit_als(
        histories, ALSSettings(factors=32, regularization=10.0), models.confidence, seed=0
    )
    fold_in, heard = als.fold_in, als.support > 0

    def score(asked: Asked) -> Floats:
        liked = asked.listener.liked_items
        ones = np.full(len(liked), 2.0, np.float32)
        first = np.where(heard, als.item_factors @ fold_in.user_factor(liked, ones), np.nan)
        allowed = np.ones(len(heard), np.bool_)
        allowed[asked.listener.excluded] = False
        rank = np.full((len(heard), 2), np.nan, np.float32)
        for column, scores in enumerate((first, second.score(liked))):
            best = CandidateList.best(scores, depth, allowed).item_index
            rank[best, column] = np.arange(1, len(best) + 1)
        proposed = ~np.isnan(rank).all(axis=1)
        fused = np.full(len(heard), np.nan, np.float32)
        fused[proposed] = reciprocal_rank_fusion(rank[proposed])
        return fused

    return score
