"""What the hybrid is compared with: each method scores every track for one listener."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data.arrays import Floats
from ranker.candidates import reciprocal_rank_fusion
from ranker.hybrid import Hybrid
from ranker.listener import Listener
from ranker.sources import CandidateSource

Method = Callable[[int, Listener], Floats]
"""(position of the listener, listener) → score of every track [shape=(n_items,)], NaN = none."""

HYBRID = "hybrid"
_SINGLE = {"popular": "popular", "collaborative": "als", "audio": "audio", "bridge": "bridge"}


def methods(hybrid: Hybrid, *, seed: int) -> dict[str, Method]:
    """The compared methods by name: controls, each source alone, plain fusion, the hybrid."""
    n_items = len(hybrid.models.catalogue.items)
    everything = np.arange(n_items, dtype=np.int32)

    def random(user: int, _: Listener) -> Floats:
        return np.random.default_rng((seed, user)).random(n_items, dtype=np.float32)

    def fusion(_: int, listener: Listener) -> Floats:
        candidates = hybrid.models.candidates(listener)
        scores = np.full(n_items, np.nan, np.float32)
        scores[candidates.item_index] = reciprocal_rank_fusion(candidates.rank)
        return scores

    def mixed(_: int, listener: Listener) -> Floats:
        ranked = hybrid.rank(listener)
        scores = np.full(n_items, np.nan, np.float32)
        scores[ranked.item_index] = ranked.score
        return scores

    def alone(source: CandidateSource) -> Method:
        return lambda _, listener: source.score(listener, everything)

    single = {_SINGLE[source.name]: alone(source) for source in hybrid.models.sources}
    compared: dict[str, Method] = {"random": random, "popular": single.pop("popular"), **single}
    compared["fusion"] = fusion
    compared[HYBRID] = mixed
    return compared
