"""The report as it is written to ``evaluation.json``; docs/evaluation.md explains the fields.

`EvaluationReport.model_json_schema()` is the machine-readable schema; `FORMAT` changes whenever a
reader of the old report would stumble over the new one.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from recsys.holdout import Protocol

FORMAT: Literal[2] = 2


class Estimate(BaseModel):
    """Mean over listeners with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


class Difference(Estimate):
    """Mean paired difference, and the two-sided p of the sign-flip permutation test."""

    p: float


class Spread(BaseModel):
    """Mean and standard deviation (n − 1) of the estimates of several seeds."""

    mean: float
    sd: float


class Slice(BaseModel):
    """Results over a part of the catalogue or of the listeners.

    ``methods[name]["ndcg@10"]`` is an estimate; ``hybrid_minus[name]["ndcg@10"]`` is the mean
    paired difference of the hybrid and that method. ``candidate_recall`` is the share of the
    relevant tracks that each source proposed, and all of them together (``joined``).
    """

    meaning: str
    n_items: int
    n_listeners: int
    n_listeners_without_relevant: int
    n_relevant: int
    candidate_recall: dict[str, float]
    methods: dict[str, dict[str, Estimate]]
    hybrid_minus: dict[str, dict[str, Difference]]
    recall_curve: dict[str, list[float]]
    over_seeds: dict[str, dict[str, Spread]] | None = None


class Beyond(BaseModel):
    """What one method's lists are like; None = cannot be computed. See `evaluation.beyond`."""

    length: float
    coverage: float
    gini: float
    novelty: float | None
    diversity: float | None
    artist_repetition: float | None
    popularity_lift: float | None
    cold_share: float | None


class CalibrationBin(BaseModel):
    """Pairs of listener and newcomer that the bridge scored alike."""

    predicted: float
    actual: float
    n_pairs: int


class EvaluationReport(BaseModel):
    """What `recsys evaluate` measured and how."""

    format: Literal[2] = FORMAT
    protocol: Protocol
    cut: float | None
    cold_share: float
    seed: int
    seeds: list[int]
    cutoffs: list[int]
    ranker: str
    n_train_events: int
    n_test_events: int
    n_listeners_with_relevant: int
    n_listeners_judged: int
    slices: dict[str, Slice]
    beyond: dict[str, Beyond]
    bridge_calibration: list[CalibrationBin]
    feature_importance: dict[str, float]
