"""Features of candidates: one function, called alike in training and in serving.

"Cannot be computed" is NaN, which LightGBM treats as a value of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.arrays import Floats, Positions
from ranker.candidates import Candidates, reciprocal_rank_fusion
from ranker.listener import Listener
from ranker.models import CandidateModels

NEAREST = 3
"""Tracks of the history whose similarity is averaged for ``audio_nearest``."""

_NEVER_MET = -2

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
    "age",  # log(1 + days since anybody's first event with the track)
    "audio_nearest",  # mean cosine to the NEAREST most similar tracks that the listener likes
    "audio_recent",  # mean cosine to the NEAREST tracks that the listener liked last
    "album_plays",  # share of the listener's plays that went to the track's album
    "artist_plays",  # share of the listener's plays that went to the track's artist
    "artist_skips",  # share of the listener's plays and skips of that artist that were skips
    "listener_tracks",  # log(1 + tracks in the history)
    "listener_mainstream",  # mean log(1 + listeners) over the tracks that the listener likes
)


def feature_names(sources: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns that `compute_features` returns for models with these sources."""
    per_source = (f"{source}_{column}" for source in sources for column in _PER_SOURCE)
    return (*per_source, *_COMMON)


def compute_features(models: CandidateModels, listener: Listener, candidates: Candidates) -> Floats:
    """Features [shape=(n_candidates, n_features), dtype=float32], columns as `feature_names`.

    Every source that can score a candidate does so, also where another source proposed it; ranks
    exist only where the source itself proposed it.
    """
    items = candidates.item_index
    columns: list[Floats] = []
    for position, source in enumerate(models.sources):
        score = source.score(listener, items)
        columns += [score, _relative(score), candidates.rank[:, position]]

    liked = listener.liked_items
    mainstream = float(np.log1p(models.popularity[liked]).mean()) if len(liked) else np.nan
    nearest, recent = _audio_likeness(models, listener, items)
    catalogue = models.catalogue
    album_plays, _ = _affinity(catalogue.album, listener, items)
    artist_plays, artist_skips = _affinity(catalogue.artist, listener, items)
    n = len(items)
    columns += [
        (~np.isnan(candidates.rank)).sum(axis=1),
        reciprocal_rank_fusion(candidates.rank),
        np.log1p(models.popularity[items]),
        np.log1p(models.recent_popularity[items]),
        np.log1p(models.age[items]),
        nearest,
        recent,
        album_plays,
        artist_plays,
        artist_skips,
        np.full(n, np.log1p(len(listener.history))),
        np.full(n, mainstream),
    ]
    return np.column_stack(columns).astype(np.float32)


def _relative(score: Floats) -> Floats:
    """Standardised `score`, NaN where it is NaN; scales differ from listener to listener."""
    known = score[~np.isnan(score)]
    spread = float(known.std()) if len(known) else 0.0
    if spread <= 0:
        return np.where(np.isnan(score), np.nan, 0.0).astype(np.float32)
    relative: Floats = ((score - known.mean()) / spread).astype(np.float32)
    return relative


def _audio_likeness(
    models: CandidateModels, listener: Listener, items: Positions
) -> tuple[Floats, Floats]:
    """Mean cosines of `items` to the nearest and to the latest tracks that the listener likes.

    The latter are NaN where the history has no times.
    """
    unknown = np.full(len(items), np.nan, np.float32)
    liked = listener.liked_items
    if models.embeddings is None or not len(liked):
        return unknown, unknown
    rows = models.embeddings[liked]  # (n_liked, dimension)
    with_sound = ~np.isnan(rows[:, 0])
    if not with_sound.any():
        return unknown, unknown
    cosine = models.embeddings[items] @ rows[with_sound].T  # (n_items, n_known)
    k = min(NEAREST, cosine.shape[1])
    nearest: Floats = np.partition(cosine, cosine.shape[1] - k, axis=1)[:, -k:].mean(axis=1)
    last_at = listener.history.last_at[listener.prefers][with_sound]
    if np.isnan(last_at).any():
        return nearest, unknown
    latest = np.argsort(last_at, kind="stable")[-k:]
    return nearest, cosine[:, latest].mean(axis=1)


def _affinity(label: Positions, listener: Listener, items: Positions) -> tuple[Floats, Floats]:
    """Shares of plays that went to each item's label, and of skips among the label's events.

    Parameters
    ----------
    label : np.ndarray [shape=(n_items,), dtype=int32]
        Artist or album of every track, −1 where unknown.
    """
    history = listener.history
    heard = label[history.item_index]
    named = heard >= 0
    labels, place = np.unique(heard[named], return_inverse=True)
    # One more, of which there are no events, for whatever the history has not met.
    plays = np.bincount(place, history.plays[named], len(labels) + 1)
    skips = np.bincount(place, history.skips[named], len(labels) + 1)
    wanted = label[items]
    at = np.searchsorted(labels, wanted)
    at = np.where(np.append(labels, _NEVER_MET)[at] == wanted, at, len(labels))
    total = max(float(history.plays.sum()), 1e-9)
    play_share = np.where(wanted >= 0, plays[at] / total, np.nan)
    events = plays + skips
    with np.errstate(invalid="ignore", divide="ignore"):  # without events there is no share: NaN
        skip_share = np.where(wanted >= 0, (skips / events)[at], np.nan)
    return play_share.astype(np.float32), skip_share.astype(np.float32)
