"""Lists of several libraries for the same listeners, judged by one metric and compared in pairs.

Names are ``LIBRARY_METHOD``; ours are ``ours_METHOD``, and seeds of ALS ``LIBRARY_als_SEED``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.arrays import Doubles, Mask, Positions
from data.errors import DataError
from recsys.evaluation.beyond import LENGTH
from recsys.evaluation.judging import METRICS
from recsys.evaluation.metrics import bootstrap_intervals, sign_flip_p

Lists = NDArray[np.int32]
"""Positions of tracks, best first, −1 beyond the end [shape=(n_listeners, LENGTH)]."""

EQUAL = 0.02
"""Share by which the means of two implementations of one thing may differ."""
_DIGITS = 4


def read_lists(folder: Path, library: str) -> dict[str, Lists]:
    """Every list that `library` left in `folder`, by library and method."""
    return {
        file.stem: np.load(file, allow_pickle=False)
        for file in sorted(folder.glob(f"{library}_*.npy"))
    }


def judged(lists: Lists, wanted: list[Positions]) -> Doubles:
    """recall@20 and NDCG@20 of each listener [shape=(n_listeners, 2)]."""
    hits = hits_of(lists, wanted)
    n_relevant = np.array([len(relevant) for relevant in wanted], np.int64)
    return np.column_stack([metric(hits, n_relevant, LENGTH) for metric in METRICS.values()])


def hits_of(lists: Lists, wanted: list[Positions]) -> Mask:
    """Whether each entry is among what its listener wanted [shape=(n_listeners, LENGTH)].

    Raises
    ------
    DataError
        If a list names a track twice, which would count a hit twice.
    """
    hits = np.zeros(lists.shape, np.bool_)
    for row, (entries, relevant) in enumerate(zip(lists, wanted, strict=True)):
        filled = entries[entries >= 0]
        if len(np.unique(filled)) < len(filled):
            raise DataError(f"expected every track once in a list, got {filled.tolist()}")
        hits[row] = np.isin(entries, relevant)
    return hits


def mean_over_seeds(values: dict[str, Doubles], libraries: Sequence[str]) -> dict[str, Doubles]:
    """Mean of each listener's values over the seeds of ALS, by library."""
    means: dict[str, Doubles] = {}
    for library in libraries:
        seeds = [values[name] for name in values if name.startswith(f"{library}_als_")]
        if seeds:
            means[f"{library}_als_mean"] = np.mean(seeds, axis=0)
    return means


def compared(values: dict[str, Doubles], seed: int) -> dict[str, Any]:
    """Estimates of every method, and paired differences of ours with theirs.

    Of one and the same method, ``equal`` says whether ours is no more than `EQUAL` below theirs.
    """
    pairs = [
        (ours, theirs)
        for theirs in values
        if not theirs.startswith("ours_")
        for ours in (f"ours_{theirs.split('_', 1)[1]}", "ours_hybrid")
        if ours in values and not _one_seed(theirs)
    ]
    pairs += [("ours_hybrid", name) for name in values if _is_other_of_ours(name)]
    found: dict[str, Any] = {"methods": {}, "differences": {}}
    for name, own in values.items():
        found["methods"][name] = _estimates(own, seed)
    for ours, theirs in pairs:
        difference = values[ours] - values[theirs]
        estimates = _estimates(difference, seed)
        for column, (metric, p) in enumerate(
            zip(estimates, sign_flip_p(difference, seed=seed), strict=True)
        ):
            estimates[metric]["p"] = round(float(p), _DIGITS)
            base = float(values[theirs][:, column].mean())
            share = float(difference[:, column].mean()) / base
            estimates[metric]["share"] = round(share, _DIGITS)
            if ours != "ours_hybrid":
                estimates[metric]["equal"] = share >= -EQUAL
        found["differences"][f"{ours} - {theirs}"] = estimates
    return found


def _one_seed(name: str) -> bool:
    return "_als_" in name and not name.endswith("_mean")


def _is_other_of_ours(name: str) -> bool:
    return name.startswith("ours_") and name != "ours_hybrid" and not _one_seed(name)


def _estimates(values: Doubles, seed: int) -> dict[str, dict[str, Any]]:
    low, high = bootstrap_intervals(values, seed=seed)
    return {
        f"{metric}@{LENGTH}": {
            "mean": round(float(values[:, column].mean()), _DIGITS),
            "low": round(float(low[column]), _DIGITS),
            "high": round(float(high[column]), _DIGITS),
        }
        for column, metric in enumerate(METRICS)
    }
