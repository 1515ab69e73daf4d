"""The offline report: every method on the same listeners, cut into slices, over several seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from data.arrays import Doubles
from data.errors import DataError, ParameterError
from data.interactions import Interactions
from ranker.hybrid import Hybrid
from ranker.ranking import LambdaRanker
from recsys.config import Config
from recsys.evaluation.ablations import ablated
from recsys.evaluation.beyond import describe_lists
from recsys.evaluation.calibration import calibrate_bridge
from recsys.evaluation.judging import DEPTH, METRICS, Cases, Judged, find_cases, judge
from recsys.evaluation.methods import HYBRID, Method, hybrid_order, methods
from recsys.evaluation.metrics import bootstrap_intervals, recall_curve, sign_flip_p
from recsys.evaluation.schema import (
    Beyond,
    Difference,
    Estimate,
    EvaluationReport,
    Slice,
    Spread,
)
from recsys.evaluation.slices import Cut, cut_slices
from recsys.holdout import hold_out
from recsys.training import TrainingData, fit_hybrid

Further = Callable[[Hybrid, Interactions], Mapping[str, Method]]
"""(fitted hybrid, training part) → more methods to compare."""


def evaluate(
    data: TrainingData,
    config: Config,
    *,
    cutoffs: Sequence[int] = (10, 20),
    seeds: int = 1,
    ablations: bool = False,
    cold_share: float = 0.0,
    further: Further | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> EvaluationReport:
    """Hold out the end of the log, learn from the rest, compare all methods.

    Parameters
    ----------
    data : TrainingData
        The whole of what there is.
    config : Config
        Settings; ``config.seed`` is the first seed.
    cutoffs : sequence of int
        The k of the metrics, `DEPTH` at most.
    seeds : int
        Evaluations, each with the next seed. Estimates and intervals are the first one's; beside
        them stand mean and standard deviation over all.
    ablations : bool
        Also train the hybrid without each of its parts.
    cold_share : float
        Share of the tracks that are held out with all their events.
    further : callable, optional
        Gives methods beside `methods`.

    Raises
    ------
    DataError
        If nobody discovered anything in the held-out part.
    ParameterError
        If `seeds` is below 1 or a cutoff is out of range.
    """
    if seeds < 1 or not all(1 <= k <= DEPTH for k in cutoffs):
        raise ParameterError(
            f"expected at least 1 seed and cutoffs from 1 to {DEPTH}, got {seeds} and "
            f"{list(cutoffs)}"
        )
    reports = []
    for number in range(seeds):
        seeded = config.model_copy(update={"seed": config.seed + number})
        advance = None if on_progress is None else _part_of(on_progress, number, seeds)
        reports.append(
            _evaluate_once(
                data,
                seeded,
                cutoffs,
                ablations=ablations,
                cold_share=cold_share,
                further=further,
                on_progress=advance,
            )
        )
    first = reports[0]
    if seeds == 1:
        return first
    return first.model_copy(
        update={
            "seeds": [report.seed for report in reports],
            "slices": {
                name: part.model_copy(update={"over_seeds": _over_seeds(reports, name)})
                for name, part in first.slices.items()
            },
        }
    )


def _evaluate_once(
    data: TrainingData,
    config: Config,
    cutoffs: Sequence[int],
    *,
    ablations: bool,
    cold_share: float,
    further: Further | None,
    on_progress: Callable[[int, int], None] | None,
) -> EvaluationReport:
    train, test, protocol, cut = hold_out(data.log, seed=config.seed, cold_share=cold_share)
    cases = find_cases(train, test, config)
    if not cases.new:
        raise DataError(
            "nothing to evaluate: in the held-out part of the log nobody plays a track that is new "
            f"to them ({len(train)} events to learn from, {len(test)} held out); "
            "import more listens"
        )
    hybrid = fit_hybrid(data, train, config)
    compared = methods(hybrid, cases.histories, seed=config.seed)
    if further is not None:
        compared = {**further(hybrid, cases.histories), **compared}
    judged = judge(hybrid, compared, cases, on_progress=on_progress)
    if ablations:
        for name, without in ablated(data, train, config, hybrid):
            judged = judged.joined_by(judge(without, {name: hybrid_order}, cases))
    wanted = [(metric, k) for k in cutoffs for metric in METRICS]
    ranker = hybrid.ranker
    return EvaluationReport(
        protocol=protocol,
        cut=cut,
        cold_share=cold_share,
        seed=config.seed,
        seeds=[config.seed],
        cutoffs=list(cutoffs),
        ranker=ranker.kind,
        n_train_events=len(train),
        n_test_events=len(test),
        n_listeners_with_relevant=len({*cases.new, *cases.again}),
        n_listeners_judged=len(cases.users),
        slices={
            part.name: _summarise(judged, part, wanted, config.seed)
            for part in cut_slices(judged, cases, hybrid.models)
        },
        beyond=_beyond(judged, cases, hybrid),
        bridge_calibration=calibrate_bridge(hybrid, cases),
        feature_importance=ranker.importance() if isinstance(ranker, LambdaRanker) else {},
    )


def _summarise(judged: Judged, cut: Cut, wanted: list[tuple[str, int]], seed: int) -> Slice:
    part = judged.parts[cut.part]
    samples = {name: part.values(name, cut.rows, wanted) for name in part.hits}
    metrics = [f"{metric}@{k}" for metric, k in wanted]
    n_relevant = part.n_relevant[cut.rows]
    hybrid = samples[HYBRID]
    differences = {name: hybrid - own for name, own in samples.items() if name != HYBRID}
    return Slice(
        meaning=cut.meaning,
        n_items=cut.n_items,
        n_listeners=len(n_relevant),
        n_listeners_without_relevant=len(cut.rows) - len(n_relevant),
        n_relevant=int(n_relevant.sum()),
        candidate_recall={
            source: float(found[cut.rows].sum() / n_relevant.sum())
            for source, found in part.proposed.items()
        },
        methods=_estimates(samples, metrics, seed),
        hybrid_minus=_differences(differences, metrics, seed),
        recall_curve={
            name: [round(value, 5) for value in recall_curve(hits[cut.rows], n_relevant)]
            for name, hits in part.hits.items()
        },
    )


def _estimates(
    samples: Mapping[str, Doubles], metrics: list[str], seed: int
) -> dict[str, dict[str, Estimate]]:
    low, high = bootstrap_intervals(np.hstack(list(samples.values())), seed=seed)
    mean = np.hstack([sample.mean(axis=0) for sample in samples.values()])
    estimates = iter(
        Estimate(mean=float(m), low=float(lo), high=float(hi))
        for m, lo, hi in zip(mean, low, high, strict=True)
    )
    return {name: {metric: next(estimates) for metric in metrics} for name in samples}


def _differences(
    samples: Mapping[str, Doubles], metrics: list[str], seed: int
) -> dict[str, dict[str, Difference]]:
    p = iter(sign_flip_p(np.hstack(list(samples.values())), seed=seed).tolist())
    return {
        name: {
            metric: Difference(**estimate.model_dump(), p=next(p))
            for metric, estimate in by_metric.items()
        }
        for name, by_metric in _estimates(samples, metrics, seed).items()
    }


def _beyond(judged: Judged, cases: Cases, hybrid: Hybrid) -> dict[str, Beyond]:
    rows = [row for row, user in enumerate(cases.users.tolist()) if user in cases.new]
    liked = [
        hybrid.models.listener(history, history.item_index).liked_items
        for history in (cases.histories.history(int(cases.users[row])) for row in rows)
    ]
    n_listeners = int((np.diff(cases.histories.indptr) > 0).sum())
    return {
        name: describe_lists(lists[rows], liked, hybrid.models, n_listeners)
        for name, lists in judged.lists.items()
    }


def _over_seeds(
    reports: Sequence[EvaluationReport], name: str
) -> dict[str, dict[str, Spread]] | None:
    """Mean and spread over the seeds in which the slice has every method."""
    slices = [report.slices[name] for report in reports if name in report.slices]
    if len(slices) < 2:
        return None
    spreads: dict[str, dict[str, Spread]] = {}
    for method, by_metric in slices[0].methods.items():
        if all(method in part.methods for part in slices):
            values = {
                metric: [part.methods[method][metric].mean for part in slices]
                for metric in by_metric
            }
            spreads[method] = {
                metric: Spread(mean=float(np.mean(own)), sd=float(np.std(own, ddof=1)))
                for metric, own in values.items()
            }
    return spreads


def _part_of(
    on_progress: Callable[[int, int], None], number: int, parts: int
) -> Callable[[int, int], None]:
    """Progress of one of several equal parts, as progress of the whole."""
    return lambda done, total: on_progress(number * total + done, parts * total)
