"""How far the bridge's scores can be believed: predicted preference against what happened."""

from __future__ import annotations

import numpy as np

from ranker.hybrid import Hybrid, discovering_listener
from recsys.evaluation.judging import Cases
from recsys.evaluation.schema import CalibrationBin

BRIDGE = "bridge"
BINS = 10
MOST_PAIRS = 2_000_000


def calibrate_bridge(hybrid: Hybrid, cases: Cases) -> list[CalibrationBin]:
    """Newcomers' scores in tenths, beside the share that the listeners did take to.

    Pairs are judged listeners and tracks below ``candidates.newcomer_support`` that they had not
    heard, as many as `MOST_PAIRS` holds; empty without a bridge or without newcomers.
    """
    models = hybrid.models
    source = next((source for source in models.sources if source.name == BRIDGE), None)
    newcomers = np.flatnonzero(models.popularity < models.settings.newcomer_support)
    if source is None or not len(newcomers):
        return []
    predicted, actual = [], []
    users = [user for user in cases.users.tolist() if user in cases.new]
    for user in users[: max(1, MOST_PAIRS // len(newcomers))]:
        listener = discovering_listener(models, cases.histories.history(user))
        items = np.setdiff1d(newcomers, listener.excluded).astype(np.int32)
        score = source.score(listener, items)
        known = ~np.isnan(score)
        predicted.append(score[known])
        actual.append(np.isin(items[known], cases.new[user]))
    scores, taken = np.concatenate(predicted), np.concatenate(actual)
    if len(scores) < BINS:
        return []
    order = np.argsort(scores, kind="stable")
    return [
        CalibrationBin(
            predicted=float(scores[rows].mean()),
            actual=float(taken[rows].mean()),
            n_pairs=len(rows),
        )
        for rows in np.array_split(order, BINS)
    ]
