"""The offline report: every method on the same listeners, over all, warm and cold tracks.

A track is *cold* when nobody is positive about it in the training part. For the warm and the cold
slice, each method's list is restricted to the slice's tracks, and only those count as relevant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import BaseModel

from data.arrays import Doubles, Mask
from data.errors import DataError
from ranker.candidates import CandidateList
from ranker.hybrid import discovering_listener
from recsys.config import Config
from recsys.evaluation.methods import HYBRID, methods
from recsys.evaluation.metrics import bootstrap_intervals, ndcg, recall
from recsys.holdout import Protocol, hold_out
from recsys.training import TrainingData, discoveries, fit_hybrid

METRICS = {"recall": recall, "ndcg": ndcg}


class Estimate(BaseModel):
    """Mean over listeners with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


class Slice(BaseModel):
    """Results over one part of the catalogue.

    ``methods[name]["ndcg@10"]`` is an estimate; ``hybrid_minus[name]["ndcg@10"]`` is the mean
    paired difference of the hybrid and that method.
    """

    n_items: int
    n_listeners: int
    n_listeners_without_relevant: int
    n_relevant: int
    methods: dict[str, dict[str, Estimate]]
    hybrid_minus: dict[str, dict[str, Estimate]]


class EvaluationReport(BaseModel):
    """What `recsys evaluate` measured and how."""

    protocol: Protocol
    cut: float | None
    seed: int
    cutoffs: list[int]
    ranker: str
    n_train_events: int
    n_test_events: int
    candidate_recall: float
    slices: dict[str, Slice]


def evaluate(
    data: TrainingData,
    config: Config,
    *,
    cutoffs: Sequence[int] = (10, 20),
    on_progress: Callable[[int, int], None] | None = None,
) -> EvaluationReport:
    """Hold out the end of the log, learn from the rest, compare all methods.

    Raises
    ------
    DataError
        If nobody discovered anything in the held-out part.
    """
    train, test, protocol, cut = hold_out(data.log, seed=config.seed)
    histories, relevant = discoveries(train, test, config)
    if not relevant:
        raise DataError(
            "nothing to evaluate: in the held-out part of the log nobody plays a track that is new "
            f"to them ({len(train)} events to learn from, {len(test)} held out); "
            "import more listens"
        )
    hybrid = fit_hybrid(data, train, config)
    compared = methods(hybrid, seed=config.seed)
    cold = hybrid.models.popularity == 0
    slices: dict[str, Mask] = {"all": np.ones(len(cold), np.bool_), "warm": ~cold, "cold": cold}
    values: dict[str, dict[str, dict[str, list[float]]]] = {
        part: {
            name: {f"{metric}@{k}": [] for metric in METRICS for k in cutoffs} for name in compared
        }
        for part in slices
    }
    proposed = wanted = 0
    counts = dict.fromkeys(slices, 0)
    for done, (user, positions) in enumerate(sorted(relevant.items())):
        listener = discovering_listener(hybrid.models, histories.history(user))
        scores = {name: method(user, listener) for name, method in compared.items()}
        proposed += int((~np.isnan(scores[HYBRID][positions])).sum())
        wanted += len(positions)
        for part, mask in slices.items():
            hits = positions[mask[positions]]
            if not len(hits):
                continue
            counts[part] += len(hits)
            allowed = mask.copy()
            allowed[listener.excluded] = False
            for name, score in scores.items():
                ranked = CandidateList.best(score, max(cutoffs), allowed).item_index
                for metric, function in METRICS.items():
                    for k in cutoffs:
                        values[part][name][f"{metric}@{k}"].append(function(ranked, hits, k))
        if on_progress is not None:
            on_progress(done + 1, len(relevant))
    return EvaluationReport(
        protocol=protocol,
        cut=cut,
        seed=config.seed,
        cutoffs=list(cutoffs),
        ranker=hybrid.ranker.kind,
        n_train_events=len(train),
        n_test_events=len(test),
        candidate_recall=proposed / wanted,
        slices={
            part: _summarise(
                values[part], int(mask.sum()), len(relevant), counts[part], seed=config.seed
            )
            for part, mask in slices.items()
            if values[part][HYBRID][f"ndcg@{cutoffs[0]}"]
        },
    )


def _summarise(
    values: dict[str, dict[str, list[float]]],
    n_items: int,
    n_evaluated: int,
    n_relevant: int,
    *,
    seed: int,
) -> Slice:
    metrics = list(values[HYBRID])
    samples = {
        name: np.column_stack([by_metric[metric] for metric in metrics])
        for name, by_metric in values.items()
    }  # method → (n_listeners, n_metrics)
    others = [name for name in samples if name != HYBRID]
    n_listeners = len(samples[HYBRID])
    return Slice(
        n_items=n_items,
        n_listeners=n_listeners,
        n_listeners_without_relevant=n_evaluated - n_listeners,
        n_relevant=n_relevant,
        methods=_estimates(samples, metrics, seed),
        hybrid_minus=_estimates(
            {name: samples[HYBRID] - samples[name] for name in others}, metrics, seed
        ),
    )


def _estimates(
    samples: dict[str, Doubles], metrics: list[str], seed: int
) -> dict[str, dict[str, Estimate]]:
    low, high = bootstrap_intervals(np.hstack(list(samples.values())), seed=seed)
    mean = np.hstack([sample.mean(axis=0) for sample in samples.values()])
    estimates = iter(
        Estimate(mean=float(m), low=float(lo), high=float(hi))
        for m, lo, hi in zip(mean, low, high, strict=True)
    )
    return {name: {metric: next(estimates) for metric in metrics} for name in samples}
