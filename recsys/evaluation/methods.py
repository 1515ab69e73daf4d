"""What the hybrid is compared with: each method scores every track for one listener.

A method takes an `Asked` listener and gives a score for every track [shape=(n_items,)], NaN where
it has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from data.arrays import Floats, Positions
from data.interactions import Interactions
from ranker.candidates import reciprocal_rank_fusion
from ranker.habit import familiar
from ranker.hybrid import Hybrid, RankedList
from ranker.listener import Listener
from ranker.sources import CandidateSource
from recsys.evaluation.baselines import EASE_UP_TO, Ease, ItemKnn, positive_matrix

HYBRID = "hybrid"
FUSION = "fusion"
RRF = "als_audio_rrf"
COLLABORATIVE, AUDIO, POPULAR = "collaborative", "audio", "popular"
_SHORT = {COLLABORATIVE: "als"}


@dataclass(frozen=True)
class Asked:
    """One listener who is asked about.

    Parameters
    ----------
    hybrid : Hybrid
        The models.
    user : int
        Position of the listener.
    listener : Listener
        History, and what must not be listed.
    known : bool
        They are asked about what they know, rather than about what they never heard.
    """

    hybrid: Hybrid
    user: int
    listener: Listener
    known: bool = False

    @cached_property
    def ranked(self) -> RankedList:
        """What the sources propose, in the ranker's order; several methods need the candidates."""
        return self.hybrid.rank(self.listener)

    @property
    def ordered(self) -> RankedList:
        """The hybrid's list."""
        if not self.known:
            return self.ranked
        return self.hybrid.rank_known(self.listener, familiar(self.listener.history))

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.hybrid.models.catalogue.items)


Method = Callable[[Asked], Floats]


def short_name(source: str) -> str:
    """Name under which a source is compared."""
    return _SHORT.get(source, source)


def methods(hybrid: Hybrid, histories: Interactions, *, seed: int) -> dict[str, Method]:
    """The compared methods by name: controls, baselines, each source alone, fusions, the hybrid.

    Parameters
    ----------
    hybrid : Hybrid
        Fitted on the training part.
    histories : Interactions
        The training part, summed up; baselines are fitted on it.
    seed : int
        Of the random control.
    """
    models = hybrid.models
    heard = models.popularity > 0
    compared: dict[str, Method] = {"random": partial(_random, seed=seed)}
    compared[POPULAR] = _constant(np.where(heard, models.popularity, np.nan))
    if not np.array_equal(models.popularity, models.recent_popularity):
        recent = models.recent_popularity
        compared["recent_popular"] = _constant(np.where(recent > 0, recent, np.nan))
    if heard.any():
        positive = positive_matrix(histories, models.confidence)
        compared["item_knn"] = _of_liked(ItemKnn(positive).score)
        if positive.shape[1] <= EASE_UP_TO:
            compared["ease"] = _of_liked(Ease(positive).score)
    everything = np.arange(len(heard), dtype=np.int32)
    names = [source.name for source in models.sources]
    for source in models.sources:
        if source.name != POPULAR:
            compared[short_name(source.name)] = _alone(source, everything)
    if {COLLABORATIVE, AUDIO} <= set(names):
        columns = [names.index(COLLABORATIVE), names.index(AUDIO)]
        compared[RRF] = partial(_fused, columns=columns)
    compared[FUSION] = partial(_fused, columns=list(range(len(names))))
    compared[HYBRID] = hybrid_order
    return compared


def hybrid_order(asked: Asked) -> Floats:
    """The hybrid's order as a score; its own ties, broken by it, stay broken."""
    items = asked.ordered.item_index
    scores = np.full(asked.n_items, np.nan, np.float32)
    scores[items] = np.arange(len(items), 0, -1)
    return scores


def play_count(asked: Asked) -> Floats:
    """How much the listener played each track of the history."""
    return _over_history(asked, asked.listener.history.plays)


def last_played(asked: Asked) -> Floats:
    """When the listener last played each track of the history, in seconds before their latest."""
    last = asked.listener.history.last_at
    return _over_history(asked, last - last.max(initial=-np.inf))


RELISTENING: Mapping[str, Method] = {"play_count": play_count, "last_played": last_played}
"""Methods that only make sense for what a listener knows already."""


def _random(asked: Asked, *, seed: int) -> Floats:
    return np.random.default_rng((seed, asked.user)).random(asked.n_items, dtype=np.float32)


def _constant(score: Floats) -> Method:
    return lambda _: score


def _of_liked(score: Callable[[Positions], Floats]) -> Method:
    return lambda asked: score(asked.listener.liked_items)


def _alone(source: CandidateSource, everything: Positions) -> Method:
    return lambda asked: source.score(asked.listener, everything)


def _fused(asked: Asked, *, columns: list[int]) -> Floats:
    candidates = asked.ranked.candidates
    rank = candidates.rank[:, columns]
    proposed = ~np.isnan(rank).all(axis=1)
    scores = np.full(asked.n_items, np.nan, np.float32)
    scores[candidates.item_index[proposed]] = reciprocal_rank_fusion(rank[proposed])
    return scores


def _over_history(asked: Asked, values: np.ndarray) -> Floats:
    scores = np.full(asked.n_items, np.nan, np.float32)
    scores[asked.listener.history.item_index] = values
    return scores
