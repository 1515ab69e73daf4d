"""The report as it is written to `report.json`; docs/evaluation.md explains the fields."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel

from data.arrays import Floats
from recsys.evaluation.metrics import bootstrap_intervals

FORMAT = 1
_DIGITS = 6
"""Decimals kept: sums of float32 differ beyond them between processors."""


class Estimate(BaseModel):
    """Mean over tracks with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float
    n_tracks: int

    @classmethod
    def of(cls, values: Floats, *, seed: int) -> Estimate:
        """Estimate from one value a track [shape=(n,)]."""
        column = np.asarray(values, np.float64)[:, None]
        low, high = bootstrap_intervals(column, seed=seed)
        return cls(
            mean=rounded(column.mean()),
            low=rounded(low[0]),
            high=rounded(high[0]),
            n_tracks=len(values),
        )


class Judgement(BaseModel):
    """One space of vectors: ``metrics[name]``, and how the space is filled."""

    dimension: int
    metrics: dict[str, Estimate]
    effective_rank: float
    hubness_skewness: float
    hubness_orphans: float


class Label(BaseModel):
    """How many of the judged tracks carry a label, and how many different values it has."""

    n_tracks: int
    n_values: int


class Recognised(BaseModel):
    """Copies of one kind: cosine with the original, and its rank among all judged tracks."""

    n_tracks: int
    cosine: Estimate
    median_rank: float
    first: Estimate


class Robustness(BaseModel):
    """Copies of `n_tracks` sample tracks; `skipped` counts those left out by reason."""

    n_tracks: int
    n_candidates: int
    skipped: dict[str, int]
    distortions: dict[str, Recognised]


class ListedTrack(BaseModel):
    """A track as lists of neighbours name it."""

    track_id: str
    label: str
    genre: str | None


class Neighbour(ListedTrack):
    """A track near another one."""

    cosine: float


class NeighbourList(ListedTrack):
    """A sample track and what is nearest to it; nothing is filtered."""

    neighbours: list[Neighbour]


class EncoderReport(BaseModel):
    """What `recsys encoder report` found; ``minus[other]`` are paired differences to a method."""

    format: int = FORMAT
    encoder_id: str
    recipe: str
    training: dict[str, Any]
    seed: int
    n_tracks: int
    left_out: dict[str, int]
    labels: dict[str, Label]
    linear_probe_split: str
    methods: dict[str, Judgement]
    minus: dict[str, dict[str, Estimate]]
    robustness: Robustness | None
    neighbours: list[NeighbourList]
    pca_explained: list[float]
    absent: dict[str, str]


def rounded(value: float) -> float:
    """`value` with the decimals that are kept."""
    return round(float(value), _DIGITS)
