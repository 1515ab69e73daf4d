"""The collaborative model's settings, by the lists of new tracks in its order alone."""

from __future__ import annotations

import numpy as np
from optuna.distributions import FloatDistribution, IntDistribution

from cf_model.als import default_factors, default_regularization, fit_als
from cf_model.confidence import signed_confidence
from ranker.candidates import CandidateList
from recsys.config import Config
from recsys.evaluation.judging import Cases, find_cases
from recsys.evaluation.metrics import ndcg_of_hits
from recsys.threads import one_thread
from recsys.training import TrainingData
from recsys.tuning.search import (
    Distribution,
    K,
    Scores,
    Settings,
    Task,
    fixed_settings,
    nothing_to_tune_by,
    validation_window,
)

MOST_LISTENERS = 3_000
"""Listeners asked in each trial, the same ones in all; more only make trials slower."""

SPACE: dict[str, Distribution] = {
    "als.factors": IntDistribution(8, 256, log=True),
    "als.regularization": FloatDistribution(0.05, 200.0, log=True),
    "als.iterations": IntDistribution(5, 40),
    "confidence.alpha": FloatDistribution(0.05, 40.0, log=True),
}
"""Setting → values that are tried."""


def collaborative_task(data: TrainingData, config: Config) -> Task:
    """Lists of new tracks in the order of the collaborative model alone.

    Raises
    ------
    DataError
        If nobody discovers anything in the validation window.
    """
    window = validation_window(data, config)
    cases = find_cases(window.past, window.later, config, most=MOST_LISTENERS, known=False)
    if not len(cases.users):
        raise nothing_to_tune_by(window)
    return Task(
        "als",
        SPACE,
        window,
        _present(cases, config),
        lambda tried: Scores(als_ndcg(cases, tried)),
        len(cases.users),
        fixed_settings(config, {"als", "confidence"}, SPACE),
    )


def als_ndcg(cases: Cases, config: Config) -> float:
    """Mean NDCG@`K` of the collaborative model's lists of new tracks, over the whole catalogue."""
    histories = cases.histories
    model = fit_als(histories, config.als, config.confidence, seed=config.seed)
    fold_in = model.fold_in
    users = cases.users.tolist()
    hits = np.zeros((len(users), K), np.bool_)
    with one_thread():
        for row, user in enumerate(users):
            history = histories.history(user)
            signed = signed_confidence(history, config.confidence)
            allowed = model.support > 0
            allowed[history.item_index] = False
            score = model.item_factors @ fold_in.user_factor(history.item_index, signed)
            found = CandidateList.best(score, K, allowed).item_index
            hits[row, : len(found)] = np.isin(found, cases.new[user])
    n_relevant = np.array([len(cases.new[user]) for user in users])
    return float(ndcg_of_hits(hits, n_relevant, K).mean())


def _present(cases: Cases, config: Config) -> Settings:
    """The settings of the collaborative model, those that go by the size of the log worked out."""
    pairs = cases.histories.pairs
    positive = signed_confidence(pairs, config.confidence) > 0
    active = int((np.diff(cases.histories.indptr) > 0).sum())
    n_tracks = len(np.unique(pairs.item_index[positive]))
    return {
        "als.factors": config.als.factors or default_factors(n_tracks),
        "als.regularization": config.als.regularization
        or default_regularization(int(positive.sum()), active, n_tracks),
        "als.iterations": config.als.iterations,
        "confidence.alpha": config.confidence.alpha,
    }
