"""`recsys tune --part ranker`: what the ranker's settings are worth in the validation window.

The lists it learns from are made once, of windows before the validation window, and so are the
candidates it is judged by; a trial trains a ranker and puts them in its order. Settings that decide
which lists there are (windows, cold tracks, misses that are kept) would need them made anew and are
not searched.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import FloatDistribution, IntDistribution

from data.arrays import Floats, Mask
from data.errors import DataError
from ranker.features import compute_features, feature_names
from ranker.hybrid import discovering_listener
from ranker.labelled import LabelledLists
from ranker.models import CandidateModels
from ranker.ranking import Ranker, train_ranker
from recsys.config import Config
from recsys.evaluation.judging import Cases, find_cases
from recsys.evaluation.metrics import ndcg_of_hits
from recsys.threads import one_thread
from recsys.training import TrainingData, fit_sources, gather_lists
from recsys.tuning.search import (
    Distribution,
    K,
    Scores,
    Task,
    fixed_settings,
    nothing_to_tune_by,
    validation_window,
)

MOST_JUDGED = 1_000
"""Listeners asked in each trial, the same ones in all: their candidates are kept, some 100 MB."""

SPACE: dict[str, Distribution] = {
    "ranker.learning_rate": FloatDistribution(0.02, 0.4, log=True),
    "ranker.leaves": IntDistribution(4, 64, log=True),
    "ranker.min_rows_in_leaf": IntDistribution(5, 500, log=True),
    "ranker.head_start": FloatDistribution(0.0, 1.5),
}
"""Setting → values that are tried."""


@dataclass(frozen=True)
class JudgedLists:
    """Candidates of listeners of the validation window, and what they took to.

    Parameters
    ----------
    features : np.ndarray [shape=(n_rows, n_features), dtype=float32]
        Rows of all listeners, one after the other.
    fused : np.ndarray [shape=(n_rows,), dtype=float32]
        What breaks ties.
    relevant, cold : np.ndarray [shape=(n_rows,), dtype=bool]
        Whether the listener took to the candidate, and whether nobody had before.
    group : np.ndarray [shape=(n_lists,), dtype=int64]
        Number of rows of each list.
    n_relevant : np.ndarray [shape=(n_lists, 2), dtype=int64]
        What each listener took to, proposed or not: of all tracks, and of cold ones.
    """

    features: Floats
    fused: Floats
    relevant: Mask
    cold: Mask
    group: NDArray[np.int64]
    n_relevant: NDArray[np.int64]

    @classmethod
    @one_thread()
    def of(cls, models: CandidateModels, cases: Cases) -> JudgedLists:
        """The candidates of every listener of `cases`, who all discover something."""
        users = cases.users.tolist()
        nobody = np.asarray(models.popularity == 0)
        features, fused, relevant, cold, group, counts = [], [], [], [], [], []
        asking = (discovering_listener(models, cases.histories.history(user)) for user in users)
        for user, listener in zip(users, models.prepared(asking), strict=True):
            candidates = models.candidates(listener)
            features.append(compute_features(models, listener, candidates))
            fused.append(candidates.fused)
            relevant.append(np.isin(candidates.item_index, cases.new[user]))
            cold.append(nobody[candidates.item_index])
            group.append(len(candidates))
            counts.append((len(cases.new[user]), int(nobody[cases.new[user]].sum())))
        return cls(
            np.concatenate(features),
            np.concatenate(fused),
            np.concatenate(relevant),
            np.concatenate(cold),
            np.array(group, np.int64),
            np.array(counts, np.int64),
        )

    def ndcg(self, ranker: Ranker) -> Scores:
        """Mean NDCG@`K` of the lists in the order of `ranker`, and of the cold tracks in them."""
        score = ranker.predict(self.features)
        whose = np.repeat(np.arange(len(self.group)), self.group)
        order = np.lexsort((-self.fused, -score, whose))
        everything = _ndcg(self.relevant, whose, order, self.n_relevant[:, 0])
        new = order[self.cold[order]]
        return Scores(everything, _ndcg(self.relevant, whose, new, self.n_relevant[:, 1]))


def _ndcg(
    relevant: Mask,
    whose: NDArray[np.int64],
    order: NDArray[np.intp],
    n_relevant: NDArray[np.int64],
) -> float:
    """Mean over the lists with anything relevant; NaN without any.

    Parameters
    ----------
    order : np.ndarray [shape=(n,)]
        Rows that are listed, list after list, best first.
    """
    owner = whose[order]
    rank = np.arange(len(order)) - np.searchsorted(owner, owner)
    seen = rank < K
    hits = np.zeros((len(n_relevant), K), np.bool_)
    hits[owner[seen], rank[seen]] = relevant[order[seen]]
    asked = n_relevant > 0
    return float(ndcg_of_hits(hits[asked], n_relevant[asked], K).mean()) if asked.any() else np.nan


def ranker_task(data: TrainingData, config: Config) -> Task:
    """Lists to learn from and to be judged by, made once.

    Raises
    ------
    DataError
        If nobody discovers anything in the validation window, or too few do before it.
    """
    window = validation_window(data, config)
    cases = find_cases(window.past, window.later, config, most=MOST_JUDGED, known=False)
    if not len(cases.users):
        raise nothing_to_tune_by(window)
    models = fit_sources(data, window.past, config)
    names = feature_names([source.name for source in models.sources])
    gathered, _ = gather_lists(data, window.past, config, models, {}, known=False)
    lists = LabelledLists.joined(gathered) if gathered else None
    found = 0 if lists is None else len(np.unique(lists.listener))
    if lists is None or found < config.ranker.min_listeners:
        raise DataError(
            f"nothing to tune by: {found} listeners discover something before the validation "
            f"window, and a ranker is trained for {config.ranker.min_listeners} or more "
            "(ranker.min_listeners); import more listens"
        )
    judged = JudgedLists.of(models, cases)

    def scores(tried: Config) -> Scores:
        return judged.ndcg(train_ranker(lists, names, tried.ranker, seed=config.seed))

    present = {name: getattr(config.ranker, name.split(".")[1]) for name in SPACE}
    return Task("ranker", SPACE, window, present, scores, len(cases.users), _fixed(data, config))


def _fixed(data: TrainingData, config: Config) -> str:
    """What the lists follow from beside the log: settings that are not searched, and sound."""
    digest = hashlib.sha256()
    for array in (data.embeddings, data.content, data.catalogue.categories.codes):
        digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    sections = {"als", "item_item", "bridge", "carry", "candidates", "confidence", "ranker"}
    return f"{fixed_settings(config, sections, SPACE)} {digest.hexdigest()}"
