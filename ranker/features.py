"""Features of candidates: one function, called alike in training and in serving.

"Cannot be computed" is NaN, which LightGBM treats as a value of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats, Positions
from ranker.candidates import Candidates, reciprocal_rank_fusion
from ranker.listener import Listener
from ranker.models import CandidateModels

NEAREST = 3
"""Tracks of the history whose similarity is averaged for ``audio_nearest``."""
_ROUNDING = 1e-6

_PER_SOURCE = (
    "score",  # the source's own
    "relative",  # score in standard deviations above the mean of the listener's candidates
    "rank",  # place in the source's list, from 1
)
_COMMON = (
    "agreement",  # number of sources that proposed the track
    "fusion",  # reciprocal-rank fusion of the sources' ranks
    "popularity",  # log(1 + listeners)
    "recent_popularity",  # log(1 + listeners of late)
    "audio_nearest",  # mean cosine to the NEAREST most similar tracks that the listener likes
    "artist_plays",  # share of the listener's plays that went to the track's artist
    "artist_skips",  # share of the listener's plays and skips of that artist that were skips
    "listener_tracks",  # log(1 + tracks in the history)
    "listener_mainstream",  # mean log(1 + listeners) over the tracks that the listener likes
)


def feature_names(sources: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns that `compute_features` returns for models with these sources."""
    per_source = (f"{source}_{column}" for source in sources for column in _PER_SOURCE)
    return (*per_source, *_COMMON)


def compute_features(
    models: CandidateModels,
    listener: Listener,
    candidates: Candidates,
    rows: NDArray[np.intp] | slice = slice(None),
) -> Floats:
    """Features of `rows` of the candidates, of all by default.

    Every source that can score a candidate does so, also where another source proposed it; ranks
    exist only where the source itself proposed it. What is relative is so to all candidates,
    whatever `rows` are asked for.

    Returns
    -------
    np.ndarray [shape=(n_rows, n_features), dtype=float32]
        Columns as `feature_names`.
    """
    rank = candidates.rank[rows]
    score = np.column_stack(
        [source.score(listener, candidates.item_index) for source in models.sources]
    )
    per_source = np.stack([score[rows], _relative(score)[rows], rank], axis=2)

    items = candidates.item_index[rows]
    liked = listener.liked_items
    mainstream = float(np.log1p(models.popularity[liked]).mean()) if len(liked) else np.nan
    artist_plays, artist_skips = _artist_affinity(models, listener, items)
    n = len(items)
    columns = [
        *per_source.reshape(len(rank), -1).T,
        (~np.isnan(rank)).sum(axis=1),
        reciprocal_rank_fusion(rank),
        np.log1p(models.popularity[items]),
        np.log1p(models.recent_popularity[items]),
        _audio_nearest(models, liked, items),
        artist_plays,
        artist_skips,
        np.full(n, np.log1p(len(listener.history))),
        np.full(n, mainstream),
    ]
    return np.column_stack(columns).astype(np.float32)


def _relative(score: Floats) -> Floats:
    """Columns of `score` standardised, NaN where it is NaN; scales differ between listeners."""
    known = ~np.isnan(score)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, score, 0.0).sum(axis=0, dtype=np.float64) / n
    apart = score - mean.astype(np.float32)
    spread = np.sqrt((np.where(known, apart, 0.0) ** 2).sum(axis=0, dtype=np.float64) / n)
    # Equal but for rounding is equal.
    equal = spread <= _ROUNDING * np.abs(mean)
    relative: Floats = apart / np.where(equal, np.inf, spread).astype(np.float32)
    return relative


def _audio_nearest(models: CandidateModels, liked: Positions, items: Positions) -> Floats:
    if models.embeddings is None or not len(liked):
        return np.full(len(items), np.nan, np.float32)
    known = models.embeddings[liked]  # (n_liked, dimension)
    known = known[~np.isnan(known[:, 0])]
    if not len(known):
        return np.full(len(items), np.nan, np.float32)
    cosine = models.embeddings[items] @ known.T  # (n_items, n_known)
    k = min(NEAREST, len(known))
    nearest: Floats = np.partition(cosine, len(known) - k, axis=1)[:, -k:].mean(axis=1)
    return nearest


def _artist_affinity(
    models: CandidateModels, listener: Listener, items: Positions
) -> tuple[Floats, Floats]:
    """Share of plays that went to each candidate's artist, and share of skips among its events."""
    artist = models.catalogue.artist
    history = listener.history
    n_artists = int(artist.max(initial=-1)) + 1
    heard = artist[history.item_index]
    named = heard >= 0
    plays = np.bincount(heard[named], history.plays[named], n_artists)
    skips = np.bincount(heard[named], history.skips[named], n_artists)
    wanted = artist[items]
    known = wanted >= 0
    play_share = np.full(len(items), np.nan, np.float32)
    skip_share = np.full(len(items), np.nan, np.float32)
    total = max(float(history.plays.sum()), 1e-9)
    play_share[known] = plays[wanted[known]] / total
    events = plays + skips
    with np.errstate(invalid="ignore"):  # an artist without events has no share: NaN
        skip_share[known] = (skips / np.where(events > 0, events, np.nan))[wanted[known]]
    return play_share, skip_share
