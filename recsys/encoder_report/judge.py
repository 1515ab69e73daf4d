"""One space of vectors, judged by the labels of its tracks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from audio_model.probes import (
    answerable,
    average_precision,
    effective_rank,
    hubness,
    knn_hits,
    label_precision,
    nearest_others,
)
from audio_model.probes.linear import cross_validated_hits, disjoint_folds, linear_hits, split_masks
from data.arrays import Floats
from data.errors import DataError
from recsys.encoder_report.labels import Labels
from recsys.encoder_report.schema import Estimate, Judgement, rounded

NEIGHBOURS = 10
VOTERS = (3, 5)
LINEAR_METRIC = "genre_linear_accuracy"


@dataclass(frozen=True)
class Judged:
    """A judgement and what it was averaged over.

    Parameters
    ----------
    judgement : Judgement
        What the report holds.
    values : dict of str to np.ndarray [shape=(n_queries,)]
        Metric → value of each query; the same queries for every space.
    absent : dict of str to str
        Metrics that the labels do not allow, and why.
    """

    judgement: Judgement
    values: dict[str, Floats]
    absent: dict[str, str]


def judge(
    vectors: Floats,
    labels: Labels,
    *,
    track_ids: tuple[str, ...],
    split: Mapping[str, str] | None,
    seed: int,
) -> Judged:
    """All metrics of one space.

    Parameters
    ----------
    vectors : np.ndarray [shape=(n, dim)]
        One row a track.
    labels : Labels
        Labels of the tracks.
    track_ids : tuple of str
        Ids of the tracks, for `split`.
    split : mapping, optional
        Official split of the linear probe, track id → ``"train"`` or ``"test"``; otherwise the
        tracks are dealt into folds that share no artist.
    seed : int
        Seed of folds and intervals.
    """
    values: dict[str, Floats] = {}
    absent: dict[str, str] = {}
    found, _ = nearest_others(vectors, NEIGHBOURS)

    genre_metrics = [f"genre_precision@{NEIGHBOURS}", *(f"genre_knn{k}_accuracy" for k in VOTERS)]
    try:
        queries = answerable(labels.genre, labels.artist)
        filtered, _ = nearest_others(vectors, NEIGHBOURS, labels.artist)
        values[genre_metrics[0]] = label_precision(filtered, labels.genre, queries)
        for name, k in zip(genre_metrics[1:], VOTERS, strict=True):
            values[name] = knn_hits(filtered[:, :k], labels.genre, queries)
    except DataError:
        absent |= dict.fromkeys(
            genre_metrics, "no genre is shared by tracks of at least 2 different artists"
        )
    try:
        values[LINEAR_METRIC] = _linear(vectors, labels, track_ids, split, seed)
    except DataError as error:
        absent[LINEAR_METRIC] = str(error)
    for name, label in (("artist", labels.artist), ("album", labels.album)):
        try:
            queries = answerable(label)
        except DataError:
            reason = f"no 2 tracks have the same {name}"
            absent |= {f"{name}_map": reason, f"{name}_hit@1": reason}
            continue
        values[f"{name}_map"] = average_precision(vectors, label)
        values[f"{name}_hit@1"] = label_precision(found[:, :1], label, queries)
    hubs = hubness(found)
    judgement = Judgement(
        dimension=vectors.shape[1],
        metrics={name: Estimate.of(value, seed=seed) for name, value in values.items()},
        effective_rank=rounded(effective_rank(vectors)),
        hubness_skewness=rounded(hubs.skewness),
        hubness_orphans=rounded(hubs.orphans),
    )
    return Judged(judgement, values, absent)


def _linear(
    vectors: Floats,
    labels: Labels,
    track_ids: tuple[str, ...],
    split: Mapping[str, str] | None,
    seed: int,
) -> Floats:
    """Hits of the linear probe, by the official split or over all folds."""
    if split is not None:
        named = np.array([genre is not None for genre in labels.genre])
        train, test = (mask & named for mask in split_masks(track_ids, split))
        return linear_hits(vectors, [genre or "" for genre in labels.genre], train, test)
    try:
        rows = answerable(labels.genre, labels.artist)
    except DataError as error:
        raise DataError("no genre is shared by tracks of at least 2 different artists") from error
    # A track without an artist is a group of its own, as everywhere.
    artists = [labels.artist[row] or row for row in rows]
    genres = [labels.genre[row] or "" for row in rows]
    return cross_validated_hits(vectors[rows], genres, disjoint_folds(artists, seed=seed))


def minus(judged: Judged, other: Judged, *, seed: int) -> dict[str, Estimate]:
    """Mean paired difference of each metric of two spaces over the same queries."""
    return {
        name: Estimate.of(values - other.values[name], seed=seed)
        for name, values in judged.values.items()
    }
