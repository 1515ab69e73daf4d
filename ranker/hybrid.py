"""Sources and ranker together: a listener in, an ordered list out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.arrays import Floats, Positions
from data.interactions import History
from data.stages import stage
from ranker.candidates import Candidates
from ranker.features import compute_features
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
    """

    item_index: Positions
    score: Floats
    rows: np.ndarray[tuple[int], np.dtype[np.intp]]
    candidates: Candidates
    features: Floats


@dataclass(frozen=True)
class Hybrid:
    """Fitted sources and the ranker that orders what they propose."""

    models: CandidateModels
    ranker: Ranker

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
        return RankedList(candidates.item_index[rows], score[rows], rows, candidates, features)


def discovering_listener(models: CandidateModels, history: History) -> Listener:
    """The listener who wants nothing they have heard already."""
    return models.listener(history, excluded=history.item_index)
