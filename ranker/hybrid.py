"""Sources and ranker together: a listener in, an ordered list out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.arrays import Floats, Positions
from data.interactions import History
from data.stages import stage
from ranker.candidates import Candidates
from ranker.features import compute_features, feature_names
from ranker.habit import HABIT, HabitRanker
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.ranking import Ranker


@dataclass(frozen=True)
class RankedList:
    """Candidates of one listener in the ranker's order.

    Parameters
    ----------
    item_index : np.ndarray [shape=(n,), dtype=int32]
        Positions, best first.
    score : np.ndarray [shape=(n,), dtype=float32]
        The ranker's score, descending.
    rows : np.ndarray [shape=(n,), dtype=int64]
        Row of each in `candidates` and `features`.
    candidates : Candidates
        Where they came from.
    features : np.ndarray [shape=(n_candidates, n_features), dtype=float32]
        What they were ordered by.
    ranker : Ranker
        What ordered them.
    """

    item_index: Positions
    score: Floats
    rows: np.ndarray[tuple[int], np.dtype[np.intp]]
    candidates: Candidates
    features: Floats
    ranker: Ranker


@dataclass(frozen=True)
class Hybrid:
    """Fitted sources and the rankers that order tracks by them.

    Parameters
    ----------
    models : CandidateModels
        The sources.
    ranker : Ranker
        Orders what they propose.
    relisten : Ranker or None
        Orders what a listener knows; None = by habit.
    """

    models: CandidateModels
    ranker: Ranker
    relisten: Ranker | None = None

    def rank(self, listener: Listener, also: Positions | None = None) -> RankedList:
        """All candidates of `listener`, best first.

        Trees tie often; ties are broken by rank fusion, then by position.

        Parameters
        ----------
        also : np.ndarray [dtype=int32], optional
            Tracks to rank even where no source proposes them.
        """
        with stage("candidates"):
            candidates = self.models.candidates(listener, also)
        with stage("features"):
            features = compute_features(self.models, listener, candidates)
        with stage("ranker"):
            score = self.ranker.predict(features) if len(candidates) else np.zeros(0, np.float32)
            rows = np.lexsort((-candidates.fused, -score))  # stable, and positions ascend
        return RankedList(
            candidates.item_index[rows], score[rows], rows, candidates, features, self.ranker
        )

    def rank_known(self, listener: Listener, items: Positions) -> RankedList:
        """Tracks of the history of `listener`, what they may want to hear again first.

        No source is asked to propose anything. Ties are broken by habit, then by position.
        """
        sources = [source.name for source in self.models.sources]
        names = feature_names(sources, known=True)
        ranker = self.relisten or HabitRanker(names)
        candidates = Candidates.unproposed(items, sources)
        with stage("features"):
            features = compute_features(self.models, listener, candidates, known=True)
        with stage("ranker"):
            score = ranker.predict(features) if len(items) else np.zeros(0, np.float32)
            rows = np.lexsort((-features[:, names.index(HABIT)], -score))
        return RankedList(items[rows], score[rows], rows, candidates, features, ranker)


def discovering_listener(models: CandidateModels, history: History) -> Listener:
    """The listener who wants nothing they have heard already."""
    return models.listener(history, excluded=history.item_index)
